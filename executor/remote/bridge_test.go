package remote

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// onlyPrograms makes a folder with sh and these programs, and nothing else.
func onlyPrograms(t *testing.T, programs map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	programs["sh"] = "sh"
	for name, program := range programs {
		file, err := exec.LookPath(program)
		if err != nil {
			missing(t, program+" is not installed here")
		}
		if err := os.Symlink(file, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// greeter says hello to the first who connects, and gives the connection away.
func greeter(t *testing.T) (address string, held <-chan net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 1)
	go func() {
		defer close(conns)
		if conn, err := listener.Accept(); err == nil {
			_, _ = conn.Write([]byte("hello"))
			conns <- conn
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String(), conns
}

// bridged says hello through the host, and wants the end of our side to be the
// end of the program on the host.
func bridged(t *testing.T, target Target) {
	t.Helper()
	c := dial(t, target)
	for range 2 { // refused by sshd, and then not asked
		address, held := greeter(t)
		conn, err := c.Dial(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 5)
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != "hello" {
			t.Fatalf("got %q, %v", got, err)
		}
		far := <-held
		if _, err := conn.Write([]byte("and you")); err != nil {
			t.Error(err)
		}
		said := make([]byte, 7)
		if _, err := io.ReadFull(far, said); err != nil || string(said) != "and you" {
			t.Errorf("got %q, %v", said, err)
		}
		_ = conn.Close()
		awaitDeath(t, conn.(*bridge).process.pid)
		_ = far.Close()
	}
}

func TestHostThatForbidsForwardingIsBridged(t *testing.T) {
	for name, programs := range map[string]map[string]string{"socat": {"socat": "socat"}, "nc": {"nc": "busybox"}} {
		t.Run(name, func(t *testing.T) {
			_, target := serve(t, sshserver.Options{Faults: sshserver.Faults{NoForward: true}})
			target.path = onlyPrograms(t, programs)
			bridged(t, target)
		})
	}
}

func TestHostThatCannotBridgeSaysWhatIsMissing(t *testing.T) {
	_, target := serve(t, sshserver.Options{Faults: sshserver.Faults{NoForward: true}})
	target.path = onlyPrograms(t, map[string]string{})
	_, err := dial(t, target).Dial(t.Context(), "127.0.0.1:1")
	for _, word := range []string{"AllowTcpForwarding", "socat", "nc"} {
		if !errors.Is(err, steps.ErrRefused) || !strings.Contains(err.Error(), word) {
			t.Errorf("got %v, want %s in it", err, word)
		}
	}
}

// TestBridgeToNobodySaysSo at the first read.
func TestBridgeToNobodySaysSo(t *testing.T) {
	_, target := serve(t, sshserver.Options{Faults: sshserver.Faults{NoForward: true}})
	target.path = onlyPrograms(t, map[string]string{"socat": "socat"})
	conn, err := dial(t, target).Dial(t.Context(), "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
	_ = conn.Close()
}

func TestBridgeRefusesWhatIsNoHost(t *testing.T) {
	for _, address := range []string{"-e:1", "a,exec=b:1", "a b:1", "a:x", ":1", "a"} {
		if script, err := bridgeScript(address); err == nil {
			t.Errorf("%s: got %s", address, script)
		}
	}
}
