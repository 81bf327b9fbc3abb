package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/steps"
)

// order notes who runs when, and how many at a time.
type order struct {
	mu        sync.Mutex
	began     []string
	now, most int
}

// act is a step that takes as long as takes says on each host, and fails on
// the hosts of fails.
func (o *order) act(takes func(host string) time.Duration, fails ...string) deed {
	d := always("restart")
	done := d.apply
	d.apply = func(ctx context.Context, h steps.Host, c steps.Change) error {
		if ov := h.(*overlay); !ov.live {
			return done(ctx, h, c)
		}
		o.mu.Lock()
		o.began = append(o.began, h.Name())
		o.now++
		o.most = max(o.most, o.now)
		o.mu.Unlock()
		time.Sleep(takes(h.Name()))
		o.mu.Lock()
		o.now--
		o.mu.Unlock()
		for _, f := range fails {
			if f == h.Name() {
				return errors.New("it broke")
			}
		}
		return done(ctx, h, c)
	}
	return d
}

func second(string) time.Duration { return time.Second }

func TestOrderAndWidth(t *testing.T) {
	for _, row := range []struct {
		name, stage, began string
		most               int
		took               time.Duration
	}{
		{"one after the other", "serial: 1, ", "db1 db2 db3 db4 db5", 1, 5 * time.Second},
		{"in reverse", "serial: 1, order: reverse, ", "db5 db4 db3 db2 db1", 1, 5 * time.Second},
		{"two at a time", "serial: 2, ", "", 2, 3 * time.Second},
		{"a percentage", "serial: 40%, ", "", 2, 3 * time.Second},
		{"all at once", "", "", 5, time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &order{}
				w := newWorld(t, 5, "- {"+row.stage+"steps: [{plain: {do: act}}]}\n", map[string]deed{"act": o.act(second)})
				start := time.Now()
				_, err := w.apply()
				must(t, err)
				if got := strings.Join(o.began, " "); row.began != "" && got != row.began {
					t.Errorf("got %s, want %s", got, row.began)
				}
				if took := time.Since(start); o.most != row.most || took != row.took {
					t.Errorf("at most %d at a time in %s; want %d in %s", o.most, took, row.most, row.took)
				}
			})
		})
	}
}

func TestRanks(t *testing.T) {
	ranks := map[string]int{"db1": 2, "db2": 1, "db3": 2, "db4": 0}
	d := always("restart")
	d.rank = func(_ context.Context, v steps.View) (int, error) { return ranks[v.Self.Name()], nil }
	w := newWorld(t, 4, "- {serial: 1, steps: [{plain: {do: none}}, {ranked: {do: d}}]}\n", map[string]deed{"d": d})
	_, err := w.apply()
	must(t, err)
	if got := strings.SplitN(w.log(), "\n", 2)[0]; got != "stage 1: db4 db2 db1 db3" {
		t.Errorf("got %s", got)
	}
	d.rank = func(context.Context, steps.View) (int, error) { return 0, errors.New("no quorum") }
	w = newWorld(t, 2, "- {serial: 1, steps: [{ranked: {do: d}}]}\n", map[string]deed{"d": d})
	r, err := w.apply()
	if !errors.Is(err, ErrStopped) || r.Acted || len(r.Failures) != 1 {
		t.Errorf("a rank that fails: got %v, %+v", err, r)
	}
	d.rank = func(context.Context, steps.View) (int, error) { return 0, &steps.Unforeseen{Resource: "a", By: "b"} }
	w = newWorld(t, 2, "- {serial: 1, order: reverse, steps: [{ranked: {do: d}}]}\n", map[string]deed{"d": d})
	w.preview()
	if got := strings.SplitN(w.log(), "\n", 2)[0]; got != "stage 1: db2 db1" {
		t.Errorf("ranks that nobody foresees: got %s", got)
	}
}

// The hosts of a batch end in the opposite order, but are told in theirs.
func TestEventsComeInInventoryOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &order{}
		late := func(host string) time.Duration { return time.Duration('9'-host[2]) * time.Second }
		w := newWorld(t, 4, "- {steps: [{plain: {do: act}}, {plain: {do: file}}]}\n",
			map[string]deed{"act": o.act(late, "db1", "db3"), "file": file("/etc/f", "x")})
		r, _ := w.apply()
		w.wantLog(`
			stage 1: db1 db2 db3 db4
			db1 1.1 failed (it broke)
			db2 1.1 changed
			db2 1.2 changed
			db3 1.1 failed (it broke)
			db4 1.1 changed
			db4 1.2 changed`)
		if len(r.Failures) != 2 || r.Failures[0].Host != "db1" || strings.Join(r.Touched, " ") != "db2 db4" {
			t.Errorf("got %v, touched %v", r.Failures, r.Touched)
		}
	})
}

func TestFailuresStopTheRun(t *testing.T) {
	for _, row := range []struct {
		name, stage, fails, began string
		stopped                   bool
	}{
		{"at the first", "serial: 1", "db2", "db1 db2", true},
		{"one is allowed", "serial: 1, max_failures: 1", "db2", "db1 db2 db3 db4 db1 db3 db4", false},
		{"two are one too many", "serial: 1, max_failures: 1", "db1 db3", "db1 db2 db3", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := &order{}
			none := func(string) time.Duration { return 0 }
			w := newWorld(t, 4, "- {"+row.stage+", steps: [{plain: {do: a}}]}\n- {serial: 1, steps: [{plain: {do: b}}]}\n",
				map[string]deed{"a": o.act(none, strings.Fields(row.fails)...), "b": o.act(none)})
			_, err := w.apply()
			if errors.Is(err, ErrStopped) != row.stopped || !row.stopped && err != nil {
				t.Errorf("got %v, want stopped %v", err, row.stopped)
			}
			if got := strings.Join(o.began, " "); got != row.began {
				t.Errorf("got %s, want %s", got, row.began)
			}
		})
	}
}

// A dry run goes on to show what else there is.
func TestPreviewGoesOnAfterFailures(t *testing.T) {
	w := newWorld(t, 2, "- {serial: 1, steps: [{plain: {do: a}}, {plain: {do: f}}]}\n- plain: {do: f}\n",
		map[string]deed{"f": file("/etc/f", "x"), "a": {probe: func(_ context.Context, v steps.View) (steps.Change, error) {
			if v.Self.Name() == "db1" {
				return steps.Change{}, fmt.Errorf("stat: %w", steps.ErrUnreachable)
			}
			return steps.Change{}, nil
		}}})
	r := w.preview()
	w.wantLog(`
		stage 1: db1 db2
		db1 1.1 failed (stat: host unreachable)
		db2 1.1 ok
		db2 1.2 change
		stage 2: db2
		db2 2.1 ok`)
	if len(r.Failures) != 1 || !errors.Is(r.Failures[0], steps.ErrUnreachable) {
		t.Errorf("got %v", r.Failures)
	}
}

// Peers are seen as the batch found them, whatever they do meanwhile.
func TestPeersAreSeenAsTheBatchFoundThem(t *testing.T) {
	saw := map[string]string{}
	var mu sync.Mutex
	look := deed{probe: func(ctx context.Context, v steps.View) (steps.Change, error) {
		var all []string
		for _, p := range v.Peers() {
			st, err := p.Stat(ctx, "/etc/f")
			if err != nil {
				return steps.Change{}, err
			}
			all = append(all, p.Name()+" "+string(st.Kind))
		}
		mu.Lock()
		defer mu.Unlock()
		saw[v.Self.Name()] = strings.Join(all, ", ")
		return steps.Change{}, nil
	}}
	deeds := map[string]deed{"f": file("/etc/f", "x"), "look": look}
	for range 20 {
		w := newWorld(t, 2, "- {steps: [{plain: {do: f}}, {plain: {do: look}}]}\n", deeds)
		w.preview()
		if saw["db1"] != "db2 absent" || saw["db2"] != "db1 absent" {
			t.Fatalf("side by side: saw %v", saw)
		}
	}
	w := newWorld(t, 2, "- {serial: 1, steps: [{plain: {do: f}}, {plain: {do: look}}]}\n", deeds)
	w.preview()
	if saw["db1"] != "db2 absent" || saw["db2"] != "db1 file" {
		t.Errorf("one after the other: saw %v", saw)
	}
}

func TestTimeoutNamesItself(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, d := range map[string]deed{
		"probe": {probe: func(ctx context.Context, _ steps.View) (steps.Change, error) { return steps.Change{}, hang(ctx) }},
		"a killed command": {probe: func(ctx context.Context, _ steps.View) (steps.Change, error) {
			_ = hang(ctx)
			return steps.Change{}, errors.New("signal: killed")
		}},
		"apply": {
			probe: func(context.Context, steps.View) (steps.Change, error) { return edits("x"), nil },
			apply: func(ctx context.Context, h steps.Host, _ steps.Change) error { return hang(ctx) },
		},
		"verify": {verify: func(ctx context.Context, _ steps.View) error { return hang(ctx) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kind := "plain"
				if d.verify != nil {
					kind = "proven"
				}
				w := newWorld(t, 1, "- {"+kind+": {do: d}, timeout: 5s}\n", map[string]deed{"d": d})
				start := time.Now()
				r, err := w.apply()
				if !errors.Is(err, ErrStopped) || len(r.Failures) != 1 || !strings.Contains(r.Failures[0].Error(), "it took longer than 5s") {
					t.Errorf("got %v, %+v", err, r)
				}
				if took := time.Since(start); took > 15*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func TestStop(t *testing.T) {
	for _, row := range []struct{ name, list, log string }{
		{"before the next host", "- {serial: 1, steps: [{plain: {do: f}}, {plain: {do: stop}}]}\n",
			"stage 1: db1 db2\ndb1 1.1 changed\ndb1 1.2 ok"},
		{"before the next step", "- {steps: [{plain: {do: f}}, {plain: {do: stop}}, {plain: {do: g}}]}\n",
			"stage 1: db1 db2\ndb1 1.1 changed\ndb1 1.2 ok\ndb2 1.1 changed\ndb2 1.2 ok"},
		{"before the next stage", "- {steps: [{plain: {do: f}}, {plain: {do: stop}}]}\n- plain: {do: g}\n",
			"stage 1: db1 db2\ndb1 1.1 changed\ndb1 1.2 ok\ndb2 1.1 changed\ndb2 1.2 ok"},
		{"before the control machine's step", "- plain: {do: stop}\n- here: {do: g}\n",
			"stage 1: db1 db2\ndb1 1.1 ok\ndb2 1.1 ok"},
	} {
		t.Run(row.name, func(t *testing.T) {
			stop := make(chan struct{})
			var w *world
			var once sync.Once
			reached := make(chan struct{}, 2)
			deeds := map[string]deed{"f": file("/etc/f", "x"), "g": file("/etc/g", "x"), "stop": {probe: func(ctx context.Context, v steps.View) (steps.Change, error) {
				o, counts := v.Self.(*overlay)
				if !counts || !o.live { // the warm-up, whose finding must not stand for the step's turn
					return steps.Change{Unknown: "warm-up"}, nil
				}
				reached <- struct{}{}
				if !strings.Contains(row.list, "serial") && len(reached) < 2 {
					<-stop
				}
				once.Do(func() { close(stop) })
				return steps.Change{}, nil
			}}}
			w = newWorld(t, 2, row.list, deeds)
			w.x.Stop = stop
			r, err := w.apply()
			if !errors.Is(err, ErrInterrupted) || !r.Stopped || len(r.Failures) > 0 {
				t.Errorf("got %v, %+v; want ErrInterrupted", err, r)
			}
			w.wantLog(row.log)
		})
	}
}

// A run that was asked to stop when all was done is done.
func TestStopAfterTheLastStep(t *testing.T) {
	stop := make(chan struct{})
	d := file("/etc/f", "x")
	w := newWorld(t, 1, "- plain: {do: d}\n", map[string]deed{"d": d})
	w.x.Stop = stop
	emit := w.x.Emit
	w.x.Emit = func(e Event) {
		if e.Type == EventStep {
			close(stop)
		}
		emit(e)
	}
	if r, err := w.apply(); err != nil || r.Stopped || r.Changes != 1 {
		t.Errorf("got %v, %+v", err, r)
	}
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		d := always("restart")
		d.apply = func(ctx context.Context, h steps.Host, _ steps.Change) error {
			if !h.(*overlay).live {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		w := newWorld(t, 3, "- {serial: 1, steps: [{plain: {do: f}}, {plain: {do: d}}]}\n", map[string]deed{"d": d, "f": file("/etc/f", "x")})
		go func() { time.Sleep(time.Second); cancel() }()
		r, err := w.x.Apply(ctx)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if len(r.Failures) != 1 || r.Failures[0].Host != "db1" || w.hosts["db2"].acts() != "" {
			t.Errorf("got %+v; db2: %s", r, w.hosts["db2"].acts())
		}
	})
	t.Run("between two steps", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		d := deed{probe: func(_ context.Context, v steps.View) (steps.Change, error) {
			if !v.Self.(*overlay).live { // the warm-up, whose finding must not stand for the step's turn
				return steps.Change{Unknown: "warm-up"}, nil
			}
			cancel()
			return steps.Change{}, nil
		}}
		w := newWorld(t, 1, "- plain: {do: f}\n- plain: {do: d}\n", map[string]deed{"d": d, "f": file("/etc/f", "x")})
		r, err := w.x.Apply(ctx)
		if !errors.Is(err, context.Canceled) || r.Acted || r.Changes != 0 || w.hosts["db1"].acts() != "" {
			t.Errorf("got %v, %+v, %s", err, r, w.hosts["db1"].acts())
		}
	})
}
