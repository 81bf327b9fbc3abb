package executor

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"testing"

	"lockstep/steps"
)

// counted counts the probes of a deed on each host.
func counted(d deed) (deed, func(host string) int) {
	var mu sync.Mutex
	times := map[string]int{}
	probe := d.probe
	d.probe = func(ctx context.Context, v steps.View) (steps.Change, error) {
		mu.Lock()
		times[v.Self.Name()]++
		mu.Unlock()
		return probe(ctx, v)
	}
	return d, func(host string) int {
		mu.Lock()
		defer mu.Unlock()
		return times[host]
	}
}

func nothing(ctx context.Context, v steps.View) (steps.Change, error) {
	_, err := v.Self.Stat(ctx, "/etc")
	return steps.Change{}, err
}

func TestNothingToDoIsFoundOnce(t *testing.T) {
	first, firstTimes := counted(deed{probe: nothing})
	second, secondTimes := counted(deed{probe: nothing})
	w := newWorld(t, 1, "- {steps: [{plain: {do: first}}, {plain: {do: second}}]}\n", map[string]deed{"first": first, "second": second})
	if r := w.preview(); r.OK != 2 {
		t.Fatalf("got %+v", r)
	}
	if a, b := firstTimes("db1"), secondTimes("db1"); a != 1 || b != 1 {
		t.Errorf("probed %d and %d times, want once each", a, b)
	}
}

// What an earlier step writes may change what a later one finds.
func TestNothingToDoIsLookedForAgainBehindAChange(t *testing.T) {
	second, times := counted(deed{probe: func(ctx context.Context, v steps.View) (steps.Change, error) {
		st, err := v.Self.Stat(ctx, "/etc/f")
		if err != nil || st.Kind == steps.Absent {
			return steps.Change{}, err
		}
		return file("/etc/g", "y").probe(ctx, v)
	}})
	for name, walk := range map[string]func(*world) *Report{"plan": (*world).preview, "apply": func(w *world) *Report { r, _ := w.apply(); return r }} {
		w := newWorld(t, 1, "- {steps: [{plain: {do: f}}, {plain: {do: second}}]}\n", map[string]deed{"f": file("/etc/f", "x"), "second": second})
		before := times("db1")
		r := walk(w)
		if r.Changes != 2 {
			t.Errorf("%s: got %+v", name, r)
		}
		if n := times("db1") - before; n < 2 {
			t.Errorf("%s: probed %d times", name, n)
		}
	}
}

// expecting is a step that names what it will look at.
type expecting struct {
	plain
	wants steps.Expectation
}

func (e *expecting) Expects() steps.Expectation { return e.wants }

func TestWhatAStepExpectsIsReadAhead(t *testing.T) {
	m := newMachine(t, "db1")
	base := newCache(m)
	w := &worker{run: &run{}}
	var wg sync.WaitGroup
	a := newAsks()
	w.expect(a, (&expecting{wants: steps.Expectation{
		Paths: []string{"/etc/a.d/a", "/etc/a.d/b", "/etc/a.d", "/etc"}, Reads: []string{"/var/lib/x/auto.cnf"}, Users: []string{"root", "0", ""}, Groups: []string{"mysql"},
		Queries: []steps.Command{{Argv: []string{"how", "it", "runs"}}},
	}}).Expects())
	base.ask(t.Context(), &wg, a)
	wg.Wait()
	// The room is asked for where files may be put, once for each directory.
	want := map[question]bool{
		{"query", queryKey(steps.Command{Argv: []string{"how", "it", "runs"}})}: true,
		{"query", queryKey(roomQuery("/etc/a.d"))}:                              true, {"query", queryKey(groupQuery("mysql"))}: true, {"query", queryKey(userQuery("root"))}: true,
		{"stat", "/etc"}: true, {"stat", "/etc/a.d"}: true, {"stat", "/etc/a.d/a"}: true, {"stat", "/etc/a.d/b"}: true, {"stat", "/var/lib/x/auto.cnf"}: true,
	}
	asked := map[question]bool{}
	for q := range base.known {
		asked[q] = true
	}
	if !maps.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
}

// peeking is a machine that brings contents along.
type peeking struct {
	*machine
	during func()
}

func (p *peeking) Peek(ctx context.Context, path string) (steps.Stat, []byte, error) {
	st, err := p.machine.Stat(ctx, path)
	data, _ := p.machine.ReadFile(ctx, path)
	p.during()
	return st, data, err
}

func TestContentThatCameAlongIsForgottenWithTheRest(t *testing.T) {
	m := &peeking{machine: newMachine(t, "db1")}
	m.PutFile("/f", "old")
	c := newCache(m)
	m.during = func() {}
	if _, err := c.Stat(t.Context(), "/f"); err != nil {
		t.Fatal(err)
	}
	m.PutFile("/f", "new")
	if data, _ := c.ReadFile(t.Context(), "/f"); string(data) != "old" {
		t.Errorf("got %q: the content did not come along", data)
	}
	c.forget()
	m.during = func() { m.PutFile("/f", "newest"); c.forget() } // an act, while the look is under way
	if _, err := c.Stat(t.Context(), "/f"); err != nil {
		t.Fatal(err)
	}
	if data, _ := c.ReadFile(t.Context(), "/f"); string(data) != "newest" {
		t.Errorf("got %q from before the act", data)
	}
}

// ready is a machine that is told to get ready.
type ready struct {
	*machine
	told atomic.Int32
}

func (r *ready) Prepare() { r.told.Add(1) }

func TestMachinesGetReadyOnceAChangeIsFound(t *testing.T) {
	for _, row := range []struct {
		eager, changes bool
		want           bool
	}{{false, true, false}, {true, true, true}, {true, false, false}} {
		d := deed{probe: nothing}
		if row.changes {
			d = file("/etc/f", "x")
		}
		w := newWorld(t, 1, "- plain: {do: d}\n", map[string]deed{"d": d})
		m := &ready{machine: w.hosts["db1"]}
		w.x.Machines["db1"], w.x.Eager = m, row.eager
		w.preview()
		if got := m.told.Load() > 0; got != row.want {
			t.Errorf("%+v: told: %t", row, got)
		}
	}
}

func TestWhatMakesAGlimpseStale(t *testing.T) {
	look := func(o *overlay) {
		_, _ = o.Stat(t.Context(), "/etc/f")
		_, _ = o.ReadDir(t.Context(), "/etc/d")
		_, _ = o.Query(t.Context(), steps.Command{Argv: []string{"true"}, Reads: []string{"/var/lib"}})
		_, _ = o.Stat(t.Context(), "/opt")
	}
	for name, row := range map[string]struct {
		do    func(o *overlay) error
		stale bool
	}{
		"the file itself":      {func(o *overlay) error { return o.WriteFile(t.Context(), "/etc/f", nil, steps.Attrs{}) }, true},
		"its owner":            {func(o *overlay) error { return o.SetAttrs(t.Context(), "/etc/f", steps.Attrs{Owner: "root"}) }, true},
		"another file":         {func(o *overlay) error { return o.WriteFile(t.Context(), "/etc/g", nil, steps.Attrs{}) }, false},
		"a name in a folder":   {func(o *overlay) error { return o.WriteFile(t.Context(), "/etc/d/new", nil, steps.Attrs{}) }, true},
		"what a command reads": {func(o *overlay) error { return o.WriteFile(t.Context(), "/var/lib/x", nil, steps.Attrs{}) }, true},
		"a folder's time":      {func(o *overlay) error { return o.WriteFile(t.Context(), "/opt/new", nil, steps.Attrs{}) }, true},
		"no name of a folder":  {func(o *overlay) error { return o.WriteFile(t.Context(), "/opt/old", nil, steps.Attrs{}) }, false},
		"an act": {func(o *overlay) error {
			_, err := o.Exec(t.Context(), steps.Command{Argv: []string{"x"}, Writes: []string{"service:x"}})
			return err
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, "db1")
			for _, dir := range []string{"/etc/d", "/var", "/var/lib", "/opt"} {
				m.PutDir(dir)
			}
			m.PutFile("/etc/f", "x")
			m.PutFile("/opt/old", "x")
			scratch := newOverlay(newCache(m), false)
			scratch.looks = newLooks()
			look(scratch)
			o := newOverlay(scratch.base, false)
			if err := row.do(o); err != nil {
				t.Fatal(err)
			}
			if got := o.affects(scratch.looks.taken()); got != row.stale {
				t.Errorf("stale: %t", got)
			}
		})
	}
}
