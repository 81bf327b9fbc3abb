// Package stepstest is what tests of kinds need: a host that lives in memory,
// a decoder for parameters, and the conformance suite that every kind passes.
// It knows no kind and opens no connection.
package stepstest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"lockstep/steps"
)

// Fake is a host in memory. It serves as Reader and Host. A query or command
// that the test did not script is an error that names it, never a success.
// All methods may be called by many goroutines.
type Fake struct {
	name, address string

	mu      sync.Mutex
	files   map[string]*entry
	gone    map[string]bool // what a preview removed
	clock   time.Time
	version int

	queries, execs []scripted
	other          AnswerFunc
	asked, done    []steps.Command
	dial           DialFunc

	reads, writes       int // calls so far
	failRead, failWrite int // the call that cannot reach the host, from 1
	failExec            int // the command that ends with code 1, from 1
	hang                bool

	preview  bool // see Preview
	foreseen []steps.Foreseen
	acts     []act
}

type entry struct {
	stat steps.Stat
	data []byte
	// lost is the act that may have changed the file in a preview.
	lost string
}

// NewFake returns an empty host with a root directory. Its clock begins at a
// fixed time and goes on by one second with each change.
func NewFake(name string) *Fake {
	f := &Fake{name: name, address: name + ".example", files: map[string]*entry{}, gone: map[string]bool{},
		clock: time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)}
	f.files["/"] = &entry{stat: steps.Stat{Kind: steps.Directory, Mode: 0o755, Owner: "root", Group: "root", Changed: f.clock, Version: "0"}}
	return f
}

// Name is the host's name.
func (f *Fake) Name() string { return f.name }

// Address is NAME.example unless SetAddress changed it.
func (f *Fake) Address() string { return f.address }

// SetAddress changes what Address answers.
func (f *Fake) SetAddress(address string) { f.address = address }

// Now is the time by the host's clock.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clock
}

// Advance puts the host's clock forward.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(d)
}

// PutFile places a file of root with mode 0644, and the directories above it.
func (f *Fake) PutFile(p, content string) {
	f.put(p, steps.Stat{Kind: steps.Regular, Mode: 0o644, Owner: "root", Group: "root", Size: int64(len(content))}, []byte(content))
}

// PutDir places a directory of root with mode 0755, and those above it.
func (f *Fake) PutDir(p string) {
	f.put(p, steps.Stat{Kind: steps.Directory, Mode: 0o755, Owner: "root", Group: "root"}, nil)
}

// PutLink places a symbolic link, and the directories above it.
func (f *Fake) PutLink(p, target string) {
	f.put(p, steps.Stat{Kind: steps.Link, Mode: 0o777, Owner: "root", Group: "root", Target: target}, nil)
}

// PutSpecial places a device or socket, and the directories above it.
func (f *Fake) PutSpecial(p string) {
	f.put(p, steps.Stat{Kind: steps.Special, Mode: 0o600, Owner: "root", Group: "root"}, nil)
}

// Edit changes what Stat tells of a path that was placed before. A path that
// was not is a mistake in the test and panics.
func (f *Fake) Edit(p string, change func(s *steps.Stat)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.files[path.Clean(p)].stat)
	f.touch(f.files[path.Clean(p)], false)
}

// Chown sets owner, group and mode of a path that was placed before.
func (f *Fake) Chown(p, owner, group string, mode fs.FileMode) {
	f.Edit(p, func(s *steps.Stat) { s.Owner, s.Group, s.Mode = owner, group, mode })
}

// SetChanged sets the time at which a path that was placed was changed.
func (f *Fake) SetChanged(p string, at time.Time) {
	f.Edit(p, func(s *steps.Stat) { s.Changed = at })
}

// Content returns a file's content, or "" when there is no file.
func (f *Fake) Content(p string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.files[path.Clean(p)]; e != nil {
		return string(e.data)
	}
	return ""
}

// State describes all files with content and attributes, one line each in
// order of paths. Times and versions are not in it.
func (f *Fake) State() string { return f.state(func(*entry) bool { return true }) }

func (f *Fake) state(show func(*entry) bool) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for p, e := range f.files {
		content := "..."
		if show(e) {
			content = digest(e.data)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s:%s %s %s", p, e.stat.Kind, steps.FormatMode(e.stat.Mode),
			e.stat.Owner, e.stat.Group, e.stat.Target, content))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// digest is content as a test wants to see it.
func digest(data []byte) string {
	if len(data) <= 2000 {
		return fmt.Sprintf("%q", data)
	}
	return fmt.Sprintf("%d bytes, sha256 %x", len(data), sha256.Sum256(data))
}

// put needs no lock held.
func (f *Fake) put(p string, s steps.Stat, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p = path.Clean(p)
	for dir := path.Dir(p); f.files[dir] == nil; dir = path.Dir(dir) {
		f.files[dir] = &entry{stat: steps.Stat{Kind: steps.Directory, Mode: 0o755, Owner: "root", Group: "root"}}
		f.touch(f.files[dir], true)
	}
	f.files[p] = &entry{stat: s, data: data}
	f.touch(f.files[p], true)
}

// touch gives e a new version and, with timed, the time of the clock.
func (f *Fake) touch(e *entry, timed bool) {
	f.version++
	e.stat.Version = fmt.Sprint(f.version)
	if timed {
		f.clock = f.clock.Add(time.Second)
		e.stat.Changed = f.clock
	}
	if f.preview && timed {
		e.stat.Pending = true
	}
}

// read begins each method that reads: it waits where the test wants a host
// that hangs, and fails where the test wants a failure.
func (f *Fake) read(ctx context.Context) error { return f.begin(ctx, &f.reads, f.failRead) }

func (f *Fake) write(ctx context.Context) error { return f.begin(ctx, &f.writes, f.failWrite) }

func (f *Fake) begin(ctx context.Context, count *int, fail int) error {
	if f.hang {
		<-ctx.Done()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if *count++; *count == fail {
		return fmt.Errorf("%s: %w", f.name, steps.ErrUnreachable)
	}
	return nil
}
