package wsrep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"lockstep/internal/optionfile"
	"lockstep/steps"
	"lockstep/steps/serverfiles"
)

// Groups are the sections that a server reads as if they were one. Those of a
// single version are left out, and a server whose flavour is not known reads all.
func Groups(of Flavour) []string {
	switch of {
	case PXC, MySQL:
		return []string{"mysqld", "server"}
	}
	return []string{"mysqld", "server", "mariadb", "mariadbd", "galera"}
}

// Files is what the option files of a host ask for. A state transfer goes by
// them, since its scripts read them each time, and so does the next start.
type Files struct {
	Options []optionfile.SubOption // of the last wsrep_provider_options, the one that counts
	SST     SST

	CA, Cert, Key string // ssl-ca, ssl-cert, ssl-key of the server
	Required      bool   // require_secure_transport
	Auto          string // pxc_encrypt_cluster_traffic: on, off, or "" where nothing is said
}

// AutoAfter tells whether a member will run in the automatic mode of Percona's
// cluster once it is restarted with f. What the files do not say is off in 5.7 and
// on in 8.0 and later.
func (m Member) AutoAfter(f Files) bool {
	return m.Flavour == PXC && (f.Auto == "on" || f.Auto == "" && !strings.HasPrefix(m.Version, "5."))
}

// ReplicationAfter is how a member will replicate once it is restarted with f.
func (m Member) ReplicationAfter(f Files) Talk {
	if m.AutoAfter(f) {
		return TLS
	}
	return ReplicationOf(f.Options)
}

// ISTAfter is the same of incremental transfers.
func (m Member) ISTAfter(f Files) Talk {
	if m.AutoAfter(f) {
		return TLS
	}
	return IST(f.Options)
}

// Found fills in the files that a server of MySQL finds in its data directory where
// none of the three is named (MySQL Reference Manual, "Creating SSL and RSA
// Certificates and Keys using MySQL").
func (m Member) Found(ctx context.Context, r steps.Reader, f Files) (Files, error) {
	if m.Flavour != PXC && m.Flavour != MySQL || f.CA+f.Cert+f.Key != "" {
		return f, nil
	}
	found := Files{CA: m.Path("ca.pem"), Cert: m.Path("server-cert.pem"), Key: m.Path("server-key.pem")}
	for _, file := range []string{found.CA, found.Cert, found.Key} {
		st, err := r.Stat(ctx, file)
		if err != nil || st.Kind == steps.Absent {
			return f, err
		}
	}
	f.CA, f.Cert, f.Key = found.CA, found.Cert, found.Key
	return f, nil
}

// SST is what the scripts of a state transfer find.
type SST struct {
	Encrypt       string // 0 where nothing is said
	Format        string // transferfmt of [sst]: socat where nothing is said
	CA, Cert, Key string // of encrypt=4
}

// Talk is how a full state transfer by xtrabackup or mariabackup talks.
func (s SST) Talk() Talk {
	if s.Encrypt == "0" || s.Format == "nc" {
		return Plaintext
	}
	return TLS
}

// ReadFiles reads the option files of a host, as a dry run foresees them.
func ReadFiles(ctx context.Context, r steps.Reader, of Flavour) (Files, error) {
	all, err := serverfiles.Server{}.Read(ctx, r)
	if err != nil {
		return Files{}, err
	}
	return FilesOf(all.Graph, of)
}

// FilesOf judges option files as a server of a flavour and its scripts do.
func FilesOf(g *optionfile.Graph, of Flavour) (Files, error) {
	server := func(key string) string { return last(g.Find(key, Groups(of)...)) }
	f := Files{CA: server("ssl-ca"), Cert: server("ssl-cert"), Key: server("ssl-key"),
		Required: Truth(server("require-secure-transport")) == "on", Auto: Truth(server("pxc-encrypt-cluster-traffic"))}
	var err error
	if f.Options, err = optionfile.ParseProviderOptions(server("wsrep-provider-options")); err != nil {
		return Files{}, fmt.Errorf("wsrep_provider_options of the option files cannot be read: %w", err)
	}
	f.SST = transfers(g, of)
	return f, nil
}

// transfers looks for the options of a state transfer as the scripts do. That of
// MariaDB asks the sections of the server before [sst], and takes tca, tcert and
// tkey of [sst] for all three as soon as there is one of them (wsrep_sst_common,
// check_server_ssl_config). That of Percona's cluster asks [sst] before [mysqld],
// and knows tca, tcert and tkey for encrypt=2 and 3 only (wsrep_sst_xtrabackup-v2,
// read_cnf).
func transfers(g *optionfile.Graph, of Flavour) SST {
	from := func(key string, sections ...[]string) string {
		for _, names := range sections {
			if value := last(g.Find(key, names...)); value != "" {
				return value
			}
		}
		return ""
	}
	sst, server := []string{"sst"}, Groups(of)
	encrypt, files := [][]string{sst}, [][]string{sst, {"mysqld"}}
	if of == MariaDB {
		encrypt = [][]string{server, sst, {"xtrabackup"}, {"mariabackup"}}
		files = encrypt
	}
	s := SST{Encrypt: cmp.Or(from("encrypt", encrypt...), "0"), Format: cmp.Or(from("transferfmt", sst), "socat"),
		CA: from("ssl-ca", files...), Cert: from("ssl-cert", files...), Key: from("ssl-key", files...)}
	if ca, cert, key := from("tca", sst), from("tcert", sst), from("tkey", sst); of == MariaDB && ca+cert+key != "" {
		s.CA, s.Cert, s.Key = ca, cert, key
	}
	return s
}

func last(all []optionfile.Option) string {
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1].Value
}

// Tied returns the addresses in provider options that are tied to plain text by
// tcp://, which wins over all that socket.ssl says.
func Tied(options []optionfile.SubOption) []string {
	var tied []string
	for _, key := range []string{"gmcast.listen_addr", "ist.recv_addr", "ist.recv_bind"} {
		if v := values(options)[key]; strings.HasPrefix(v, "tcp://") {
			tied = append(tied, key+" = "+v)
		}
	}
	return tied
}

// Manifest returns the name of a file that loads a keyring component of MySQL 8
// on a host, or "". Such a file stands beside the server program or the data
// (MySQL Reference Manual, "Keyring Component Installation").
func Manifest(ctx context.Context, r steps.Reader, dataDir string) (string, error) {
	for _, dir := range []string{"/usr/sbin", dataDir} {
		if !path.IsAbs(dir) {
			continue
		}
		file := path.Join(dir, "mysqld.my")
		text, err := r.ReadFile(ctx, file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", err
		case strings.Contains(string(text), "component_keyring"):
			return file, nil
		}
	}
	return "", nil
}
