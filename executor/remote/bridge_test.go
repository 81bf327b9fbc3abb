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

// greeter says hello, and gives the connection away that answers.
func greeter(t *testing.T) (address string, held <-chan net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 1)
	go func() {
		defer close(conns)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("hello"))
			said := make([]byte, 7)
			if _, err := io.ReadFull(conn, said); err == nil && string(said) == "and you" {
				conns <- conn
				return
			}
			_ = conn.Close() // it was looked whether somebody listens
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
		if _, err := conn.Write([]byte("and you")); err != nil {
			t.Fatal(err)
		}
		far := <-held
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

// TestBridgeToNobodyIsAnError, which tells a port where nobody listens.
func TestBridgeToNobodyIsAnError(t *testing.T) {
	_, target := serve(t, sshserver.Options{Faults: sshserver.Faults{NoForward: true}})
	target.path = onlyPrograms(t, map[string]string{"socat": "socat"})
	_, err := dial(t, target).Dial(t.Context(), "127.0.0.1:1")
	if err == nil || errors.Is(err, steps.ErrRefused) || errors.Is(err, steps.ErrUnreachable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v for a closed port", err)
	}
}

func TestBridgeRefusesWhatIsNoHost(t *testing.T) {
	for _, address := range []string{"-e:1", "a,exec=b:1", "a b:1", "a:x", ":1", "a"} {
		if script, err := bridgeScript(address); err == nil {
			t.Errorf("%s: got %s", address, script)
		}
	}
}

// TestBridgeSaysWhyInOneStream: what a program says on its stderr may come after
// the news that it has ended.
func TestBridgeSaysWhyInOneStream(t *testing.T) {
	script, err := bridgeScript("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-c", script).Output()
	if err != nil || !strings.HasPrefix(string(out), "closed\n") || !strings.Contains(string(out), "refused") {
		t.Errorf("got %q, %v", out, err)
	}
}
