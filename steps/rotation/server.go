package rotation

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"lockstep/internal/optionfile"
	"lockstep/steps"
	"lockstep/steps/param"
	"lockstep/steps/sqlclient"
	"lockstep/steps/unit"
	"lockstep/steps/wsrep"
)

// Ports are where a member's server listens; zero is a port that is not asked.
type Ports struct{ MySQL, Galera int }

// Params declares the ports, which are the usual ones unless the plan says so.
func (p *Ports) Params(s *param.Set) {
	p.MySQL, p.Galera = 3306, 4567
	s.Int(&p.MySQL, "mysql_port", "the port for clients; 0 when the certificates are not for them")
	s.Int(&p.Galera, "galera_port", "the port for replication; 0 when the certificates are not for that")
}

// Access says how a member's server is found and asked.
type Access struct {
	Service string
	Login   sqlclient.Login
}

// Params declares how to reach the server.
func (a *Access) Params(s *param.Set) {
	s.String(&a.Service, "service", "the systemd unit of the server; without it mariadb or mysql, whichever the host has")
	a.Login.Params(s)
}

// Server is what a database server says of itself. The zero Server does not run.
type Server struct {
	Unit    unit.State // that of the server's service; its Name is empty where the host has none
	Up      bool
	MariaDB bool
	Version string // 10.11.19
	Galera  string // the provider's version as it prints it, 4.23; empty without one
	// CA, Cert and Key are the files of port 3306, Socket those of 4567, by the
	// names of the provider's parameters.
	CA, Cert, Key string
	Socket        map[string]string

	foreseen *process // in a dry run, behind a reload or restart
	text     string   // its answer
}

// process is what a server has loaded, where a dry run foresees it.
type process struct{ presents, trusts []*x509.Certificate }

const stateSQL = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version','version_comment','datadir','ssl_ca','ssl_cert','ssl_key','wsrep_provider_options');" +
	" SHOW GLOBAL STATUS LIKE 'wsrep_provider_version'"

// Loaded is the word for what a server has loaded of its certificates, in
// Command.Writes of who lets it load them.
func Loaded(service string) string { return "certificates loaded by " + service }

func (a Access) query(service string) steps.Command {
	return a.Login.Query(stateSQL, unit.Resource(service), Loaded(service))
}

// ask asks the server of a host. A host without one, or whose server is down,
// is no error.
func (a Access) ask(ctx context.Context, r steps.Reader) (Server, error) {
	found, err := a.find(ctx, r)
	if err != nil || found.Name == "" {
		return Server{}, err
	}
	s := Server{Unit: found}
	out, err := r.Query(ctx, a.query(found.Name))
	if err != nil || sqlclient.Down(out) {
		return s, err
	}
	text, err := sqlclient.Answer(out)
	if err != nil {
		return s, err
	}
	return s.parse(text)
}

func (a Access) find(ctx context.Context, r steps.Reader) (unit.State, error) {
	if a.Service != "" {
		found, err := unit.Must(ctx, r, a.Service)
		if err != nil {
			return found, err
		}
		return wsrep.Counting(ctx, r, found)
	}
	for _, name := range []string{"mariadb", "mysql"} {
		found, err := unit.Status(ctx, r, name)
		if err == nil && found.Exists() {
			return wsrep.Counting(ctx, r, found)
		}
		if err != nil {
			return found, err
		}
	}
	return unit.State{}, nil
}

// mark begins the lines that only a dry run's foreseen answers have.
const mark = "lockstep-foreseen"

func (s Server) parse(text string) (Server, error) {
	s.Up, s.text = true, text
	dataDir := ""
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "\t")
		switch name {
		case "version":
			s.Version = regexp.MustCompile(`^[0-9.]+`).FindString(value)
			s.MariaDB = s.MariaDB || strings.Contains(value, "MariaDB")
		case "version_comment":
			s.MariaDB = s.MariaDB || strings.Contains(strings.ToLower(value), "mariadb")
		case "datadir":
			dataDir = value
		case "ssl_ca":
			s.CA = value
		case "ssl_cert":
			s.Cert = value
		case "ssl_key":
			s.Key = value
		case "wsrep_provider_version":
			s.Galera = regexp.MustCompile(`^[0-9.]+`).FindString(value)
		case "wsrep_provider_options":
			options, err := optionfile.ParseProviderOptions(strings.TrimSpace(value))
			if err != nil {
				return s, fmt.Errorf("the provider options of the server cannot be read: %w", err)
			}
			s.Socket = map[string]string{}
			for _, o := range options {
				s.Socket[o.Key] = o.Value
			}
		case mark:
			if err := s.recall(value); err != nil {
				return s, err
			}
		}
	}
	below := func(file string) string { return wsrep.Member{DataDir: dataDir}.Path(file) }
	s.CA, s.Cert, s.Key = below(s.CA), below(s.Cert), below(s.Key)
	for _, name := range []string{"socket.ssl_ca", "socket.ssl_cert", "socket.ssl_key"} {
		if file, ok := s.Socket[name]; ok {
			s.Socket[name] = below(file)
		}
	}
	return s, lines.Err()
}

// Restart restarts the server; files are what it reads at start. Of one that was
// bootstrapped by an instance of its unit that instance is stopped, since it would
// bootstrap another cluster, and the unit itself is started. h does the stop, up
// the act that brings the server back.
func (s Server) Restart(ctx context.Context, h, up steps.Host, files ...string) error {
	main, first := strings.CutSuffix(s.Unit.Name, wsrep.BootstrapSuffix)
	if !first {
		return unit.Restart(ctx, up, main, files...)
	}
	if err := unit.Stop(ctx, h, s.Unit.Name); err != nil {
		return err
	}
	return unit.Start(ctx, up, main, files...)
}

// Replicates reports whether the server's replication uses TLS.
func (s Server) Replicates() bool { return s.Socket["socket.ssl_cert"] != "" }

// recall reads a line that Foreseen wrote.
func (s *Server) recall(value string) error {
	if s.foreseen == nil {
		s.foreseen = &process{}
	}
	what, text, _ := strings.Cut(value, "\t")
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	if what == "presents" {
		s.foreseen.presents = append(s.foreseen.presents, c)
	} else {
		s.foreseen.trusts = append(s.foreseen.trusts, c)
	}
	return nil
}

// Foreseen is what the server will say once it has loaded a chain and
// authorities. What it trusted before counts no more: a reload keeps it, but
// nothing may rest on that.
func (a Access) Foreseen(s Server, chain, trusts []*x509.Certificate) steps.Foreseen {
	var b bytes.Buffer
	for line := range strings.Lines(s.text) {
		if !strings.HasPrefix(line, mark+"\t") {
			b.WriteString(line)
		}
	}
	write := func(what string, certs []*x509.Certificate) {
		for _, c := range certs {
			fmt.Fprintf(&b, "%s\t%s\t%s\n", mark, what, base64.StdEncoding.EncodeToString(c.Raw))
		}
	}
	write("presents", chain)
	write("trusts", trusts)
	return steps.Foreseen{Query: a.query(s.Unit.Name), Output: steps.Output{Stdout: b.Bytes()}}
}

// Reload returns the statements that let the server read its certificates anew,
// or why it cannot. The sources: MariaDB Knowledge Base, FLUSH SSL (10.4.1, the
// provider's since MDEV-22668); MySQL Reference Manual, ALTER INSTANCE (8.0.16);
// Galera release notes, socket.ssl_reload (26.4.8). Neither statement is
// replicated or written to the binary log in these forms.
func (s Server) Reload() (sql, why string) {
	switch {
	case s.MariaDB && atLeast(s.Version, 10, 4, 1):
		sql = "FLUSH LOCAL SSL"
	case s.MariaDB:
		return "", "MariaDB reloads certificates since 10.4.1, and this is " + s.Version
	case atLeast(s.Version, 8, 0, 16):
		sql = "ALTER INSTANCE RELOAD TLS"
	default:
		return "", "MySQL reloads certificates since 8.0.16, and this is " + s.Version
	}
	if !s.Replicates() {
		return sql, ""
	}
	if !atLeast(strings.TrimPrefix(s.Galera, "26."), 4, 8) {
		return "", "Galera reloads certificates since 26.4.8, and this is " + s.Galera
	}
	return sql + "; SET GLOBAL wsrep_provider_options='socket.ssl_reload=1'", ""
}

// atLeast compares a version; what cannot be read is too old.
func atLeast(version string, want ...int) bool {
	parts := strings.Split(version, ".")
	for i, w := range want {
		if i == len(parts) {
			return false
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < w {
			return false
		}
		if n > w {
			return true
		}
	}
	return true
}
