// Package local is the control machine as a host: the same contract as a host
// over SSH, on the local file system and with local processes. It never raises
// privileges: what it does, it does as the user who runs lockstep.
package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/google/renameio/v2"

	"lockstep/executor"
	"lockstep/steps"
)

// Name is how the control machine is called in plans and output.
const Name = "control"

// Machine is the control machine. It is ready as it is and may be used by many
// goroutines.
type Machine struct{}

var _ executor.Machine = Machine{}

// Name is "control".
func (Machine) Name() string { return Name }

// Address is the loopback's name.
func (Machine) Address() string { return "localhost" }

// Close does nothing.
func (Machine) Close() error { return nil }

// Stat describes path; see steps.Reader.
func (Machine) Stat(ctx context.Context, path string) (steps.Stat, error) {
	if err := ctx.Err(); err != nil {
		return steps.Stat{}, err
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return steps.Stat{Kind: steps.Absent}, nil
	}
	if err != nil {
		return steps.Stat{}, err
	}
	st := steps.Stat{Kind: kind(info.Mode()), Mode: permissions(info.Mode()), Size: info.Size(), Changed: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		st.Owner, st.Group = owner(sys.Uid), group(sys.Gid)
		if changed := time.Unix(sys.Ctim.Sec, sys.Ctim.Nsec); changed.After(st.Changed) {
			st.Changed = changed
		}
		st.Version = fmt.Sprintf("%d:%d:%d:%d", sys.Ino, sys.Size, sys.Mtim.Nano(), sys.Ctim.Nano())
		if st.Kind == steps.Directory { // what is put into it is no drift
			st.Version = fmt.Sprintf("%d:%o:%d:%d", sys.Ino, sys.Mode, sys.Uid, sys.Gid)
		}
	}
	if st.Kind == steps.Link {
		st.Target, err = os.Readlink(path)
	}
	return st, err
}

func kind(m fs.FileMode) steps.FileKind {
	switch {
	case m.IsRegular():
		return steps.Regular
	case m.IsDir():
		return steps.Directory
	case m&fs.ModeSymlink != 0:
		return steps.Link
	default:
		return steps.Special
	}
}

// permissions converts to the bits that chmod counts.
func permissions(m fs.FileMode) fs.FileMode {
	out := m.Perm()
	for bit, flag := range map[fs.FileMode]fs.FileMode{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			out |= flag
		}
	}
	return out
}

func owner(uid uint32) string {
	if u, err := user.LookupId(strconv.Itoa(int(uid))); err == nil {
		return u.Username
	}
	return strconv.Itoa(int(uid))
}

func group(gid uint32) string {
	if g, err := user.LookupGroupId(strconv.Itoa(int(gid))); err == nil {
		return g.Name
	}
	return strconv.Itoa(int(gid))
}

// ReadFile returns a file's content; see steps.Reader.
func (Machine) ReadFile(ctx context.Context, path string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // to open a pipe would wait for its writer
		return nil, fmt.Errorf("%s is a %s, not a file", path, kind(info.Mode()))
	}
	if info.Size() > steps.MaxRead {
		return nil, fmt.Errorf("%s: %w", path, steps.ErrTooBig)
	}
	return os.ReadFile(path)
}

// ReadDir lists a directory; see steps.Reader.
func (Machine) ReadDir(ctx context.Context, path string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names, nil
}

// Dial connects from the control machine; see steps.Reader.
func (Machine) Dial(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// Query runs a command; see steps.Reader.
func (m Machine) Query(ctx context.Context, c steps.Command) (steps.Output, error) {
	return m.Run(ctx, c)
}

// said is a stream of a command that somebody follows.
type said struct {
	io.Writer
	say    func(stderr bool, piece []byte)
	stderr bool
}

func heard(c steps.Command, to io.Writer, stderr bool) io.Writer {
	if !c.Long || c.Said == nil {
		return to
	}
	return said{to, c.Said, stderr}
}

func (s said) Write(b []byte) (int, error) {
	s.say(s.stderr, b)
	return s.Writer.Write(b)
}

// patience is how long a command that has ended may keep its output open.
const patience = 2 * time.Second

// Run runs a command in a small clean environment; see executor.Machine. One
// that cannot be started answers 127 or 126, as a shell on a host would.
func (Machine) Run(ctx context.Context, c steps.Command) (steps.Output, error) {
	if len(c.Argv) == 0 {
		return steps.Output{}, errors.New("internal error: a command without words")
	}
	if err := ctx.Err(); err != nil {
		return steps.Output{}, err
	}
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(c.Stdin), heard(c, &stdout, false), heard(c, &stderr, true)
	cmd.Env = append([]string{"LC_ALL=C", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, c.Env...)
	if cmd.Dir = c.Dir; cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = patience // a child that stays behind may hold the output open
	err := cmd.Run()
	out := steps.Output{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		out.Code = exit.ExitCode()
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			out.Code = 128 + int(status.Signal())
		}
		return out, nil
	}
	switch {
	case ctx.Err() != nil:
		return out, errors.Join(ctx.Err(), err)
	case errors.Is(err, exec.ErrWaitDelay): // it ended well, its child goes on
		return out, nil
	case errors.Is(err, exec.ErrNotFound), cmd.Process == nil && errors.Is(err, fs.ErrNotExist):
		return steps.Output{Code: 127, Stderr: []byte(err.Error())}, nil
	case cmd.Process == nil && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOEXEC)):
		return steps.Output{Code: 126, Stderr: []byte(err.Error())}, nil
	}
	return out, err
}

// Commit makes the writes of a batch in order; see executor.Machine.
func (m Machine) Commit(ctx context.Context, batch []executor.Write) error {
	for _, w := range batch {
		if _, err := m.found(ctx, w); err != nil {
			return &executor.CommitError{Path: w.Path, Err: err}
		}
	}
	var done []string
	for _, w := range batch {
		if err := m.write(ctx, w); err != nil {
			return &executor.CommitError{Path: w.Path, Done: done, Err: err}
		}
		done = append(done, w.Path)
	}
	return nil
}

// found returns what is at the target of w, which must be what w rests on.
func (m Machine) found(ctx context.Context, w executor.Write) (steps.Stat, error) {
	now, err := m.Stat(ctx, w.Path)
	if err == nil && now.Version != w.Was.Version {
		err = steps.ErrDrifted
	}
	return now, err
}

func (m Machine) write(ctx context.Context, w executor.Write) error {
	now, err := m.found(ctx, w)
	if err != nil {
		return err
	}
	mode := now.Mode
	switch {
	case w.Attrs.Mode != nil:
		mode = *w.Attrs.Mode
	case now.Kind == steps.Absent && w.Op == executor.PutDir:
		mode = 0o700
	case now.Kind == steps.Absent:
		mode = 0o600
	}
	switch w.Op {
	case executor.PutGone:
		return os.Remove(w.Path)
	case executor.PutFile:
		return m.put(ctx, w, now, mode)
	case executor.PutDir:
		if now.Kind == steps.Absent {
			if err := os.Mkdir(w.Path, 0o700); err != nil {
				return err
			}
		}
	}
	if err := chown(w.Path, w.Attrs); err != nil {
		return err
	}
	return os.Chmod(w.Path, osMode(mode))
}

func (m Machine) put(ctx context.Context, w executor.Write, now steps.Stat, mode fs.FileMode) error {
	f, err := renameio.NewPendingFile(w.Path, renameio.WithPermissions(0o600), renameio.IgnoreUmask())
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	a := w.Attrs
	if now.Kind != steps.Absent && a.Owner == "" && os.Geteuid() == 0 {
		a.Owner = now.Owner
	}
	if now.Kind != steps.Absent && a.Group == "" && os.Geteuid() == 0 {
		a.Group = now.Group
	}
	if err := chown(f.Name(), a); err != nil {
		return err
	}
	if err := fill(ctx, f, w); err != nil {
		return err
	}
	if err := f.Chmod(osMode(mode)); err != nil { // last, since chown drops setuid
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(w.Path))
}

// syncDir makes sure that a rename in dir outlives a crash.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func osMode(m fs.FileMode) fs.FileMode {
	out := m & 0o777
	for bit, flag := range map[fs.FileMode]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&bit != 0 {
			out |= flag
		}
	}
	return out
}

func chown(path string, a steps.Attrs) error {
	uid, err := id(a.Owner, func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
	if err != nil {
		return err
	}
	gid, err := id(a.Group, func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
	if err != nil || uid == -1 && gid == -1 {
		return err
	}
	return os.Chown(path, uid, gid)
}

// id turns a name or number into a number, and "" into -1, which leaves the
// owner as it is.
func id(name string, lookup func(string) (string, error)) (int, error) {
	if name == "" {
		return -1, nil
	}
	if n, err := strconv.Atoi(name); err == nil {
		return n, nil
	}
	text, err := lookup(name)
	if err != nil {
		return -1, err
	}
	return strconv.Atoi(text)
}
