package executor

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lockstep/internal/secret"
	"lockstep/internal/source"
	"lockstep/plan"
	"lockstep/steps"
	"lockstep/steps/param"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deed is what a step of a test does. What is nil does nothing.
type deed struct {
	probe  func(ctx context.Context, v steps.View) (steps.Change, error)
	apply  func(ctx context.Context, h steps.Host, c steps.Change) error
	verify func(ctx context.Context, v steps.View) error
	rank   func(ctx context.Context, v steps.View) (int, error)
	judge  func(ctx context.Context, v steps.View) error
	tell   func(host string) string
	audit  func(ctx context.Context, v steps.View) ([]steps.Finding, error)
}

// plain is a step without any optional interface; the others add one each.
type plain struct {
	deeds map[string]deed
	id    string
}

func (p *plain) Params(s *param.Set) { s.String(&p.id, "do", "the deed of the test") }

func (p *plain) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	if f := p.deeds[p.id].probe; f != nil {
		return f(ctx, v)
	}
	return steps.Change{}, nil
}

func (p *plain) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	if f := p.deeds[p.id].apply; f != nil {
		return f(ctx, h, c)
	}
	return steps.ApplyFiles(ctx, h, c)
}

type proven struct{ plain }

func (p *proven) Verify(ctx context.Context, v steps.View) error { return p.deeds[p.id].verify(ctx, v) }

// telling is a step that reports what its last apply found.
type telling struct {
	plain
	out string
}

func (p *telling) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	err := p.plain.Apply(ctx, h, c)
	if f := p.deeds[p.id].tell; f != nil && h.(*overlay).live {
		p.out = f(h.Name())
	}
	return err
}
func (p *telling) Reports() []string      { return []string{"stdout"} }
func (p *telling) Report() map[string]any { return map[string]any{"stdout": p.out} }

// waiting is a step that waits for what its deed asks for, and tells it.
type waiting struct{ plain }

func (p *waiting) Reports() []string { return []string{"stdout"} }
func (p *waiting) Report() map[string]any {
	if f := p.deeds[p.id].tell; f != nil {
		return map[string]any{"stdout": f("")}
	}
	return map[string]any{"stdout": ""}
}

func (p *waiting) Wait(ctx context.Context, v steps.View) error { return p.deeds[p.id].verify(ctx, v) }
func (p *waiting) Patience() (timeout, delay time.Duration)     { return time.Minute, 2 * time.Second }

// finding is a step that is audited by what it says.
type finding struct{ plain }

func (p *finding) Audit(ctx context.Context, v steps.View) ([]steps.Finding, error) {
	return p.deeds[p.id].audit(ctx, v)
}

type ranked struct{ plain }

func (p *ranked) Rank(ctx context.Context, v steps.View) (int, error) {
	return p.deeds[p.id].rank(ctx, v)
}

type judge struct{ plain }

func (p *judge) Judge(ctx context.Context, v steps.View) error { return p.deeds[p.id].judge(ctx, v) }

// world is a plan over machines in memory, and what became of it.
type world struct {
	t     testing.TB
	deeds map[string]deed
	x     *Executor
	hosts map[string]*machine
	ctl   *machine

	mu     sync.Mutex
	events []Event
}

type hostList []string

func (l hostList) Match(pattern string) ([]plan.Target, error) {
	var out []plan.Target
	for _, name := range l {
		if pattern == "all" || pattern == name {
			out = append(out, plan.Target{Host: plan.Host{Name: name, Address: name + ".example"}, Vars: map[string]source.Value{}})
		}
	}
	return out, nil
}

// newWorld compiles the list of steps for the hosts db1, db2, ...
func newWorld(t testing.TB, hosts int, list string, deeds map[string]deed) *world {
	t.Helper()
	w := &world{t: t, deeds: deeds, hosts: map[string]*machine{}}
	kinds, err := steps.NewRegistry(
		steps.Kind{Name: "plain", New: func() steps.Step { return &plain{deeds: deeds} }},
		steps.Kind{Name: "proven", New: func() steps.Step { return &proven{plain{deeds: deeds}} }},
		steps.Kind{Name: "telling", New: func() steps.Step { return &telling{plain: plain{deeds: deeds}} }},
		steps.Kind{Name: "waiting", New: func() steps.Step { return &waiting{plain{deeds: deeds}} }},
		steps.Kind{Name: "finding", New: func() steps.Step { return &finding{plain{deeds: deeds}} }},
		steps.Kind{Name: "ranked", New: func() steps.Step { return &ranked{plain{deeds: deeds}} }},
		steps.Kind{Name: "judge", New: func() steps.Step { return &judge{plain{deeds: deeds}} }},
		steps.Kind{Name: "here", OnControl: true, New: func() steps.Step { return &plain{deeds: deeds} }},
	)
	if err != nil {
		t.Fatal(err)
	}
	var names hostList
	machines := map[string]Machine{}
	for i := range hosts {
		name := fmt.Sprintf("db%d", i+1)
		names = append(names, name)
		w.hosts[name] = newMachine(t, name)
		machines[name] = w.hosts[name]
	}
	p, err := plan.Compile("plan.yml", []byte("hosts: all\nsteps:\n"+list), names, kinds, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.ctl = newMachine(t, "control")
	w.x = &Executor{
		Plan: p, Machines: machines, Control: w.ctl, Redactor: &secret.Redactor{}, Poll: time.Second,
		Emit: func(e Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		},
	}
	return w
}

// log is the events of steps, gates and notes, one a line.
func (w *world) log() string {
	var lines []string
	for _, e := range w.events {
		line := ""
		switch e.Type {
		case EventStage:
			line = fmt.Sprintf("stage %d: %s", e.Stage, strings.Join(e.Hosts, " "))
		case EventStep:
			line = fmt.Sprintf("%s %s %s", e.Host, e.Step, e.Status)
		case EventGate:
			line = fmt.Sprintf("%s gate %s", e.Host, e.Status)
		case EventNote:
			line = fmt.Sprintf("%s: %s", e.Message, strings.Join(e.Hosts, " "))
		default:
			continue
		}
		if e.Err != nil {
			line += " (" + strings.ReplaceAll(e.Err.Error(), "\n", " ") + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func (w *world) wantLog(want string) {
	w.t.Helper()
	want = strings.TrimSpace(strings.ReplaceAll(want, "\t", ""))
	if got := w.log(); got != want {
		w.t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// prints are the fingerprints of all changes by host and step.
func (w *world) prints() map[string]string {
	out := map[string]string{}
	for _, e := range w.events {
		if e.Type == EventStep && e.Change != nil {
			out[e.Host+" "+e.Step] = e.Change.Fingerprint()
		}
	}
	return out
}

func (w *world) preview() *Report {
	w.t.Helper()
	w.events = nil
	r, err := w.x.Preview(context.Background())
	if err != nil {
		w.t.Fatalf("preview: %v", err)
	}
	for _, m := range w.hosts {
		if m.acts() != "" {
			w.t.Errorf("the preview changed %s: %s", m.Name(), m.acts())
		}
	}
	w.x.Approval = &r.Shown // so that the next run may do this, and nothing else
	return r
}

func (w *world) apply() (*Report, error) {
	w.events = nil
	return w.x.Apply(context.Background())
}

// file is a step that wants content at path.
func file(path, content string) deed {
	return deed{probe: func(ctx context.Context, v steps.View) (steps.Change, error) {
		st, err := v.Self.Stat(ctx, path)
		if err != nil {
			return steps.Change{}, err
		}
		e := steps.Edit{Op: steps.Create, Subject: path, After: steps.NewContent([]byte(content), false)}
		if st.Kind == steps.Regular {
			data, err := v.Self.ReadFile(ctx, path)
			if err != nil || string(data) == content {
				return steps.Change{}, err
			}
			e.Op, e.Before = steps.Update, steps.NewContent(data, false)
		}
		return steps.Change{Edits: []steps.Edit{e}}, nil
	}}
}

// service is a step that restarts what does not run on its current file.
func service(path string) deed {
	state := steps.Command{Argv: []string{"state"}, Reads: []string{path, "service:db"}}
	return deed{
		probe: func(ctx context.Context, v steps.View) (steps.Change, error) {
			out, err := v.Self.Query(ctx, state)
			if err != nil || string(out.Stdout) == "current" {
				return steps.Change{}, err
			}
			return edits("restart"), nil
		},
		apply: func(ctx context.Context, h steps.Host, _ steps.Change) error {
			c := steps.Command{Argv: []string{"restart"}, Writes: []string{"service:db"},
				Foresees: []steps.Foreseen{{Query: state, Output: steps.Output{Stdout: []byte("current")}}}}
			out, err := h.Exec(ctx, c)
			return steps.Succeed(c, out, err)
		},
	}
}

// edits is a change of what is not a file.
func edits(subjects ...string) steps.Change {
	var c steps.Change
	for _, s := range subjects {
		c.Edits = append(c.Edits, steps.Edit{Op: steps.Run, Subject: s})
	}
	return c
}

// always is a step that runs the command on each host once.
func always(argv ...string) deed {
	var mu sync.Mutex
	done := map[string]bool{}
	return deed{
		probe: func(_ context.Context, v steps.View) (steps.Change, error) {
			mu.Lock()
			defer mu.Unlock()
			if done[v.Self.Name()] {
				return steps.Change{}, nil
			}
			return edits(strings.Join(argv, " ")), nil
		},
		apply: func(ctx context.Context, h steps.Host, _ steps.Change) error {
			c := steps.Command{Argv: argv, Writes: []string{"service:db"}}
			out, err := h.Exec(ctx, c)
			if o, ok := h.(*overlay); ok && o.live && err == nil {
				mu.Lock()
				defer mu.Unlock()
				done[h.Name()] = out.Code == 0
			}
			return steps.Succeed(c, out, err)
		},
	}
}

// runsService lets a machine keep what its service runs on.
func runsService(m *machine, path string) {
	var mu sync.Mutex
	runs := m.Content(path)
	m.onRun = func(_ context.Context, c steps.Command) (steps.Output, error) {
		mu.Lock()
		defer mu.Unlock()
		runs = m.Content(path)
		return steps.Output{}, nil
	}
	m.onQuery = func(_ context.Context, c steps.Command) (steps.Output, error) {
		mu.Lock()
		defer mu.Unlock()
		if c.Argv[0] != "state" || runs != m.Content(path) {
			return steps.Output{Stdout: []byte("stale")}, nil
		}
		return steps.Output{Stdout: []byte("current")}, nil
	}
}
