package executor

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/steps"
)

const gated = "- {serial: 1, gate: {judge: {do: g}}, settle: 10s, gate_timeout: 1m, steps: [{plain: {do: d}}]}\n"

// health scripts a gate: what it answers by when it is asked.
func health(answer func(host string, asked int, since time.Duration) error) deed {
	var mu sync.Mutex
	start, asked := time.Time{}, 0
	return deed{judge: func(_ context.Context, v steps.View) error {
		mu.Lock()
		defer mu.Unlock()
		if start.IsZero() {
			start = time.Now()
		}
		asked++
		return answer(v.Self.Name(), asked, time.Since(start))
	}}
}

var joining = &steps.NotYet{What: "joining"}

func TestGate(t *testing.T) {
	good := func(string, int, time.Duration) error { return nil }
	for _, row := range []struct {
		name   string
		answer func(host string, asked int, since time.Duration) error
		took   time.Duration
		log    string
		acted  bool
		red    bool
	}{
		{"healthy all the time", good, 20 * time.Second, `
			stage 1: db1 db2
			db1 gate healthy
			db1 1.1 changed
			db1 gate healthy
			db2 1.1 changed
			db2 gate healthy`, true, false},
		{"red before the first change",
			func(string, int, time.Duration) error { return errors.New("split brain") }, 0, `
			stage 1: db1 db2
			db1 gate red (split brain)
			db1 1.1 failed (the gate is red: split brain)
			not touched in this stage because of the failure: db2`, false, true},
		{"not yet for longer than a start may take",
			func(string, int, time.Duration) error { return joining }, 31 * time.Second, `
			stage 1: db1 db2
			db1 gate waiting (joining)
			db1 gate red (not healthy after 30s: joining)
			db1 1.1 failed (the gate is red: not healthy after 30s: joining)
			not touched in this stage because of the failure: db2`, false, true},
		{"not yet, then healthy", func(_ string, asked int, _ time.Duration) error {
			if asked <= 5 {
				return joining
			}
			return nil
		}, 25 * time.Second, `
			stage 1: db1 db2
			db1 gate waiting (joining)
			db1 gate healthy
			db1 1.1 changed
			db1 gate healthy
			db2 1.1 changed
			db2 gate healthy`, true, false},
		{"a flap begins the settle time anew", func(_ string, _ int, since time.Duration) error {
			if since == 8*time.Second {
				return joining
			}
			return nil
		}, 29 * time.Second, `
			stage 1: db1 db2
			db1 gate healthy
			db1 1.1 changed
			db1 gate waiting (joining)
			db1 gate healthy
			db2 1.1 changed
			db2 gate healthy`, true, false},
		{"not healthy after the change", func(_ string, asked int, _ time.Duration) error {
			if asked > 1 {
				return joining
			}
			return nil
		}, 61 * time.Second, `
			stage 1: db1 db2
			db1 gate healthy
			db1 1.1 changed
			db1 gate waiting (joining)
			db1 gate red (not healthy after 1m0s: joining)
			not touched in this stage because of the failure: db2`, true, false},
		{"lost after the change", func(_ string, asked int, _ time.Duration) error {
			if asked > 1 {
				return errors.New("inconsistent")
			}
			return nil
		}, 0, `
			stage 1: db1 db2
			db1 gate healthy
			db1 1.1 changed
			db1 gate red (inconsistent)
			not touched in this stage because of the failure: db2`, true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2, gated, map[string]deed{"d": always("restart"), "g": health(row.answer)})
				start := time.Now()
				r, err := w.apply()
				w.wantLog(row.log)
				stops := strings.Contains(row.log, "not touched")
				if errors.Is(err, ErrStopped) != stops || r.Acted != row.acted {
					t.Errorf("got %v, acted %v", err, r.Acted)
				}
				if stops {
					f := r.Failures[0]
					if errors.Is(f, ErrGateRed) != row.red || f.Before == row.acted || f.Unverified == row.red {
						t.Errorf("got %+v", f)
					}
				}
				if !row.acted && w.hosts["db1"].acts() != "" {
					t.Errorf("db1 was changed: %s", w.hosts["db1"].acts())
				}
				if took := time.Since(start); took != row.took {
					t.Errorf("it took %s, want %s", took, row.took)
				}
			})
		})
	}
}

// A host that failed is not healthy: the next is not touched before the gate
// has said so anew.
func TestGateAfterAFailureThatIsAllowed(t *testing.T) {
	for name, healthy := range map[string]bool{"the cluster recovers": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &order{}
				g := health(func(_ string, asked int, since time.Duration) error {
					if asked > 1 && (!healthy || since < 20*time.Second) {
						return joining
					}
					return nil
				})
				w := newWorld(t, 2, strings.Replace(gated, "serial: 1", "serial: 1, max_failures: 1", 1),
					map[string]deed{"d": o.act(second, "db1"), "g": g})
				_, err := w.apply()
				if healthy {
					must(t, err)
					w.wantLog(`
						stage 1: db1 db2
						db1 gate healthy
						db1 1.1 failed (it broke)
						db2 gate waiting (joining)
						db2 gate healthy
						db2 1.1 changed
						db2 gate healthy`)
					return
				}
				if !errors.Is(err, ErrStopped) || len(o.began) != 1 {
					t.Errorf("got %v; begun on %v", err, o.began)
				}
			})
		})
	}
}

func TestGateThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := deed{judge: func(ctx context.Context, _ steps.View) error { <-ctx.Done(); return ctx.Err() }}
		w := newWorld(t, 2, gated, map[string]deed{"d": always("restart"), "g": g})
		start := time.Now()
		w.preview()
		r, err := w.apply()
		if !errors.Is(err, ErrStopped) || !strings.Contains(r.Failures[0].Error(), "it took longer than 30s") || time.Since(start) != time.Minute {
			t.Errorf("after %s: got %v, %v", time.Since(start), err, r.Failures)
		}
	})
}

// The time of the gate is not the step's.
func TestGateTakesNoTimeFromTheStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &order{}
		g := health(func(_ string, asked int, _ time.Duration) error {
			if asked <= 20 {
				return joining
			}
			return nil
		})
		w := newWorld(t, 1, strings.Replace(gated, "{plain: {do: d}}", "{plain: {do: d}, timeout: 5s}", 1), map[string]deed{"d": o.act(second), "g": g})
		_, err := w.apply()
		must(t, err)
	})
}

func TestGateIsNotAskedWhenNothingChanges(t *testing.T) {
	g := health(func(string, int, time.Duration) error { return errors.New("red") })
	w := newWorld(t, 2, gated, map[string]deed{"g": g})
	w.preview()
	_, err := w.apply()
	must(t, err)
	w.wantLog("stage 1: db1 db2\ndb1 1.1 ok\ndb2 1.1 ok")
}

// A dry run judges once, before what the run itself would change.
func TestGateToday(t *testing.T) {
	g := health(func(string, int, time.Duration) error { return errors.New("split brain") })
	w := newWorld(t, 2, gated+gated, map[string]deed{"d": always("restart"), "g": g})
	w.preview()
	w.wantLog(`
		stage 1: db1 db2
		db1 1.1 change
		db1 gate red (split brain)
		db2 1.1 change
		stage 2: db1 db2
		db1 2.1 change
		db2 2.1 change`)
}

func TestCancelDuringAGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		g := health(func(_ string, asked int, _ time.Duration) error {
			if asked > 1 {
				return joining
			}
			return nil
		})
		w := newWorld(t, 2, gated, map[string]deed{"d": always("restart"), "g": g})
		go func() { time.Sleep(5 * time.Second); cancel() }()
		start := time.Now()
		r, err := w.x.Apply(ctx)
		if !errors.Is(err, context.Canceled) || time.Since(start) != 5*time.Second || len(r.Failures) != 1 || !r.Failures[0].Unverified {
			t.Errorf("after %s: got %v, %+v", time.Since(start), err, r)
		}
	})
}

// A run that is asked to stop does not wait for a gate that may take long, and
// does not count what the gate left unproven as done.
func TestStopDuringAGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := health(func(_ string, asked int, _ time.Duration) error {
			if asked > 1 {
				return joining
			}
			return nil
		})
		w := newWorld(t, 1, gated, map[string]deed{"d": always("restart"), "g": g})
		stop := make(chan struct{})
		w.x.Stop = stop
		go func() { time.Sleep(5 * time.Second); close(stop) }()
		start := time.Now()
		r, err := w.x.Apply(t.Context())
		if !errors.Is(err, ErrInterrupted) || time.Since(start) != 5*time.Second || !r.Stopped {
			t.Errorf("after %s: got %v, %+v; want ErrInterrupted after 5s", time.Since(start), err, r)
		}
	})
}

// A dry run whose gate is red is a refusal, and shows the rest all the same.
func TestARedGateRefusesTheRun(t *testing.T) {
	g := health(func(string, int, time.Duration) error { return errors.New("split brain") })
	w := newWorld(t, 2, gated+gated, map[string]deed{"d": always("restart"), "g": g})
	r := w.preview()
	if len(r.Failures) != 1 || !errors.Is(r.Failures[0], ErrGateRed) || !r.Failures[0].Before || r.Changes != 4 {
		t.Errorf("got %+v, want one refusal and all four changes", r)
	}
}

// The hosts of a batch settle together, not one after the other.
func TestGateSettlesForAWholeBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := health(func(string, int, time.Duration) error { return nil })
		list := strings.Replace(gated, "serial: 1, ", "", 1)
		w := newWorld(t, 3, list, map[string]deed{"d": always("restart"), "g": g})
		start := time.Now()
		if _, err := w.x.Apply(t.Context()); err != nil || time.Since(start) != 10*time.Second {
			t.Errorf("took %s, %v; want 10s", time.Since(start), err)
		}
	})
}
