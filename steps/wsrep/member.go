// Package wsrep knows what a member of a Galera cluster says of itself, and
// judges it: its flavour, its versions, and which of its traffic is encrypted.
// It is shared by kinds and is none itself. All but the reading is pure, so that
// servers which cannot run in a test are judged by recorded answers.
package wsrep

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"

	"lockstep/internal/optionfile"
	"lockstep/steps"
	"lockstep/steps/sqlclient"
)

// Member is one server in its own words. The zero Member does not run. Of one
// that does not, Read knows the flavour by its unit, as far as it tells.
type Member struct {
	Running bool
	Flavour Flavour
	Version string // of the server, as it says it
	Galera  Version

	Cluster, UUID string   // wsrep_cluster_name, wsrep_cluster_state_uuid
	Component     string   // wsrep_cluster_status: Primary, non-Primary, ...
	Size          int      // wsrep_cluster_size, which counts arbitrators too
	Addresses     []string // wsrep_incoming_addresses, without ports

	Options   []optionfile.SubOption // wsrep_provider_options, by which it runs
	SSTMethod string                 // wsrep_sst_method, which may be changed at run time
	Schema    string                 // wsrep_OSU_method: TOI or RSU
	Auto      bool                   // pxc_encrypt_cluster_traffic
	DataDir   string

	CA, Cert, Key string // ssl_ca, ssl_cert, ssl_key as configured
	NoTLS         bool   // have_ssl says that clients cannot have TLS
	Required      bool   // require_secure_transport

	Keyrings []string // variables of loaded plugins that keep keys of encrypted tables
}

// Strangers are members by the cluster's own view that are none of hosts, given by
// address. Where those have names in place of addresses they cannot be compared,
// and the number alone tells; an arbitrator has no address and counts as one.
func (m Member) Strangers(hosts []string) []string {
	var unknown []string
	comparable := !slices.ContainsFunc(hosts, func(at string) bool { return net.ParseIP(at) == nil })
	for _, at := range m.Addresses {
		if comparable && net.ParseIP(at) != nil && !slices.Contains(hosts, at) {
			unknown = append(unknown, at)
		}
	}
	for n := len(hosts) + len(unknown); n < m.Size; n++ {
		unknown = append(unknown, "unknown")
	}
	return unknown
}

// Flavour is whose build of Galera it is.
type Flavour string

// The flavours.
const (
	MariaDB Flavour = "mariadb"
	PXC     Flavour = "pxc"
	MySQL   Flavour = "mysql" // Codership's
)

// factsSQL does not wait for the cluster (wsrep_sync_wait), so that a node
// outside the primary component answers too. What a version does not know it
// leaves out of its answer, since SHOW filters and refuses nothing. A plugin that
// keeps keys is known by its variable: information_schema.PLUGINS would need a
// table on disk.
const factsSQL = "SET SESSION wsrep_sync_wait=0;" +
	" SHOW GLOBAL VARIABLES WHERE Variable_name IN ('datadir','have_ssl','pxc_encrypt_cluster_traffic','require_secure_transport'," +
	"'ssl_ca','ssl_cert','ssl_key','version','version_comment','wsrep_cluster_name','wsrep_osu_method','wsrep_provider_options','wsrep_sst_method'," +
	"'aws_key_management_master_key_id','file_key_management_filename','hashicorp_key_management_vault_url','keyring_aws_conf_file'," +
	"'keyring_encrypted_file_data','keyring_file_data','keyring_okv_conf_dir','keyring_vault_config');" +
	" SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_size','wsrep_cluster_state_uuid','wsrep_cluster_status'," +
	"'wsrep_incoming_addresses','wsrep_provider_version')"

// Query asks the server of a host for its facts; service is its systemd unit.
func Query(service string, l sqlclient.Login) steps.Command {
	return l.Query(factsSQL, "service:"+service)
}

// Read asks the server of a host.
func Read(ctx context.Context, r steps.Reader, service string, l sqlclient.Login) (Member, error) {
	out, err := r.Query(ctx, Query(service, l))
	if err != nil {
		return Member{}, err
	}
	m, err := Parse(out)
	if err == nil && !m.Running && strings.HasPrefix(service, "mariadb") {
		m.Flavour = MariaDB
	}
	return m, err
}

// Parse reads the answer to Query.
func Parse(out steps.Output) (Member, error) {
	if sqlclient.Down(out) {
		return Member{}, nil
	}
	text, err := sqlclient.Answer(out)
	if err != nil {
		return Member{}, withoutGalera(err)
	}
	said := map[string]string{}
	m := Member{Running: true}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "keyring_") || strings.Contains(name, "_key_management_") {
			m.Keyrings = append(m.Keyrings, name)
		}
		said[name] = value
	}
	if _, ok := said["wsrep_provider_options"]; !ok {
		return Member{}, withoutGalera(errors.New("ERROR 1193: it shows no wsrep variable"))
	}
	return m.fill(said)
}

func (m Member) fill(said map[string]string) (Member, error) {
	var err error
	if m.Options, err = optionfile.ParseProviderOptions(strings.TrimSpace(said["wsrep_provider_options"])); err != nil {
		return Member{}, fmt.Errorf("the provider options of the server cannot be read: %w", err)
	}
	m.Version = said["version"]
	m.Flavour = flavourOf(m.Version, said["version_comment"])
	m.Galera = ParseVersion(said["wsrep_provider_version"])
	m.Cluster, m.UUID, m.Component = said["wsrep_cluster_name"], said["wsrep_cluster_state_uuid"], said["wsrep_cluster_status"]
	m.Size, _ = strconv.Atoi(said["wsrep_cluster_size"])
	for _, at := range strings.Split(said["wsrep_incoming_addresses"], ",") {
		if i := strings.LastIndex(at, ":"); i > 0 {
			at = at[:i]
		}
		if at = strings.Trim(at, "[] "); at != "" {
			m.Addresses = append(m.Addresses, at)
		}
	}
	m.SSTMethod, m.Schema, m.DataDir = said["wsrep_sst_method"], said["wsrep_osu_method"], said["datadir"]
	m.Auto = Truth(said["pxc_encrypt_cluster_traffic"]) == "on"
	m.CA, m.Cert, m.Key = said["ssl_ca"], said["ssl_cert"], said["ssl_key"]
	m.NoTLS = said["have_ssl"] == "DISABLED" || said["have_ssl"] == "NO"
	m.Required = Truth(said["require_secure_transport"]) == "on"
	return m, nil
}

// Path is where a file is that the server names: a relative name is below its
// data directory.
func (m Member) Path(file string) string {
	if file == "" || path.IsAbs(file) {
		return file
	}
	return path.Join(m.DataDir, file)
}

// flavourOf knows that MariaDB says so in its version, and Percona's cluster in
// the comment ("Percona XtraDB Cluster (GPL), Release rel36, ...").
func flavourOf(version, comment string) Flavour {
	switch {
	case strings.Contains(version, "MariaDB"):
		return MariaDB
	case strings.Contains(comment, "Percona"):
		return PXC
	}
	return MySQL
}

// withoutGalera explains the refusal of a server that has no wsrep variables;
// 1193 is "unknown system variable".
func withoutGalera(err error) error {
	if !strings.Contains(err.Error(), "ERROR 1193") {
		return err
	}
	return &steps.Problem{What: "the server runs without Galera", Err: err,
		Do: "set wsrep_on and wsrep_provider in its option files, or leave the host out of the plan"}
}
