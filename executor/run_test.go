package executor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"lockstep/steps"
)

const chain = `
- plain: {do: conf}
- plain: {do: more}
- plain: {do: service}
- plain: {do: after}
`

func chainDeeds() map[string]deed {
	return map[string]deed{
		"conf": file("/etc/db.cnf", "new"), "more": file("/etc/more.cnf", "new"),
		"service": service("/etc/db.cnf"), "after": file("/etc/after", "x"),
	}
}

func TestPreviewEqualsApply(t *testing.T) {
	w := newWorld(t, 3, chain, chainDeeds())
	for _, m := range w.hosts {
		m.PutFile("/etc/db.cnf", "old")
		runsService(m, "/etc/db.cnf")
	}
	w.hosts["db2"].PutFile("/etc/after", "x")
	r := w.preview()
	foreseen := w.prints()
	w.wantLog(`
		stage 1: db1 db2 db3
		db1 1.1 change
		db1 1.2 change
		db1 1.3 unknown
		db1 1.4 change
		db2 1.1 change
		db2 1.2 change
		db2 1.3 unknown
		db2 1.4 ok
		db3 1.1 change
		db3 1.2 change
		db3 1.3 unknown
		db3 1.4 change`)
	if want := (Counts{OK: 1, Changes: 8, Unknown: 3}); r.Counts != want || r.Acted || len(r.Touched) > 0 {
		t.Errorf("got %+v, want counts %+v and nothing touched", r, want)
	}
	r, err := w.apply()
	must(t, err)
	for step, print := range w.prints() {
		if strings.HasSuffix(step, " 1.3") { // its answer rests on a file that was not written yet
			continue
		}
		if foreseen[step] != print {
			t.Errorf("%s: the preview foresaw another change", step)
		}
	}
	if got, want := w.hosts["db1"].acts(), "commit /etc/db.cnf /etc/more.cnf; commit /etc/after; run restart"; got != want {
		t.Errorf("db1: got %q, want %q", got, want)
	}
	if d := cmp.Diff([]string{"db1", "db2", "db3"}, r.Touched); d != "" || r.Changes != 11 || r.OK != 1 {
		t.Errorf("got %+v", r)
	}
	r, err = w.apply()
	if must(t, err); r.OK != 12 || r.Acted {
		t.Errorf("a second run: got %+v, want all as wanted", r)
	}
}

// What only the run can make is foreseen as unsettled and told as it was made.
func TestContentMadeByTheRunIsTold(t *testing.T) {
	const path, text = "/etc/key.pem", "made at apply"
	w := newWorld(t, 1, "\n- plain: {do: make}\n", map[string]deed{"make": {
		probe: func(ctx context.Context, v steps.View) (steps.Change, error) {
			st, err := v.Self.Stat(ctx, path)
			if err != nil || st.Kind != steps.Absent {
				return steps.Change{}, err
			}
			return steps.Change{Edits: []steps.Edit{{Op: steps.Create, Subject: path, After: steps.NewContent(nil, true)}}}, nil
		},
		apply: func(ctx context.Context, h steps.Host, _ steps.Change) error {
			return h.WriteFile(ctx, path, []byte(text), steps.Attrs{Unsettled: true})
		},
	}})
	after := func() *steps.Content {
		for _, e := range w.events {
			if e.Type == EventStep && e.Change != nil {
				return e.Change.Edits[0].After
			}
		}
		return nil
	}
	w.preview()
	if got := after(); got == nil || !got.Unsettled {
		t.Errorf("preview: got %+v, want unsettled content", got)
	}
	_, err := w.apply()
	must(t, err)
	if d := cmp.Diff(steps.NewContent([]byte(text), false), after()); d != "" {
		t.Errorf("run (-want +got):\n%s", d)
	}
}

// A clean host: each step rests on what the one before will have made.
func TestPreviewWalksAChain(t *testing.T) {
	mkdir := deed{probe: func(ctx context.Context, v steps.View) (steps.Change, error) {
		st, err := v.Self.Stat(ctx, "/srv")
		if err != nil || st.Kind == steps.Directory {
			return steps.Change{}, err
		}
		return steps.Change{Edits: []steps.Edit{{Op: steps.Create, Subject: "/srv", Wanted: steps.Attrs{Mode: mode(0o755)}}}}, nil
	}}
	w := newWorld(t, 1, "- plain: {do: dir}\n- plain: {do: file}\n- plain: {do: file}\n", map[string]deed{"dir": mkdir, "file": file("/srv/f", "1")})
	w.preview()
	w.wantLog(`
		stage 1: db1
		db1 1.1 change
		db1 1.2 change
		db1 1.3 ok`)
	_, err := w.apply()
	must(t, err)
	if got := w.hosts["db1"].acts(); got != "commit /srv /srv/f" {
		t.Errorf("got %q", got)
	}
}

// What an apply itself cannot foresee is unknown, and so is all after it.
func TestPreviewDoesNotGuessWhatAnApplyReads(t *testing.T) {
	asks := always("restart")
	act := asks.apply
	asks.apply = func(ctx context.Context, h steps.Host, c steps.Change) error {
		if err := act(ctx, h, c); err != nil {
			return err
		}
		_, err := h.Query(ctx, steps.Command{Argv: []string{"state"}, Reads: []string{"service:db"}})
		return err
	}
	w := newWorld(t, 1, "- plain: {do: asks}\n- plain: {do: file}\n", map[string]deed{"asks": asks, "file": file("/etc/f", "1")})
	r := w.preview()
	w.wantLog(`
		stage 1: db1
		db1 1.1 unknown
		db1 1.2 unknown`)
	if len(r.Failures) > 0 {
		t.Errorf("got failures %v", r.Failures)
	}
}

func TestApplyTellsOnlyWhatIsOnTheHost(t *testing.T) {
	broken := errors.New("it broke")
	deeds := chainDeeds()
	deeds["fails"] = deed{probe: func(context.Context, steps.View) (steps.Change, error) { return steps.Change{}, broken }}
	t.Run("before the first batch", func(t *testing.T) {
		w := newWorld(t, 1, "- plain: {do: conf}\n- plain: {do: fails}\n", deeds)
		r, err := w.apply()
		if !errors.Is(err, ErrStopped) {
			t.Errorf("got %v, want ErrStopped", err)
		}
		w.wantLog(`
			stage 1: db1
			db1 1.2 failed (it broke)`)
		if w.hosts["db1"].acts() != "" || r.Acted || r.Changes != 0 || !r.Failures[0].Before {
			t.Errorf("nothing was written, but it says %+v", r)
		}
	})
	t.Run("after a batch", func(t *testing.T) {
		w := newWorld(t, 1, "- plain: {do: conf}\n- plain: {do: service}\n- plain: {do: after}\n- plain: {do: fails}\n", deeds)
		runsService(w.hosts["db1"], "/etc/db.cnf")
		r, _ := w.apply()
		w.wantLog(`
			stage 1: db1
			db1 1.1 changed
			db1 1.2 changed
			db1 1.4 failed (it broke)`)
		if !r.Acted || r.Changes != 2 || r.Failures[0].Before {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("when a peer asks the host that failed", func(t *testing.T) {
		asks := deed{probe: func(ctx context.Context, v steps.View) (steps.Change, error) {
			for _, p := range v.Peers() {
				if _, err := p.Query(ctx, steps.Command{Argv: []string{"cat", "/etc/db.cnf"}, Reads: []string{"/etc"}}); err != nil {
					return steps.Change{}, err
				}
			}
			return steps.Change{}, nil
		}}
		deeds := map[string]deed{"conf": deeds["conf"], "asks": asks, "fails": {probe: func(_ context.Context, v steps.View) (steps.Change, error) {
			if v.Self.Name() == "db1" {
				return steps.Change{}, broken
			}
			return steps.Change{}, nil
		}}}
		w := newWorld(t, 2, "- {serial: 1, max_failures: 1, steps: [{plain: {do: conf}}, {plain: {do: fails}}, {plain: {do: asks}}]}\n", deeds)
		_, err := w.apply()
		must(t, err)
		if got := w.hosts["db1"].acts(); got != "" {
			t.Errorf("db1 failed, but a peer wrote what was pending there: %s", got)
		}
	})
}

func TestDriftNamesTheStepThatWrote(t *testing.T) {
	w := newWorld(t, 1, chain, chainDeeds())
	m := w.hosts["db1"]
	m.PutFile("/etc/db.cnf", "old")
	m.PutFile("/etc/more.cnf", "old")
	w.deeds["service"] = deed{probe: func(context.Context, steps.View) (steps.Change, error) {
		m.PutFile("/etc/db.cnf", "somebody else's")
		return edits("restart"), nil
	}, apply: always("restart").apply}
	r, err := w.apply()
	if !errors.Is(err, ErrStopped) || len(r.Failures) != 1 {
		t.Fatalf("got %v, %+v", err, r)
	}
	f := r.Failures[0]
	if !errors.Is(f, steps.ErrDrifted) || f.Step != "1.1 plain" || r.Acted {
		t.Errorf("got %+v, acted %v; want drift at step 1.1 and nothing done", f, r.Acted)
	}
	if m.Content("/etc/more.cnf") != "old" || m.acts() != "" {
		t.Errorf("the host was changed: %s", m.acts())
	}
}

func TestUnverified(t *testing.T) {
	t.Run("by its own proof", func(t *testing.T) {
		d := always("restart")
		d.verify = func(context.Context, steps.View) error { return errors.New("it does not answer") }
		w := newWorld(t, 2, "- {serial: 1, steps: [{proven: {do: d}}]}\n", map[string]deed{"d": d})
		w.preview()
		w.wantLog("stage 1: db1 db2\ndb1 1.1 change\ndb2 1.1 change")
		r, _ := w.apply()
		w.wantLog(`
			stage 1: db1 db2
			db1 1.1 changed
			db1 1.1 unverified (it does not answer)
			not touched in this stage because of the failure: db2`)
		if len(r.Failures) != 1 || !r.Failures[0].Unverified || r.Changes != 1 || r.Failed != 1 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("by a probe that still finds something", func(t *testing.T) {
		d := always("restart")
		d.apply = func(context.Context, steps.Host, steps.Change) error { return nil }
		w := newWorld(t, 1, "- plain: {do: d}\n", map[string]deed{"d": d})
		r, _ := w.apply()
		w.wantLog(`
			stage 1: db1
			db1 1.1 changed
			db1 1.1 unverified (after the change it is still not as wanted: ! restart)`)
		if !r.Failures[0].Unverified {
			t.Errorf("got %+v", r.Failures)
		}
	})
	t.Run("proof without a change", func(t *testing.T) {
		d := deed{verify: func(context.Context, steps.View) error { return nil }}
		w := newWorld(t, 1, "- proven: {do: d}\n", map[string]deed{"d": d})
		if r := w.preview(); r.Verified != 1 || r.OK != 1 {
			t.Errorf("a dry run: got %+v", r)
		}
		if r, err := w.apply(); err != nil || r.Verified != 1 {
			t.Errorf("a run: got %+v, %v", r, err)
		}
	})
	t.Run("a change that nobody foresees is not proven in a dry run", func(t *testing.T) {
		d := deed{
			probe: func(context.Context, steps.View) (steps.Change, error) {
				return steps.Change{Unknown: "a user's command"}, nil
			},
			verify: func(context.Context, steps.View) error { return errors.New("not there yet") },
		}
		w := newWorld(t, 1, "- proven: {do: d}\n", map[string]deed{"d": d})
		if r := w.preview(); len(r.Failures) > 0 || r.Unknown != 1 {
			t.Errorf("got %+v", r)
		}
	})
}

func TestSpaceIsCheckedBeforeTheFirstChange(t *testing.T) {
	w := newWorld(t, 2, "- plain: {do: a}\n- plain: {do: b}\n", map[string]deed{"a": file("/etc/a", strings.Repeat("x", 10000)), "b": file("/etc/b", "x")})
	w.hosts["db2"].free = "15"
	r := w.preview()
	if len(r.Failures) != 1 || r.Failures[0].Host != "db2" || !errors.Is(r.Failures[0], steps.ErrRefused) {
		t.Fatalf("got %v, want one refusal on db2", r.Failures)
	}
	if !strings.Contains(r.Failures[0].Error(), "need 16 KiB beside the old ones, and 15 KiB are free") {
		t.Errorf("got %v", r.Failures[0])
	}
	w.hosts["db2"].free = "16"
	if r := w.preview(); len(r.Failures) != 0 {
		t.Errorf("got %v", r.Failures)
	}
}

// The warm-up's reads are those of the walk, and its results count nothing.
func TestReadsAreShared(t *testing.T) {
	probes := 0
	d := file("/etc/f", "x")
	probe := d.probe
	var w *world
	d.probe = func(ctx context.Context, v steps.View) (steps.Change, error) {
		w.mu.Lock()
		probes++
		w.mu.Unlock()
		return probe(ctx, v)
	}
	w = newWorld(t, 1, "- plain: {do: d}\n- plain: {do: d}\n- plain: {do: d}\n", map[string]deed{"d": d})
	w.hosts["db1"].PutFile("/etc/f", "old")
	r := w.preview()
	m := w.hosts["db1"]
	if probes != 6 || m.readCount("stat /etc/f") != 1 || m.readCount("read /etc/f") != 1 {
		t.Errorf("%d probes, %d stats, %d reads; want 6, 1, 1", probes, m.readCount("stat /etc/f"), m.readCount("read /etc/f"))
	}
	if want := (Counts{Changes: 1, OK: 2}); r.Counts != want {
		t.Errorf("got %+v, want %+v", r.Counts, want)
	}
}

// A reader that gives up takes nobody with it who asked the same.
func TestAnAbandonedReadIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, "db1")
		m.onQuery = func(ctx context.Context, _ steps.Command) (steps.Output, error) {
			if m.readCount("query q") == 1 {
				<-ctx.Done()
				return steps.Output{}, ctx.Err()
			}
			return steps.Output{Stdout: []byte("answer")}, nil
		}
		c := newCache(m)
		q := steps.Command{Argv: []string{"q"}}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = c.Query(ctx, q) }()
		synctest.Wait()
		got := make(chan string)
		go func() {
			out, err := c.Query(t.Context(), q)
			if err != nil {
				t.Error(err)
			}
			got <- string(out.Stdout)
		}()
		synctest.Wait()
		cancel()
		if s := <-got; s != "answer" {
			t.Errorf("got %q", s)
		}
	})
}

// The control machine's step sees what the hosts are after the stage before.
func TestControlSeesFreshHosts(t *testing.T) {
	var saw string
	here := deed{probe: func(ctx context.Context, v steps.View) (steps.Change, error) {
		out, err := v.Peers()[0].Query(ctx, steps.Command{Argv: []string{"state"}})
		saw = string(out.Stdout)
		return steps.Change{}, err
	}}
	look := deed{probe: func(ctx context.Context, v steps.View) (steps.Change, error) {
		if len(v.Peers()) > 0 {
			_, err := v.Peers()[0].Query(ctx, steps.Command{Argv: []string{"state"}})
			return steps.Change{}, err
		}
		return steps.Change{}, nil
	}}
	w := newWorld(t, 2, "- plain: {do: look}\n- plain: {do: act}\n- here: {do: here}\n", map[string]deed{"look": look, "here": here, "act": file("/etc/f", "x")})
	for _, m := range w.hosts {
		m.onQuery = func(context.Context, steps.Command) (steps.Output, error) {
			if w.hosts["db2"].acts() == "" {
				return steps.Output{Stdout: []byte("before")}, nil
			}
			return steps.Output{Stdout: []byte("after")}, nil
		}
	}
	_, err := w.apply()
	must(t, err)
	if saw != "after" {
		t.Errorf("the control machine saw the hosts as they were %s the change", saw)
	}
}

func TestControl(t *testing.T) {
	w := newWorld(t, 2, "- here: {do: ca}\n- plain: {do: fails}\n", map[string]deed{
		"ca":    file("/etc/ca.pem", "ca"),
		"fails": {probe: func(context.Context, steps.View) (steps.Change, error) { return steps.Change{}, errors.New("no") }},
	})
	r, _ := w.apply()
	w.wantLog(`
		stage 1: control
		control 1.1 changed
		stage 2: db1 db2
		db1 2.1 failed (no)
		db2 2.1 failed (no)`)
	if w.ctl.acts() != "commit /etc/ca.pem" {
		t.Errorf("got %q", w.ctl.acts())
	}
	if !r.Acted || r.Failures[0].Before || len(r.Touched) != 0 {
		t.Errorf("something was made on the control machine, but it says %+v", r)
	}
}
