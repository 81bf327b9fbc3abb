package executor

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"lockstep/steps"
	"lockstep/steps/stepstest"
)

// machine is a host in memory behind the Machine interface. Its commits keep
// the contract: every target is checked before the first is changed.
type machine struct {
	*stepstest.Fake

	mu      sync.Mutex
	reads   map[string]int // by what was read
	commits []string       // the paths of each batch
	runs    []string       // the commands that were run
	busy    int            // commits and runs under way
	free    string         // what df answers, in KiB
	unknown string         // a user that the host does not know
	onRun   func(ctx context.Context, c steps.Command) (steps.Output, error)
	onQuery func(ctx context.Context, c steps.Command) (steps.Output, error)
	t       testing.TB
}

var _ Machine = (*machine)(nil)

func newMachine(t testing.TB, name string) *machine {
	m := &machine{Fake: stepstest.NewFake(name), reads: map[string]int{}, free: "1000000", t: t}
	m.PutDir("/etc")
	return m
}

func (m *machine) note(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads[what]++
}

func (m *machine) readCount(what string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads[what]
}

// acts is all that was done to the host.
func (m *machine) acts() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(append(append([]string{}, m.commits...), m.runs...), "; ")
}

func (m *machine) Stat(ctx context.Context, p string) (steps.Stat, error) {
	m.note("stat " + p)
	return m.Fake.Stat(ctx, p)
}

func (m *machine) ReadFile(ctx context.Context, p string) ([]byte, error) {
	m.note("read " + p)
	return m.Fake.ReadFile(ctx, p)
}

func (m *machine) Describe(ctx context.Context, p string) (*steps.Content, error) {
	m.note("describe " + p)
	return m.Fake.Describe(ctx, p)
}

func (m *machine) Query(ctx context.Context, c steps.Command) (steps.Output, error) {
	m.note("query " + strings.Join(c.Argv, " "))
	if err := ctx.Err(); err != nil {
		return steps.Output{}, err
	}
	if m.onQuery != nil {
		return m.onQuery(ctx, c)
	}
	switch c.Argv[0] {
	case "id", "getent":
		if len(c.Argv) == 2 {
			return steps.Output{Stdout: []byte("root\n")}, nil
		}
		if m.unknown != "" && c.Argv[len(c.Argv)-1] == m.unknown {
			return steps.Output{Code: 2}, nil
		}
	case "df":
		return steps.Output{Stdout: []byte("Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 9 9 " + m.free + " 1% /\n")}, nil
	case "cat": // a query that reads a file
		return steps.Output{Stdout: []byte(m.Content(c.Argv[1]))}, nil
	}
	return steps.Output{}, nil
}

func (m *machine) Dial(context.Context, string) (net.Conn, error) {
	a, b := net.Pipe()
	_ = b.Close()
	return a, nil
}

// alone fails the test when a commit or a run begins while another goes on.
func (m *machine) alone() func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy++; m.busy > 1 {
		m.t.Errorf("%s: two commits or runs at the same time", m.Name())
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.busy--
	}
}

func (m *machine) Run(ctx context.Context, c steps.Command) (steps.Output, error) {
	defer m.alone()()
	m.mu.Lock()
	m.runs = append(m.runs, "run "+strings.Join(c.Argv, " "))
	m.mu.Unlock()
	if m.onRun != nil {
		return m.onRun(ctx, c)
	}
	return steps.Output{}, ctx.Err()
}

func (m *machine) Commit(ctx context.Context, batch []Write) error {
	defer m.alone()()
	var paths []string
	for _, w := range batch {
		now, err := m.Fake.Stat(ctx, w.Path)
		if err == nil && now.Version != w.Was.Version {
			err = steps.ErrDrifted
		}
		if err != nil {
			return &CommitError{Path: w.Path, Err: err}
		}
		paths = append(paths, w.Path)
	}
	for _, w := range batch {
		if err := m.write(ctx, w); err != nil {
			return &CommitError{Path: w.Path, Err: err}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commits = append(m.commits, "commit "+strings.Join(paths, " "))
	return nil
}

func (m *machine) write(ctx context.Context, w Write) error {
	switch w.Op {
	case PutFile:
		if w.From != nil {
			w.Sent(w.From.Size)
			return m.WriteContent(ctx, w.Path, w.From, w.Attrs)
		}
		return m.WriteFile(ctx, w.Path, w.Data, w.Attrs)
	case PutAttrs:
		return m.SetAttrs(ctx, w.Path, w.Attrs)
	case PutDir:
		return m.Mkdir(ctx, w.Path, w.Attrs)
	case PutGone:
		return m.Remove(ctx, w.Path)
	}
	return fmt.Errorf("no such operation: %d", w.Op)
}

func (m *machine) Close() error { return nil }
