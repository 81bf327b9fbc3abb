package remote

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/executor"
	"lockstep/steps"
)

// missing skips a test that needs something of the machine, or fails it where
// nothing may be skipped.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// sshd starts a real OpenSSH server on a loopback port.
func sshd(t *testing.T, lines ...string) Target {
	t.Helper()
	program, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		missing(t, "OpenSSH's sshd is not installed here")
	}
	if os.Getuid() != 0 {
		missing(t, "a real sshd needs root")
	}
	// It is not started through its service, which makes this directory.
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	hostFile, hostKey := newKey(t)
	userFile, userKey := newKey(t)
	port := freePort(t)
	config := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPidFile none\n%s\n",
		port, hostFile, dir+"/keys", strings.Join(lines, "\n"))
	known := fmt.Sprintf("[127.0.0.1]:%d %s %s", port, hostKey.Type(), encoded(hostKey))
	err = errors.Join(os.WriteFile(dir+"/config", []byte(config), 0o600),
		os.WriteFile(dir+"/keys", []byte(userKey.Type()+" "+encoded(userKey)+"\n"), 0o600),
		os.WriteFile(dir+"/known", []byte(known+"\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	runSSHD(t, exec.Command(program, "-D", "-e", "-f", dir+"/config"))
	return Target{
		Name: "db1", Address: "127.0.0.1", Port: port, User: "root", Timeout: 10 * time.Second,
		Keys: []string{userFile}, KnownHosts: []string{dir + "/known"}, RunDir: filepath.Join(dir, "jobs"),
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// runSSHD returns when the server says that it listens.
func runSSHD(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var text bytes.Buffer
	buf := make([]byte, 1024)
	for !strings.Contains(text.String(), "Server listening") {
		n, err := said.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			t.Fatalf("sshd: %s", text.String())
		}
	}
	go func() {
		for err == nil {
			_, err = said.Read(buf)
		}
	}()
}

func TestRealSSHD(t *testing.T) {
	c := dial(t, sshd(t))
	out, err := c.Query(t.Context(), steps.Command{Argv: []string{"cat"}, Stdin: everyByte()})
	if err != nil || !bytes.Equal(out.Stdout, everyByte()) {
		t.Errorf("query: %q, %v", out.Stdout, err)
	}
	dir := t.TempDir()
	for _, size := range []int{10, 3 << 20} {
		file := filepath.Join(dir, fmt.Sprint(size))
		data := bytes.Repeat([]byte("0123456789"), size/10)
		if err := c.Commit(t.Context(), []executor.Write{{Op: executor.PutFile, Path: file, Data: data}}); err != nil {
			t.Error(err)
		}
		if got, err := c.ReadFile(t.Context(), file); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes came back, %v", len(got), err)
		}
	}
	out, err = c.Run(t.Context(), steps.Command{Argv: []string{"sh", "-c", "cat; exit 5"}, Stdin: []byte("in"), Long: true})
	if err != nil || string(out.Stdout) != "in" || out.Code != 5 {
		t.Errorf("run: %q %d, %v", out.Stdout, out.Code, err)
	}
	cmd, pid := holder(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = c.Query(t.Context(), cmd)
	}()
	id := pid()
	_ = c.Close()
	awaitDeath(t, id)
	<-done
}

func TestRealSSHDThatForbidsForwardingIsBridged(t *testing.T) {
	target := sshd(t, "AllowTcpForwarding no")
	target.path = onlyPrograms(t, map[string]string{"socat": "socat"})
	bridged(t, target)
}

func TestRealSSHDThatForcesACommand(t *testing.T) {
	target := sshd(t, "ForceCommand echo only backups here; exit 1")
	refusal(t, target, steps.ErrRefused, "no sh comes up")
}
