// Package wire is the ground on which the benchmark stands: one real sshd on a
// loopback port, and a proxy that makes it seem far away.
package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// Server is an OpenSSH server that lets one key in as root.
type Server struct {
	Port    int
	Key     string // the private key file of the user
	hostKey ssh.PublicKey
	cmd     *exec.Cmd // a sh, which is the first process where sshd runs
	sshd    int       // its pid
}

// NewServer starts an sshd at an address, with its files in dir. It is the sshd of the
// system with its own defaults, except that nobody is turned away for coming
// with many others.
func NewServer(dir, listen string) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{Port: port, Key: filepath.Join(dir, "id_ed25519")}
	user, err := newKey(s.Key)
	if err != nil {
		return nil, err
	}
	if s.hostKey, err = newKey(filepath.Join(dir, "host_key")); err != nil {
		return nil, err
	}
	config := fmt.Sprintf("Port %d\nListenAddress %s\nHostKey %s/host_key\nAuthorizedKeysFile %s/keys\n"+
		"StrictModes no\nUsePAM no\nUseDNS no\nPidFile none\nMaxStartups 10000\nSubsystem sftp internal-sftp\n", port, listen, dir, dir)
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "keys"), ssh.MarshalAuthorizedKey(user), 0o600),
		os.WriteFile(filepath.Join(dir, "sshd_config"), []byte(config), 0o600),
		os.MkdirAll("/run/sshd", 0o755), // the system's service would make it
	)
	if err != nil {
		return nil, err
	}
	return s, s.start(dir)
}

// WriteKnown writes a known_hosts file that trusts the server at a port of all
// loopback addresses. It has a line for each of so many other hosts, as the file of a person with as many has.
func (s *Server) WriteKnown(file string, others, port int) error {
	var b bytes.Buffer
	for i := range others {
		fmt.Fprintf(&b, "other%04d.example %s", i, ssh.MarshalAuthorizedKey(s.hostKey))
	}
	fmt.Fprintf(&b, "[127.0.*.*]:%d %s", port, ssh.MarshalAuthorizedKey(s.hostKey))
	return os.WriteFile(file, b.Bytes(), 0o600)
}

// inside starts sshd where root has sh as login shell and a home of its own:
// what root's real rc files do on this machine is no business of the benchmark.
// Nor has it a database: where there is one, its programs judge a my.cnf before
// it is written, which no other tool does and which costs more than all the rest.
// It has processes of its own, too: the sh takes over those whose sshd has ended,
// so that what they cost is known, and no other process of this machine is seen.
const inside = `mount --make-rprivate / && mount -t proc proc /proc && mount --bind "$0/passwd" /etc/passwd || exit 1
for p in /usr/sbin/mariadbd /usr/sbin/mysqld /usr/bin/my_print_defaults /usr/bin/mariadb-print-defaults; do
if [ -e "$p" ]; then mount --bind /dev/null "$p" || exit 1; fi
done
/usr/sbin/sshd -D -e -f "$0/sshd_config" & wait`

// start returns when the server says that it listens.
func (s *Server) start(dir string) error {
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return err
	}
	root := regexp.MustCompile(`(?m)^(root:[^:]*:0:0:[^:]*):.*$`).ReplaceAllString(string(passwd), "$1:"+dir+":/bin/sh")
	if err := os.WriteFile(filepath.Join(dir, "passwd"), []byte(root), 0o644); err != nil {
		return err
	}
	s.cmd = exec.Command("sh", "-c", inside, dir)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	said, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("sshd: %w", err)
	}
	var text bytes.Buffer
	buf := make([]byte, 4096)
	for !strings.Contains(text.String(), "Server listening") {
		n, err := said.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			return fmt.Errorf("sshd did not start: %s", text.String())
		}
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	if _, err := fmt.Sscan(children(s.cmd.Process.Pid), &s.sshd); err != nil {
		return fmt.Errorf("sshd: %w", err)
	}
	return nil
}

// CPU is what the server's processes took that have ended, and all that they ran.
func (s *Server) CPU() time.Duration { return ended(s.cmd.Process.Pid) + ended(s.sshd) }

// ended is the CPU that the ended children of a process took, and theirs.
func ended(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// PID (NAME) STATE ..., of which utime and stime of the children are 16 and 17.
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	if len(f) < 15 {
		return 0
	}
	user, _ := strconv.ParseInt(f[13], 10, 64)
	system, _ := strconv.ParseInt(f[14], 10, 64)
	const tick = 10 * time.Millisecond // USER_HZ is 100 everywhere
	return time.Duration(user+system) * tick
}

// children are the pids of a process's children.
func children(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", pid)) // none where it is gone
	return strings.TrimSpace(string(text))
}

// drainPatience is how long connections that were given up may take to end.
const drainPatience = 10 * time.Second

// Drain waits until the server has no connection any more, and nothing that one
// has left behind.
func (s *Server) Drain() {
	alone := strconv.Itoa(s.sshd)
	for end := time.Now().Add(drainPatience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if children(s.sshd) == "" && children(s.cmd.Process.Pid) == alone {
			return
		}
	}
}

// Close ends the server.
func (s *Server) Close() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func newKey(file string) (ssh.PublicKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(private.Public())
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
