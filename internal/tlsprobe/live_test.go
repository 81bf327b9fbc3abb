package tlsprobe

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep/internal/pki"
)

const (
	mariadbd = "/usr/sbin/mariadbd"
	provider = "/usr/lib/galera/libgalera_smm.so"
)

// need skips where something is not installed, except in CI.
func need(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed, and CI needs it", path)
	}
	t.Skipf("%s is not installed", path)
}

// TestRealNode probes a throw-away MariaDB node with Galera: the proof that
// the fakes of the other tests behave like the real thing.
func TestRealNode(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real server; not with -short")
	}
	need(t, mariadbd)
	need(t, provider)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c := newCerts(t)
	n := newNode(t, ctx, c)

	t.Run("TLS everywhere", func(t *testing.T) {
		n.start(t, ctx, "ssl", n.socketTLS())
		n.checkMySQL(t, ctx, c)
		n.checkGroup(t, ctx, c)
		n.checkFirst(t, ctx, KindSilent)
	})
	t.Run("group in plain text", func(t *testing.T) {
		n.start(t, ctx, "tcp", "")
		n.checkFirst(t, ctx, KindGalera)
		if r, err := TLS(ctx, n.dial(t, ctx, n.group), Options{}); err == nil || !strings.Contains(err.Error(), "plain text") {
			t.Errorf("TLS to a plain text node: %+v, %v", r, err)
		}
	})
	t.Run("group takes both", func(t *testing.T) {
		n.start(t, ctx, "tcp", n.socketTLS()+";socket.dynamic=true")
		n.checkFirst(t, ctx, KindGalera)
		n.checkGroup(t, ctx, c)
	})
}

// node is one data directory that is started again and again.
type node struct {
	dir        string
	uid, gid   int // -1: as the user of this test
	sql, group string
}

func newNode(t *testing.T, ctx context.Context, c certs) *node {
	t.Helper()
	dir, err := os.MkdirTemp("", "tlsprobe")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	n := &node{dir: dir, uid: -1, gid: -1, sql: freePort(t), group: freePort(t)}
	if os.Getuid() == 0 {
		n.uid, n.gid = mysqlUser(t)
	}
	n.own(t, dir)
	key, err := c.server.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	n.write(t, "ca.pem", c.ca.CertPEM())
	n.write(t, "cert.pem", c.server.CertPEM())
	n.write(t, "key.pem", key)
	args := []string{"--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal", "--datadir=" + n.path("data"),
		"--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--aria-log-file-size=8M"}
	if out, err := exec.CommandContext(ctx, "mariadb-install-db", n.asUser(args)...).CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	return n
}

func mysqlUser(t *testing.T) (uid, gid int) {
	t.Helper()
	u, err := user.Lookup("mysql")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid
}

func (n *node) path(name string) string { return filepath.Join(n.dir, name) }

func (n *node) own(t *testing.T, path string) {
	t.Helper()
	if n.uid < 0 {
		return
	}
	if err := os.Chown(path, n.uid, n.gid); err != nil {
		t.Fatal(err)
	}
}

func (n *node) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(n.path(name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	n.own(t, n.path(name))
}

func (n *node) asUser(args []string) []string {
	if n.uid < 0 {
		return args
	}
	return append(args, "--user=mysql")
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (n *node) socketTLS() string {
	return fmt.Sprintf("socket.ssl_key=%s;socket.ssl_cert=%s;socket.ssl_ca=%s", n.path("key.pem"), n.path("cert.pem"), n.path("ca.pem"))
}

// start runs a cluster of one and stops it with the test. It returns when the
// server's own log says that it takes connections.
func (n *node) start(t *testing.T, ctx context.Context, scheme, options string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(n.sql)
	args := []string{"--no-defaults", "--datadir=" + n.path("data"), "--socket=" + n.path("s"), "--pid-file=" + n.path("pid"),
		"--bind-address=127.0.0.1", "--port=" + port, "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0",
		"--ssl-ca=" + n.path("ca.pem"), "--ssl-cert=" + n.path("cert.pem"), "--ssl-key=" + n.path("key.pem"),
		"--wsrep-on=ON", "--wsrep-provider=" + provider, "--wsrep-cluster-address=gcomm://", "--wsrep-new-cluster",
		"--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--wsrep-node-address=127.0.0.1", "--wsrep-cluster-name=probe",
		"--wsrep-provider-options=gcache.size=4M;gmcast.listen_addr=" + scheme + "://" + n.group + ";" + options}
	cmd := exec.CommandContext(ctx, mariadbd, n.asUser(args)...)
	cmd.Dir = n.dir
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, drained := make(chan string), make(chan struct{})
	go watchLog(log, ready, drained)
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-drained
		cmd.Wait()
		// a killed node must not ask which node to bootstrap from
		os.Remove(n.path("data/grastate.dat"))
	})
	if text := <-ready; text != "" {
		t.Fatalf("mariadbd did not start:\n%s", text)
	}
}

// watchLog sends "" once the server is ready, or the log if it never was.
func watchLog(log io.Reader, ready chan<- string, drained chan<- struct{}) {
	defer close(drained)
	var text strings.Builder
	for s := bufio.NewScanner(log); s.Scan(); {
		text.WriteString(s.Text() + "\n")
		if strings.Contains(s.Text(), "ready for connections") {
			ready <- ""
			io.Copy(io.Discard, log)
			return
		}
	}
	ready <- text.String()
}

func (n *node) dial(t *testing.T, ctx context.Context, addr string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (n *node) checkMySQL(t *testing.T, ctx context.Context, c certs) {
	t.Helper()
	for who, cert := range map[string]*tls.Certificate{"nobody": nil, "client": tlsCert(c.client)} {
		r, err := MySQL(ctx, n.dial(t, ctx, n.sql), Options{Roots: roots(c.ca), Now: time.Now(), Name: "db1", Certificate: cert, Settle: time.Minute})
		if err != nil || !r.OfferedTLS || !r.Verified || r.Outcome != OutcomeAccepted || !strings.Contains(r.ServerVersion, "MariaDB") || strings.HasPrefix(r.ServerVersion, "5.5.5") {
			t.Errorf("3306 as %s: %+v, %v", who, r, err)
		}
		if len(r.Chain) == 0 || pki.Fingerprint(r.Chain[0]) != pki.Fingerprint(c.server.Cert) {
			t.Errorf("3306 as %s: chain %v", who, r.Chain)
		}
		t.Logf("3306 as %s: %s, %s, %s, %s", who, r.ServerVersion, r.VersionName(), r.CipherName(), r.Outcome)
	}
	r, err := MySQL(ctx, n.dial(t, ctx, n.sql), Options{Certificate: tlsCert(c.stranger), Settle: 10 * time.Second})
	if err != nil || r.Outcome == OutcomeSilent || r.Outcome == OutcomeAccepted {
		t.Errorf("3306 with a stranger's certificate: %+v, %v", r, err)
	}
	t.Logf("3306 as stranger: %s %q", r.Outcome, r.Alert)
}

func (n *node) checkGroup(t *testing.T, ctx context.Context, c certs) {
	t.Helper()
	tests := []struct {
		name string
		cert *tls.Certificate
		in   bool
	}{
		{"node", tlsCert(c.node), true},
		{"nobody", nil, false},
		{"stranger", tlsCert(c.stranger), false},
	}
	for _, tt := range tests {
		r, err := TLS(ctx, n.dial(t, ctx, n.group), Options{Roots: roots(c.ca), Now: time.Now(), Certificate: tt.cert, Settle: 10 * time.Second})
		if err != nil || !r.Verified || !r.AskedForCert {
			t.Errorf("group port as %s: %+v, %v", tt.name, r, err)
		}
		if in := r.Outcome == OutcomeAccepted; in != tt.in {
			t.Errorf("group port as %s: outcome %q, alert %q", tt.name, r.Outcome, r.Alert)
		}
		t.Logf("group port as %s: %s, %s, %s %q", tt.name, r.VersionName(), r.CipherName(), r.Outcome, r.Alert)
	}
}

func (n *node) checkFirst(t *testing.T, ctx context.Context, want Kind) {
	t.Helper()
	wait := 10 * time.Second
	if want == KindSilent {
		wait = 2 * time.Second
	}
	got, err := SpeaksFirst(ctx, n.dial(t, ctx, n.group), wait)
	if err != nil || got.Kind != want {
		t.Errorf("group port speaks first: %+v (%v), want %s", got, err, want)
	}
	t.Logf("group port without a word from us: %+v", got)
}
