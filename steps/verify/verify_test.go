package verify

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"testing"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/sqlclient"
	"lockstep/steps/stepstest"
)

const params = `
mysql: {ca: /c/ca.pem, server_name: db1.example, server_cert: /c/server-cert.pem, client_cert: /c/client-cert.pem, client_key: /c/client-key.pem}
galera: {ca: /c/ca.pem, cert: /c/server-cert.pem, key: /c/server-key.pem}
certificates: {files: [/c/ca.pem, /c/server-cert.pem], expires_in: 30d}
sql: [{query: SELECT 1, want: "1"}]
`

// site is a host with certificates, and servers that answer its connections.
type site struct {
	now              time.Time
	ca, server       *pki.Pair
	presented        *pki.Pair // what the servers present
	mysql, galera    func(*site, net.Conn)
	galeraTakesEvery bool
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{now: time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC), mysql: (*site).mysqlTLS, galera: (*site).galeraTLS}
	var err error
	if s.ca, err = pki.NewCA(rand.Reader, s.now, pki.CARequest{Name: "pxc", Algorithm: pki.ECDSAP256}); err != nil {
		t.Fatal(err)
	}
	s.server = s.issue(t, pki.LeafRequest{CommonName: "pxc node", Role: pki.RoleServer, Names: []string{"db1.example"}, Algorithm: pki.ECDSAP256})
	s.presented = s.server
	return s
}

func (s *site) issue(t *testing.T, r pki.LeafRequest) *pki.Pair {
	t.Helper()
	p, err := s.ca.Issue(rand.Reader, s.now, r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// build puts the site's files and servers into a world.
func (s *site) build(t *testing.T, w *stepstest.World) {
	client := s.issue(t, pki.LeafRequest{CommonName: "pxc client", Role: pki.RoleClient, Algorithm: pki.ECDSAP256})
	put := func(name string, p *pki.Pair) {
		key, err := p.KeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		w.Self.PutFile("/c/"+name+"-cert.pem", string(p.CertPEM()))
		w.Self.PutFile("/c/"+name+"-key.pem", string(key))
	}
	put("server", s.server)
	put("client", client)
	w.Self.PutFile("/c/ca.pem", string(s.ca.CertPEM()))
	w.Self.Answer(s.now.Format(clockFormat)+"\n", clockQuery().Argv...)
	w.Self.Answer("1\n", sqlclient.Login{}.Query("SELECT @@GLOBAL.require_secure_transport").Argv...)
	w.Self.Answer("1\n", sqlclient.Login{}.Query("SELECT 1").Argv...)
	for _, peer := range w.Peers {
		peer.Answer(s.now.Format(clockFormat)+"\n", clockQuery().Argv...)
	}
	w.Self.OnDial(func(_ context.Context, address string) (net.Conn, error) {
		_, port, _ := net.SplitHostPort(address)
		serve := map[string]func(*site, net.Conn){"3306": s.mysql, "4567": s.galera}[port]
		if serve == nil || strings.HasPrefix(address, "db9") {
			return nil, errors.New("connection refused")
		}
		return connect(func(conn net.Conn) { serve(s, conn) })
	})
}

// connect opens a real connection: a pipe has no buffers, so that two sides
// which both speak first would wait for each other.
func connect(serve func(net.Conn)) (net.Conn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		defer l.Close()
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			serve(conn)
		}
	}()
	return net.Dial("tcp", l.Addr().String())
}

func (s *site) config() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(s.ca.Cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{s.presented.Cert.Raw}, PrivateKey: s.presented.Key}},
		ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert, Time: func() time.Time { return s.now }}
}

// mysqlTLS greets with CLIENT_SSL, takes the 36 bytes that ask for TLS, and
// then waits for a login (MySQL source documentation, "Connection Phase").
func (s *site) mysqlTLS(conn net.Conn) {
	if _, err := conn.Write(greeting(0x0a00)); err != nil {
		return
	}
	if _, err := io.ReadFull(conn, make([]byte, 36)); err != nil {
		return
	}
	c := s.config()
	c.ClientAuth = tls.VerifyClientCertIfGiven
	_, _ = io.Copy(io.Discard, tls.Server(conn, c))
}

func (s *site) mysqlPlain(conn net.Conn) { _, _ = conn.Write(greeting(0x0200)) }

func greeting(capabilities uint16) []byte {
	body := append([]byte("\x0a8.0.40\x00"), make([]byte, 13)...)
	body = append(body, byte(capabilities), byte(capabilities>>8), 45, 2, 0, 0, 0, 21)
	body = append(body, make([]byte, 23)...)
	return append([]byte{byte(len(body)), 0, 0, 0}, body...)
}

// galeraTLS asks for a certificate and then sends its handshake inside TLS.
func (s *site) galeraTLS(conn net.Conn) {
	c := s.config()
	if s.galeraTakesEvery {
		c.ClientAuth = tls.NoClientCert
	}
	t := tls.Server(conn, c)
	if err := t.Handshake(); err != nil {
		return
	}
	_, _ = t.Write(make([]byte, 40))
	_, _ = io.Copy(io.Discard, t)
}

func (s *site) galeraPlain(conn net.Conn) {
	_, _ = conn.Write(append([]byte{40, 0, 0, 0, 1, 2, 3, 4, 0, 1}, make([]byte, 30)...))
	_, _ = io.Copy(io.Discard, conn)
}

func TestConform(t *testing.T) {
	s := newSite(t)
	build := func(w *stepstest.World) { w.AddPeer("db2"); s.build(t, w) }
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "all is well", YAML: params, Holds: true, Build: build},
		stepstest.Case{Name: "sound sets", YAML: sets, Holds: true, Build: build},
	)
}

func TestFindings(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, s *site, w *stepstest.World)
		want   []string // in this order; none: all is well
	}{
		{"nothing", nil, nil},
		{"no TLS at all", func(t *testing.T, s *site, w *stepstest.World) {
			s.mysql, s.galera = (*site).mysqlPlain, (*site).galeraPlain
		}, []string{"3306 offers no TLS", "4567: no TLS", "greets in plain text", "from db1 to db2"}},
		{"another certificate loaded", func(t *testing.T, s *site, w *stepstest.World) {
			s.presented = s.issue(t, pki.LeafRequest{CommonName: "old", Role: pki.RoleServer, Names: []string{"db1.example"}, Algorithm: pki.ECDSAP256})
		}, []string{"3306 presents the certificate", "4567 presents the certificate"}},
		{"another CA", func(t *testing.T, s *site, w *stepstest.World) {
			other := newSite(t)
			w.Self.PutFile("/c/ca.pem", string(other.ca.CertPEM()))
		}, []string{"3306 presents a certificate that does not verify", "4567 presents a certificate that does not verify"}},
		{"our certificate is refused", func(t *testing.T, s *site, w *stepstest.World) {
			other := newSite(t)
			key, _ := other.server.KeyPEM()
			w.Self.PutFile("/c/server-cert.pem", string(other.server.CertPEM()))
			w.Self.PutFile("/c/server-key.pem", string(key))
		}, []string{"4567 refuses the certificate"}},
		{"anybody gets in", func(t *testing.T, s *site, w *stepstest.World) { s.galeraTakesEvery = true },
			[]string{"lets in a peer without a certificate"}},
		{"expired soon", func(t *testing.T, s *site, w *stepstest.World) {
			w.Self.Answer(s.now.AddDate(0, 0, 810).Format(clockFormat), clockQuery().Argv...)
		}, []string{"server-cert.pem", "in less than 30d"}},
		{"plaintext logins", func(t *testing.T, s *site, w *stepstest.World) {
			w.Self.Answer("0\n", sqlclient.Login{}.Query("SELECT @@GLOBAL.require_secure_transport").Argv...)
		}, []string{"takes logins without TLS"}},
		{"a wrong answer", func(t *testing.T, s *site, w *stepstest.World) {
			w.Self.Answer("2\n", sqlclient.Login{}.Query("SELECT 1").Argv...)
		}, []string{`SELECT 1: the server says "2", wanted "1"`}},
		{"the server is down", func(t *testing.T, s *site, w *stepstest.World) {
			w.Self.AnswerWith(sqlclient.Stopped(), sqlclient.Login{}.Query("SELECT 1").Argv...)
			w.Self.OnDial(func(context.Context, string) (net.Conn, error) { return nil, errors.New("connection refused") })
		}, []string{"3306: no connection", "4567: no connection", "no server answers"}},
		{"a key of another pair", func(t *testing.T, s *site, w *stepstest.World) {
			w.Self.PutFile("/c/server-key.pem", w.Self.Content("/c/client-key.pem"))
		}, []string{"does not belong to the certificate"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, w := newSite(t), stepstest.NewWorld(Kind())
			s.build(t, w)
			if tt.change != nil {
				tt.change(t, s, w)
			}
			if strings.HasPrefix(tt.name, "no TLS") {
				w.AddPeer("db2")
				s.build(t, w)
			}
			err := stepstest.Decode(t, Kind(), params).(steps.Verifier).Verify(t.Context(), w.View())
			if err == nil {
				if len(tt.want) > 0 {
					t.Errorf("got no finding, want %q", tt.want)
				}
				return
			}
			rest := err.Error()
			for _, want := range tt.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("got %v\nwithout %q, or in another order", err, want)
				}
				rest = after
			}
			if len(tt.want) == 0 {
				t.Errorf("got %v, want nothing", err)
			}
			if strings.Contains(err.Error(), "PRIVATE KEY") {
				t.Errorf("the error shows a key")
			}
		})
	}
}

// TestBeforeItJoins looks at the others alone: nothing listens here yet.
func TestBeforeItJoins(t *testing.T) {
	const params = "galera: {ca: /c/ca.pem, cert: /c/server-cert.pem, key: /c/server-key.pem, own: false}"
	for _, tt := range []struct {
		name   string
		change func(s *site)
		want   string
	}{
		{"let in", func(*site) {}, ""},
		{"a member without TLS", func(s *site) { s.galera = (*site).galeraPlain }, "from db1 to db2"},
	} {
		s, w := newSite(t), stepstest.NewWorld(Kind())
		tt.change(s)
		w.AddPeer("db2")
		s.build(t, w)
		var dialed []string
		serve := s.galera
		w.Self.OnDial(func(_ context.Context, address string) (net.Conn, error) {
			dialed = append(dialed, address)
			return connect(func(conn net.Conn) { serve(s, conn) })
		})
		err := stepstest.Decode(t, Kind(), params).(steps.Verifier).Verify(t.Context(), w.View())
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if len(dialed) != 1 {
			t.Errorf("%s: looked at %v, want at the other node alone", tt.name, dialed)
		}
	}
}

const sets = `
certificates:
  sets:
    - {ca: /c/ca.pem, cert: /c/server-cert.pem, key: /c/server-key.pem}
    - {ca: /c/ca.pem, cert: /c/client-cert.pem, key: /c/client-key.pem, role: client}
`

// TestSetsBeforeAChange judges files in the probe, as a dry run does.
func TestSetsBeforeAChange(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, s *site, h *stepstest.Fake)
		want   []string // none: sound
	}{
		{"sound", nil, nil},
		{"a client's certificate as a server's", func(t *testing.T, s *site, h *stepstest.Fake) {
			h.PutFile("/c/server-cert.pem", h.Content("/c/client-cert.pem"))
			h.PutFile("/c/server-key.pem", h.Content("/c/client-key.pem"))
		}, []string{"/c/server-cert.pem: ", "may not be used as", "do: "}},
		{"another's key", func(t *testing.T, s *site, h *stepstest.Fake) {
			h.PutFile("/c/client-key.pem", h.Content("/c/server-key.pem"))
		}, []string{"/c/client-cert.pem: ", "does not belong to"}},
		{"another authority, in both sets", func(t *testing.T, s *site, h *stepstest.Fake) {
			h.PutFile("/c/ca.pem", string(newSite(t).ca.CertPEM()))
		}, []string{"/c/server-cert.pem: the chain does not verify", "/c/client-cert.pem: the chain does not verify"}},
		{"certificate in place of its authority", func(t *testing.T, s *site, h *stepstest.Fake) {
			p := s.issue(t, pki.LeafRequest{CommonName: "another", Role: pki.RoleServer, Algorithm: pki.ECDSAP256})
			key, _ := p.KeyPEM()
			h.PutFile("/c/server-key.pem", string(key))
			h.PutFile("/c/server-cert.pem", string(p.CertPEM()))
			h.PutFile("/c/ca.pem", string(p.CertPEM()))
		}, []string{"/c/server-cert.pem: the chain does not verify", "/c/client-cert.pem: the chain does not verify"}},
		{"expired by the host's clock", func(t *testing.T, s *site, h *stepstest.Fake) {
			h.Answer(s.now.AddDate(3, 0, 0).Format(clockFormat), clockQuery().Argv...)
		}, []string{"/c/server-cert.pem: ", "ended", "/c/client-cert.pem: ", "ended"}},
		{"a missing key", func(t *testing.T, s *site, h *stepstest.Fake) { h.Delete("/c/server-key.pem") },
			[]string{"/c/server-key.pem does not exist on db1"}},
		{"a key among certificates", func(t *testing.T, s *site, h *stepstest.Fake) {
			h.PutFile("/c/ca.pem", h.Content("/c/ca.pem")+h.Content("/c/server-key.pem"))
		}, []string{"a private key stands among certificates"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, w := newSite(t), stepstest.NewWorld(Kind())
			s.build(t, w)
			foreseen := w.Self.Preview()
			if tt.change != nil {
				tt.change(t, s, foreseen)
			}
			c, err := stepstest.Decode(t, Kind(), sets).Probe(t.Context(), w.ViewOf(foreseen))
			if !c.Empty() || (err == nil) != (len(tt.want) == 0) {
				t.Fatalf("got %v, %v; want no change and an error with %q", c, err, tt.want)
			}
			rest := ""
			if err != nil {
				rest = err.Error()
			}
			for _, want := range tt.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("got %v\nwithout %q, or in another order", err, want)
				}
				rest = after
			}
			if strings.Contains(rest, "PRIVATE KEY") {
				t.Error("the error shows a key")
			}
		})
	}
}

// TestSetsThatTheirReaderCannotRead judges rights as the kernel does: the first of
// owner, group and others that fits counts, also on the directories above.
func TestSetsThatTheirReaderCannotRead(t *testing.T) {
	const key = "/c/server-key.pem"
	for _, tt := range []struct {
		name         string
		owner, group string
		mode         fs.FileMode
		dir          fs.FileMode // of /c, which belongs to root:ssl
		want         string
	}{
		{"its own", "mysql", "mysql", 0o400, 0o755, ""},
		{"by its group", "root", "ssl", 0o640, 0o750, ""},
		{"by all", "root", "root", 0o644, 0o755, ""},
		{"of root alone", "root", "root", 0o600, 0o755, "/c/server-key.pem belongs to root:root with mode 0600, so mysql may not read it"},
		{"an owner without the right that all have", "mysql", "mysql", 0o044, 0o755, "mysql:mysql with mode 0044"},
		{"a group without the right that all have", "root", "ssl", 0o604, 0o755, "root:ssl with mode 0604"},
		{"in a directory that is closed", "mysql", "mysql", 0o400, 0o700, "/c belongs to root:ssl with mode 0700, so mysql may not enter it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, w := newSite(t), stepstest.NewWorld(Kind())
			s.build(t, w)
			w.Self.Chown("/c", "root", "ssl", tt.dir)
			for _, file := range []string{"/c/ca.pem", "/c/server-cert.pem"} {
				w.Self.Chown(file, "root", "root", 0o644)
			}
			w.Self.Chown(key, tt.owner, tt.group, tt.mode)
			w.Self.Answer("mysql ssl\n", groupsQuery("mysql").Argv...)
			_, err := stepstest.Decode(t, Kind(), `certificates: {sets: [{ca: /c/ca.pem, cert: /c/server-cert.pem, key: /c/server-key.pem, reader: mysql}]}`).Probe(t.Context(), w.View())
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("nobody of that name", func(t *testing.T) {
		s, w := newSite(t), stepstest.NewWorld(Kind())
		s.build(t, w)
		w.Self.AnswerTo(groupsQuery("mysqld"), steps.Output{Code: 1, Stderr: []byte("id: 'mysqld': no such user\n")})
		_, err := stepstest.Decode(t, Kind(), `certificates: {sets: [{ca: /c/ca.pem, cert: /c/server-cert.pem, key: /c/server-key.pem, reader: mysqld}]}`).Probe(t.Context(), w.View())
		if err == nil || !strings.Contains(err.Error(), "has no user mysqld") {
			t.Errorf("got %v", err)
		}
	})
}

// TestSetsLeaveNotes tells what is not refused.
func TestSetsLeaveNotes(t *testing.T) {
	s, w := newSite(t), stepstest.NewWorld(Kind())
	s.build(t, w)
	c, err := stepstest.Decode(t, Kind(), sets+"address: 10.0.0.9").Probe(t.Context(), w.View())
	if err != nil || len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "does not name 10.0.0.9") {
		t.Errorf("got %q, %v; want one note about the address", c.Notes, err)
	}
}

// TestSetsThatARunMakes judges what stands for content that only the real run
// makes, and says so when nothing does.
func TestSetsThatARunMakes(t *testing.T) {
	s, w := newSite(t), stepstest.NewWorld(Kind())
	s.build(t, w)
	for content, foreseeable := range map[string]bool{w.Self.Content("/c/server-key.pem"): true, "": false} {
		dry := w.Self.Preview()
		if err := dry.WriteFile(t.Context(), "/c/server-key.pem", []byte(content), steps.Attrs{Unsettled: true}); err != nil {
			t.Fatal(err)
		}
		_, err := stepstest.Decode(t, Kind(), sets).Probe(t.Context(), w.ViewOf(dry))
		if _, unforeseen := steps.IsUnforeseen(err); unforeseen == foreseeable || foreseeable && err != nil {
			t.Errorf("%d bytes: got %v, want that it can be foreseen: %v", len(content), err, foreseeable)
		}
	}
}

// TestPeerThatIsOnlyForeseen makes sure that a dry run does not dial a peer
// whose server it has started in thought only.
func TestPeerThatIsOnlyForeseen(t *testing.T) {
	s, w := newSite(t), stepstest.NewWorld(Kind())
	peer := w.AddPeer("db2")
	s.build(t, w)
	foreseen := peer.Preview()
	if _, err := foreseen.Exec(t.Context(), steps.Command{Argv: []string{"systemctl", "start", "mariadb"}}); err != nil {
		t.Fatal(err)
	}
	v := steps.View{Self: w.Self, Others: func() []steps.Reader { return []steps.Reader{foreseen} }}
	err := stepstest.Decode(t, Kind(), params).(steps.Verifier).Verify(t.Context(), v)
	if _, ok := steps.IsUnforeseen(err); !ok {
		t.Errorf("got %v, want that it cannot be foreseen", err)
	}
}

func TestCheck(t *testing.T) {
	for yaml, want := range map[string]string{
		"address: db1": "nothing is to be proven",
		"mysql: {ca: /c/ca.pem, client_cert: /c/c.pem}": "go together",
		"mysql: {port: 3306}":                           `"ca" is missing`,
		"sql: [{query: SELECT 1}]":                      `"want" is missing`,
	} {
		if _, err := stepstest.TryDecode(Kind(), yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", yaml, err, want)
		}
	}
}
