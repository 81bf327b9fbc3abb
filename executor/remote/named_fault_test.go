package remote

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// namedFault is a fault that a commit meets after the login.
type namedFault struct {
	name string
	ways string // all when empty
	arm  func(t *testing.T, r *rig)
	// want is in the error; when empty, the commit succeeds all the same.
	want string
	is   error
	// untouched: the error says surely that nothing was changed.
	untouched bool
}

func namedFaults() []namedFault {
	return []namedFault{
		{name: "refused channel", want: "does not open a session", is: steps.ErrRefused, untouched: true, arm: func(_ *testing.T, r *rig) {
			r.faults.NoSessions = true
			r.server.Break(r.faults)
		}},
		{name: "refused command", want: "runs no command", is: steps.ErrRefused, untouched: true, arm: func(_ *testing.T, r *rig) {
			r.faults.Exec = func(string) error { return errors.New("no") }
			r.server.Break(r.faults)
		}},
		{name: "host says no more", arm: func(_ *testing.T, r *rig) {
			r.faults.Channel = onceChannel(func(c ssh.Channel) ssh.Channel { return &halfClosed{Channel: c, left: 60} })
			r.server.Break(r.faults)
		}, want: "ended"},
		{name: "host hears no more", arm: func(_ *testing.T, r *rig) {
			r.faults.Channel = onceChannel(func(c ssh.Channel) ssh.Channel { return &deaf{Channel: c, left: 3000} })
			r.server.Break(r.faults)
		}, want: "ended"},
		{name: "slow window", arm: func(_ *testing.T, r *rig) {
			r.faults.Channel = func(c ssh.Channel) ssh.Channel { return &slow{c} }
			r.server.Break(r.faults)
		}},
		{name: "sftp-server that ends", ways: "sftp", want: "lost", untouched: true, arm: func(t *testing.T, r *rig) {
			r.conn.servers = []string{namedScript(t, "sftp-server", "dd bs=1 count=200 2>/dev/null | "+sftpServer(t)+" -u 0077")}
		}},
		{name: "sftp-server that hangs", ways: "sftp", want: "no answer within 1s", untouched: true, arm: func(t *testing.T, r *rig) {
			r.conn.target.Timeout, r.conn.link.target.Timeout = time.Second, time.Second
			r.conn.servers = []string{namedScript(t, "sftp-server", "exec cat >/dev/null")}
		}},
		{name: "another host key", ways: "inline", want: "has CHANGED", is: steps.ErrUnreachable, arm: anotherKey},
		{name: "another host key", ways: "sftp cat", want: "lost", is: steps.ErrUnreachable, arm: anotherKey},
		{name: "login refused", ways: "inline", want: "does not accept our keys", is: steps.ErrUnreachable, arm: noLogin},
		{name: "login refused", ways: "sftp cat", want: "lost", is: steps.ErrUnreachable, arm: noLogin},
		{name: "clock that jumps back", want: "changed by somebody else", is: steps.ErrDrifted, untouched: true, arm: func(t *testing.T, r *rig) {
			edited(t, r, time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC))
		}},
		{name: "clock that jumps forward", want: "changed by somebody else", is: steps.ErrDrifted, untouched: true, arm: func(t *testing.T, r *rig) {
			edited(t, r, time.Date(2105, 1, 1, 0, 0, 0, 0, time.UTC))
		}},
		{name: "clock that stands still", want: "changed by somebody else", is: steps.ErrDrifted, untouched: true, arm: func(t *testing.T, r *rig) {
			info, err := os.Stat(filepath.Join(r.dir, "key"))
			if err != nil {
				t.Fatal(err)
			}
			edited(t, r, info.ModTime())
		}},
	}
}

func TestFaultsAreNamedAndLeaveWholeFiles(t *testing.T) {
	tune := impatient(t)
	for _, f := range namedFaults() {
		for name, way := range ways() {
			if f.ways != "" && !strings.Contains(f.ways, name) {
				continue
			}
			t.Run(f.name+" "+name, func(t *testing.T) {
				r := newRig(t, way, tune, func(target *Target) { target.Keepalive = 10 * time.Second })
				f.arm(t, r)
				stop := watch(t, r.dir)
				err := r.conn.Commit(t.Context(), r.batch)
				for _, problem := range r.judgeFault(f, err, stop()) {
					t.Error(problem)
				}
			})
		}
	}
}

func (r *rig) judgeFault(f namedFault, err error, leaks []string) []string {
	problems := r.judge(err, leaks)
	switch {
	case f.want == "" && err != nil:
		problems = append(problems, "got "+err.Error())
	case err == nil && (f.untouched || f.is != nil):
		problems = append(problems, "no error")
	case err != nil && !strings.Contains(err.Error(), f.want), f.is != nil && !errors.Is(err, f.is):
		problems = append(problems, fmt.Sprintf("got %v, want %q", err, f.want))
	}
	for _, w := range r.batch {
		if isNew, _ := r.found(w); isNew && f.untouched {
			problems = append(problems, w.Path+" was changed")
		}
	}
	return problems
}

func anotherKey(t *testing.T, r *rig) {
	file, _ := newKey(t)
	key, err := ssh.ParsePrivateKey([]byte(readAll(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	r.faults.HostKey = key
	r.cutInTheMiddle()
}

func noLogin(_ *testing.T, r *rig) {
	r.faults.NoLogin = true
	r.cutInTheMiddle()
}

// cutInTheMiddle breaks the connection under the commit, and whoever dials
// after that meets the faults: nobody can tidy up.
func (r *rig) cutInTheMiddle() {
	r.shut = true
	r.cutter.Arm(sshserver.Break{At: 3500, How: sshserver.Cut, Then: func() { r.server.Break(r.faults) }})
}

// edited is what another person does to the first target: same size, and
// whatever time the clock shows.
func edited(t *testing.T, r *rig, at time.Time) {
	t.Helper()
	file := filepath.Join(r.dir, "key")
	theirs := "old+" + private[1:]
	if err := errors.Join(os.WriteFile(file, []byte(theirs), 0o600), os.Chtimes(file, at, at)); err != nil {
		t.Fatal(err)
	}
}

func sftpServer(t *testing.T) string {
	t.Helper()
	for _, file := range sftpServers() {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	missing(t, "OpenSSH's sftp-server is not installed here")
	return ""
}

// onceChannel lets only the first channel have the fault.
func onceChannel(f func(ssh.Channel) ssh.Channel) func(ssh.Channel) ssh.Channel {
	var used atomic.Bool
	return func(c ssh.Channel) ssh.Channel {
		if used.CompareAndSwap(false, true) {
			return f(c)
		}
		return c
	}
}

// halfClosed says that nothing more will come, while the program goes on.
type halfClosed struct {
	ssh.Channel
	mu   sync.Mutex // a channel's CloseWrite and Write bear no company
	left int
}

func (c *halfClosed) Stderr() io.ReadWriter { return &halfClosedStderr{c.Channel.Stderr(), c} }

type halfClosedStderr struct {
	io.ReadWriter
	of *halfClosed
}

func (e *halfClosedStderr) Write(p []byte) (int, error) {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	return e.ReadWriter.Write(p)
}

func (c *halfClosed) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left <= 0 {
		return len(p), nil
	}
	n := min(c.left, len(p))
	if c.left -= n; c.left <= 0 {
		_, _ = c.Channel.Write(p[:n])
		_ = c.CloseWrite()
		return len(p), nil
	}
	return c.Channel.Write(p)
}

// deaf takes so many bytes and then says that the client has no more.
type deaf struct {
	ssh.Channel
	left int
}

func (c *deaf) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errDeaf
	}
	n, err := c.Channel.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

var errDeaf = errors.New("hears no more")

// slow opens its window by a few bytes at a time.
type slow struct{ ssh.Channel }

func (c *slow) Read(p []byte) (int, error) { return c.Channel.Read(p[:min(len(p), 512)]) }
