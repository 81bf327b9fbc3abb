package pki

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestVerdictIsThatOfMariaDB starts a real server with each set and connects
// with the same set as a client, as a user who must show a certificate.
func TestVerdictIsThatOfMariaDB(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real server many times; not with -short")
	}
	need(t, mariadbd)
	s := newServer(t)
	done := 0
	for _, c := range newFixture(t, time.Now()).cases() {
		if !c.real {
			continue
		}
		done++
		t.Run(c.name, func(t *testing.T) { c.agree(t, "mariadbd", s.judge(t, c)) })
	}
	if done < 12 {
		t.Errorf("%d cases, want a dozen", done)
	}
}

const mariadbd = "/usr/sbin/mariadbd"

// server is a data directory on which servers are started.
type server struct{ dir string }

func newServer(t *testing.T) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "pki") // short, for the socket's sake
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &server{dir}
	s.own(t, dir)
	run(t, "mariadb-install-db", s.args("--skip-test-db", "--auth-root-authentication-method=normal")...)
	init := filepath.Join(dir, "init.sql")
	if err := os.WriteFile(init, []byte("CREATE USER IF NOT EXISTS shown@'%' REQUIRE X509;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.own(t, init)
	return s
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// own gives what a test made to the server's user.
func (s *server) own(t *testing.T, paths ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	u, err := user.Lookup("mysql")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	for _, p := range paths {
		if err := os.Chown(p, uid, -1); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *server) args(more ...string) []string {
	args := []string{"--no-defaults", "--datadir=" + filepath.Join(s.dir, "data"), "--innodb-log-file-size=4M", "--aria-log-file-size=8M"}
	if os.Getuid() == 0 {
		args = append(args, "--user=mysql")
	}
	return append(args, more...)
}

// judge is "" when the server starts, and lets a client with the same set in.
func (s *server) judge(t *testing.T, c setCase) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var paths []string
	for name, data := range c.files() {
		at := filepath.Join(s.dir, name)
		if err := os.WriteFile(at, data, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, at)
	}
	s.own(t, paths...)
	port := freePort(t)
	cmd := exec.CommandContext(ctx, mariadbd, s.args("--port="+port, "--bind-address=127.0.0.1", "--skip-name-resolve", "--socket="+filepath.Join(s.dir, "s"),
		"--pid-file="+filepath.Join(s.dir, "pid"), "--init-file="+filepath.Join(s.dir, "init.sql"),
		"--ssl-ca="+s.dir+"/ca.pem", "--ssl-cert="+s.dir+"/cert.pem", "--ssl-key="+s.dir+"/key.pem")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal to ask on
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Signal(syscall.SIGKILL); _ = cmd.Wait() }()
	log, ready := until(said, "ready for connections")
	if !ready {
		return log
	}
	return s.connect(ctx, port)
}

func (s *server) connect(ctx context.Context, port string) string {
	out, err := exec.CommandContext(ctx, "mariadb", "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--port="+port, "--user=shown",
		"--ssl-ca="+s.dir+"/ca.pem", "--ssl-cert="+s.dir+"/cert.pem", "--ssl-key="+s.dir+"/key.pem", "--execute=SELECT 1").CombinedOutput()
	if err != nil {
		return fmt.Sprintf("client: %v: %s", err, out)
	}
	return ""
}
