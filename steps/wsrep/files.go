package wsrep

import (
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
// single version are left out.
func Groups() []string { return []string{"mysqld", "server", "mariadb", "mariadbd", "galera"} }

// Files is what the option files of a host ask for. A state transfer goes by
// them, since its scripts read them each time, and so does the next start.
type Files struct {
	Options []optionfile.SubOption // of the last wsrep_provider_options, the one that counts
	SST     SST

	CA, Cert, Key string // ssl-ca, ssl-cert, ssl-key of the server
	Required      bool   // require_secure_transport
}

// SST is what the scripts of a state transfer find.
type SST struct {
	Encrypt       string // of [sst], 0 where nothing is said
	Format        string // transferfmt of [sst]: socat where nothing is said
	CA, Cert, Key string
}

// Talk is how a full state transfer by xtrabackup or mariabackup talks.
func (s SST) Talk() Talk {
	if s.Encrypt == "0" || s.Format == "nc" {
		return Plaintext
	}
	return TLS
}

// ReadFiles reads the option files of a host, as a dry run foresees them.
func ReadFiles(ctx context.Context, r steps.Reader) (Files, error) {
	all, err := serverfiles.Server{}.Read(ctx, r)
	if err != nil {
		return Files{}, err
	}
	return FilesOf(all.Graph)
}

// FilesOf judges option files.
func FilesOf(g *optionfile.Graph) (Files, error) {
	server := func(key string) string { return last(g.Find(key, Groups()...)) }
	f := Files{CA: server("ssl-ca"), Cert: server("ssl-cert"), Key: server("ssl-key"),
		Required: Truth(server("require-secure-transport")) == "on"}
	var err error
	if f.Options, err = optionfile.ParseProviderOptions(server("wsrep-provider-options")); err != nil {
		return Files{}, fmt.Errorf("wsrep_provider_options of the option files cannot be read: %w", err)
	}
	sst := func(key string) string { return last(g.Find(key, "sst")) }
	f.SST = SST{Encrypt: sst("encrypt"), Format: sst("transferfmt"), CA: first(sst("tca"), sst("ssl-ca"), f.CA),
		Cert: first(sst("tcert"), sst("ssl-cert"), f.Cert), Key: first(sst("tkey"), sst("ssl-key"), f.Key)}
	f.SST.Encrypt = first(f.SST.Encrypt, "0")
	f.SST.Format = first(f.SST.Format, "socat")
	return f, nil
}

func last(all []optionfile.Option) string {
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1].Value
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
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
