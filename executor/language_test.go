package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/plan"
	"lockstep/steps"
)

// told is a step that always acts and tells what it found on the host.
func told(found func(host string) string) deed {
	d := always("ask")
	d.tell = found
	return d
}

// broke is a step that fails on some hosts.
func broke(err error, on ...string) deed {
	d := always("try")
	done := d.apply
	d.apply = func(ctx context.Context, h steps.Host, c steps.Change) error {
		for _, host := range on {
			if host == h.Name() && h.(*overlay).live {
				return err
			}
		}
		return done(ctx, h, c)
	}
	return d
}

func TestRegisteredValuesDecide(t *testing.T) {
	deeds := map[string]deed{
		"ask":  told(func(host string) string { return "role of " + host }),
		"file": file("/etc/f", "x"), "same": file("/etc/same", "x"),
	}
	w := newWorld(t, 2, `
- telling: {do: ask}
  register: out
- plain: {do: file}
  when: out.stdout == "role of db2"
- plain: {do: same}
  register: same
- plain: {do: "{{ same.changed ? 'file' : 'same' }}"}
  name: chosen
`, deeds)
	for _, m := range w.hosts {
		m.PutFile("/etc/same", "x")
	}
	w.preview()
	w.wantLog(`
		stage 1: db1 db2
		db1 1.1 change
		db1 1.2 unknown
		db1 1.3 ok
		db1 1.4 ok
		db2 1.1 change
		db2 1.2 unknown
		db2 1.3 ok
		db2 1.4 ok`)
	if why := w.unknown("1.2"); why != "whether it runs is not known: out.stdout depends on step 1.1 telling" {
		t.Errorf("unknown because: %s", why)
	}
	_, err := w.apply()
	must(t, err)
	w.wantLog(`
		stage 1: db1 db2
		db1 1.1 changed
		db1 1.3 ok
		db1 1.4 ok
		db2 1.1 changed
		db2 1.2 changed
		db2 1.3 ok
		db2 1.4 ok`)
}

// unknown is why the first event of a step is unknown.
func (w *world) unknown(step string) string {
	for _, e := range w.events {
		if e.Step == step && e.Change != nil && e.Change.Unknown != "" {
			return e.Change.Unknown
		}
	}
	return ""
}

// A dry run knows what a step that has nothing to do would tell, and a step
// that is as wanted in any case is not unknown.
func TestDryRunKnowsWhatItCan(t *testing.T) {
	d := told(func(string) string { return "x" })
	d.apply = func(ctx context.Context, h steps.Host, _ steps.Change) error {
		_, err := h.Exec(ctx, steps.Command{Argv: []string{"ask"}, Writes: []string{"service:x"}})
		return err
	}
	w := newWorld(t, 1, `
- telling: {do: ask}
  register: out
- plain: {do: same}
  register: same
- plain: {do: other}
  when: same.changed
- plain: {do: same}
  when: out.stdout == "x"
- plain: {do: other}
  when: out.stdout == "x"
- plain: {do: read}
- plain: {do: free}
`, map[string]deed{"ask": d, "same": file("/etc/same", "x"), "other": file("/etc/other", "x"), "read": file("/etc/other", "y"), "free": file("/srv/free", "x")})
	w.hosts["db1"].PutDir("/srv")
	w.hosts["db1"].PutFile("/etc/same", "x")
	w.preview()
	w.wantLog(`
		stage 1: db1
		db1 1.1 change
		db1 1.2 ok
		db1 1.4 ok
		db1 1.5 unknown
		db1 1.6 unknown
		db1 1.7 change`)
}

func TestSetAndAssert(t *testing.T) {
	w := newWorld(t, 2, `
- telling: {do: ask}
  register: out
- set: {word: "{{ split(out.stdout, ' ')[1] }}"}
- assert: {that: word != "db2", msg: "{{ word }} is the wrong host"}
- plain: {do: file}
`, map[string]deed{"ask": told(func(host string) string { return "on " + host }), "file": file("/etc/f", "x")})
	w.preview()
	if why := w.unknown("1.3"); why != "word depends on step 1.2 set" {
		t.Errorf("unknown because: %s", why)
	}
	_, err := w.apply()
	if !errors.Is(err, ErrStopped) {
		t.Errorf("got %v", err)
	}
	w.wantLog(`
		stage 1: db1 db2
		db1 1.1 changed
		db1 1.2 ok
		db1 1.3 ok
		db1 1.4 changed
		db2 1.1 changed
		db2 1.2 ok
		db2 1.3 failed (db2 is the wrong host   why: it does not hold that word != "db2")`)
}

func TestRegisterOfALoop(t *testing.T) {
	w := newWorld(t, 1, `
- telling: {do: "{{ item }}"}
  loop: [ask, other]
  register: every
- assert: every.changed && len(every.results) == 2 && every.results[1].stdout == "b"
- assert: map(every.results, .stdout) == ["a", "b"]
`, map[string]deed{"ask": told(func(string) string { return "a" }), "other": told(func(string) string { return "b" })})
	_, err := w.apply()
	must(t, err)
}

func TestFactsAreReadWhenUsed(t *testing.T) {
	w := newWorld(t, 1, `
- plain: {do: none}
- assert: facts.distribution == "debian" && facts.os == "linux" && facts.hostname == "node1" && facts.family == "debian"
`, map[string]deed{"none": {}})
	asked := 0
	w.hosts["db1"].onQuery = func(context.Context, steps.Command) (steps.Output, error) {
		asked++
		return steps.Output{Stdout: []byte("Linux\nx86_64\n6.1.0\nnode1\nID=debian\nVERSION_ID=\"12\"\n")}, nil
	}
	w.preview()
	if asked != 1 {
		t.Errorf("the host was asked %d times", asked)
	}
}

func TestUntil(t *testing.T) {
	for _, row := range []struct {
		good  int // the try that finds what is waited for
		tries int
		took  time.Duration
		fails bool
	}{{1, 1, 0, false}, {3, 3, 20 * time.Second, false}, {9, 4, 30 * time.Second, true}} {
		t.Run(fmt.Sprint(row.good), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				d := deed{probe: func(context.Context, steps.View) (steps.Change, error) { return edits("ask"), nil },
					apply: func(context.Context, steps.Host, steps.Change) error { return nil },
					tell:  func(string) string { n++; return fmt.Sprint(n >= row.good) }}
				d.verify = func(context.Context, steps.View) error { return nil }
				w := newWorld(t, 1, `
- telling: {do: ask}
  register: out
  until: out.stdout == "true"
  retries: 3
  delay: 10s
  ignore_errors: false
`, map[string]deed{"ask": once(d, func() bool { return n >= row.good })})
				start := time.Now()
				_, err := w.apply()
				if (err != nil) != row.fails || n != row.tries || time.Since(start) != row.took {
					t.Errorf("got %v after %d tries in %s", err, n, time.Since(start))
				}
			})
		})
	}
}

// once is d, whose probe finds nothing to do when done says so.
func once(d deed, done func() bool) deed {
	probe := d.probe
	d.probe = func(ctx context.Context, v steps.View) (steps.Change, error) {
		if done() {
			return steps.Change{}, nil
		}
		return probe(ctx, v)
	}
	return d
}

func TestRetriesAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		d := always("try")
		done := d.apply
		d.apply = func(ctx context.Context, h steps.Host, c steps.Change) error {
			if h.(*overlay).live {
				if n++; n < 3 {
					return errors.New("not now")
				}
			}
			return done(ctx, h, c)
		}
		w := newWorld(t, 1, "- plain: {do: before}\n- {plain: {do: try}, retries: 5, delay: 1s}\n", map[string]deed{"try": d, "before": file("/etc/f", "x")})
		_, err := w.apply()
		must(t, err)
		if got := w.hosts["db1"].acts(); n != 3 || got != "commit /etc/f; run try" {
			t.Errorf("%d tries: %s", n, got)
		}
	})
}

func TestIgnoredErrorsAreTold(t *testing.T) {
	w := newWorld(t, 1, `
- plain: {do: before}
- plain: {do: broke}
  ignore_errors: true
  register: out
- plain: {do: after}
  when: out.failed
`, map[string]deed{"before": file("/etc/before", "x"), "broke": broke(errors.New("it broke"), "db1"), "after": file("/etc/after", "x")})
	r, err := w.apply()
	must(t, err)
	w.wantLog(`
		stage 1: db1
		db1 1.1 changed
		db1 1.2 ignored (it broke)
		db1 1.3 changed`)
	if r.Ignored != 1 || r.Failed != 0 || len(r.Failures) != 0 {
		t.Errorf("got %+v", r)
	}
	w = newWorld(t, 1, "- {plain: {do: broke}, ignore_errors: true}\n", map[string]deed{"broke": broke(fmt.Errorf("gone: %w", steps.ErrUnreachable), "db1")})
	if r, err = w.apply(); err == nil || len(r.Failures) != 1 {
		t.Errorf("a lost host was ignored: %v, %+v", err, r)
	}
}

const rescued = `
- serial: 1
  steps:
    - plain: {do: before}
    - steps:
        - plain: {do: half}
        - plain: {do: broke}
        - plain: {do: never}
      rescue:
        - plain: {do: rescue}
      always:
        - plain: {do: always}
    - plain: {do: after}
`

func rescuedDeeds(err error) map[string]deed {
	return map[string]deed{
		"before": file("/etc/before", "x"), "half": file("/etc/half", "x"), "broke": broke(err, "db1"), "never": file("/etc/never", "x"),
		"rescue": file("/etc/rescue", "x"), "always": file("/etc/always", "x"), "after": file("/etc/after", "x"),
	}
}

func TestRescue(t *testing.T) {
	w := newWorld(t, 2, rescued, rescuedDeeds(errors.New("it broke")))
	r, err := w.apply()
	must(t, err)
	w.wantLog(`
		stage 1: db1 db2
		db1 1.1 changed
		db1 1.4 rescued (it broke)
		db1 1.6 changed
		db1 1.7 changed
		db1 1.8 changed
		db2 1.1 changed
		db2 1.3 changed
		db2 1.4 changed
		db2 1.5 changed
		db2 1.7 changed
		db2 1.8 changed`)
	if len(r.Failures) != 0 || r.Ignored != 1 {
		t.Errorf("got %+v", r)
	}
	if got := w.hosts["db1"].acts(); got != "commit /etc/before; commit /etc/rescue; commit /etc/always; commit /etc/after" {
		t.Errorf("db1: %s", got)
	}
}

func TestRescueIsNotForLostHosts(t *testing.T) {
	w := newWorld(t, 2, rescued, rescuedDeeds(fmt.Errorf("gone: %w", steps.ErrUnreachable)))
	r, err := w.apply()
	if !errors.Is(err, ErrStopped) || len(r.Failures) != 1 {
		t.Errorf("got %v, %+v", err, r)
	}
	w.wantLog(`
		stage 1: db1 db2
		db1 1.1 changed
		db1 1.4 failed (gone: host unreachable)
		not touched in this stage because of the failure: db2`)
}

func TestAFailedRescueFails(t *testing.T) {
	deeds := rescuedDeeds(errors.New("it broke"))
	deeds["rescue"] = broke(errors.New("no way back"), "db1")
	w := newWorld(t, 1, rescued, deeds)
	_, err := w.apply()
	if !errors.Is(err, ErrStopped) {
		t.Errorf("got %v", err)
	}
	w.wantLog(`
		stage 1: db1
		db1 1.1 changed
		db1 1.4 rescued (it broke)
		db1 1.7 changed
		db1 1.6 failed (no way back)`)
}

func TestWaitsForWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		d := deed{verify: func(context.Context, steps.View) error {
			if looks++; looks < 4 {
				return &steps.NotYet{What: "closed"}
			}
			return nil
		}}
		w := newWorld(t, 1, "- plain: {do: file}\n- waiting: {do: wait}\n- plain: {do: file2}\n", map[string]deed{"wait": d, "file": file("/etc/f", "x"), "file2": file("/etc/g", "x")})
		start := time.Now()
		_, err := w.apply()
		must(t, err)
		if took := time.Since(start); took != 6*time.Second || w.hosts["db1"].acts() != "commit /etc/f; commit /etc/g" {
			t.Errorf("took %s: %s", took, w.hosts["db1"].acts())
		}
		looks = -100
		if _, err := w.apply(); !errors.Is(err, ErrStopped) || !strings.Contains(w.log(), "still not so after 1m0s: closed") {
			t.Errorf("got %v\n%s", err, w.log())
		}
		looks = -100
		w = newWorld(t, 1, "- plain: {do: file}\n- waiting: {do: wait}\n", map[string]deed{"wait": d, "file": file("/etc/f", "x")})
		w.preview()
		if why := w.unknown("1.2"); why != "it is not so now, and the run waits for it: closed" {
			t.Errorf("got %q", why)
		}
	})
}

// A step that waits looks until its own condition and its `until` hold. A dry
// run says what does not hold yet.
func TestWaitsUntilAnExpressionHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		d := deed{verify: func(context.Context, steps.View) error {
			if looks++; looks == 1 {
				return &steps.NotYet{What: "closed"}
			}
			return nil
		}, tell: func(string) string { return fmt.Sprint("look ", looks) }}
		w := newWorld(t, 1, `
- waiting: {do: wait}
  register: state
  until: state.stdout == "look 4"
- plain: {do: file}
  when: state.stdout == "look 4"
`, map[string]deed{"wait": d, "file": file("/etc/f", "x")})
		for _, row := range []struct {
			looks int
			want  string
		}{
			{0, "it is not so now, and the run waits for it: closed"},
			{1, `it is not so now, and the run waits for it: it does not hold that state.stdout == "look 4"`},
			{3, ""},
		} {
			looks = row.looks
			w.preview()
			if why := w.unknown("1.1"); why != row.want {
				t.Errorf("after %d looks: got %q", row.looks, why)
			}
			if why := w.unknown("1.2"); (why == "") != (row.want == "") {
				t.Errorf("after %d looks: the step behind it is unknown because: %s", row.looks, why)
			}
		}
		looks = 0
		start := time.Now()
		_, err := w.apply()
		must(t, err)
		if took := time.Since(start); took != 6*time.Second || looks != 4 || w.hosts["db1"].acts() != "commit /etc/f" {
			t.Errorf("took %s, %d looks: %s", took, looks, w.hosts["db1"].acts())
		}
		looks = 10
		if _, err := w.apply(); !errors.Is(err, ErrStopped) || !strings.Contains(w.log(), `still not so after 1m0s: it does not hold that state.stdout == "look 4"`) {
			t.Errorf("got %v\n%s", err, w.log())
		}
	})
}

// A dry run does not call a step as wanted whose `until` does not hold.
func TestDryRunAsksUntil(t *testing.T) {
	w := newWorld(t, 1, `
- telling: {do: ask}
  register: out
  until: out.stdout == "yes"
- plain: {do: other}
  when: out.stdout == ""
- telling: {do: ask}
  register: same
  until: same.stdout == ""
- plain: {do: file}
  when: same.stdout == ""
`, map[string]deed{"ask": {}, "file": file("/srv/f", "x"), "other": file("/etc/other", "x")})
	w.hosts["db1"].PutDir("/srv")
	w.preview()
	w.wantLog(`
		stage 1: db1
		db1 1.1 unknown
		db1 1.2 unknown
		db1 1.3 ok
		db1 1.4 change`)
	if why := w.unknown("1.1"); why != `the run tries it again: it does not hold that out.stdout == "yes"` {
		t.Errorf("unknown because: %s", why)
	}
}

func TestRunOnceTellsAllHosts(t *testing.T) {
	w := newWorld(t, 3, `
- telling: {do: ask}
  run_once: true
  register: out
- assert: out.stdout == "db1"
- here: {do: "{{ out.stdout == 'db1' ? 'good' : 'bad' }}"}
`, map[string]deed{"ask": told(func(host string) string { return host }), "good": {}, "bad": broke(errors.New("wrong"), "control")})
	_, err := w.apply()
	must(t, err)
	if got := strings.SplitN(w.log(), "\n", 3); got[0] != "stage 1: db1" || got[1] != "db1 1.1 changed" {
		t.Errorf("got %q", got)
	}
}

func TestDelegatedStepsActElsewhere(t *testing.T) {
	w := newWorld(t, 3, `
- serial: 1
  steps:
    - plain: {do: drain}
      delegate_to: db3
      when: host != "db3"
    - plain: {do: file}
    - plain: {do: local}
      delegate_to: control
      when: host == "db1"
`, map[string]deed{"drain": file("/etc/drained", "x"), "file": file("/etc/f", "x"), "local": file("/etc/note", "x")})
	_, err := w.apply()
	if err != nil {
		t.Fatalf("%v\n%s", err, w.log())
	}
	if a, b, c, d := w.hosts["db1"].acts(), w.hosts["db2"].acts(), w.hosts["db3"].acts(), w.ctl.acts(); a != "commit /etc/f" || b != "commit /etc/f" || c != "commit /etc/drained; commit /etc/f" || d != "commit /etc/note" {
		t.Errorf("db1 %q, db2 %q, db3 %q, control %q", a, b, c, d)
	}
}

func TestStepsActAsOthers(t *testing.T) {
	w := newWorld(t, 1, `
- plain: {do: one}
- plain: {do: two}
  become_user: app
- plain: {do: three}
`, map[string]deed{"one": file("/etc/1", "x"), "two": file("/etc/2", "x"), "three": file("/etc/3", "x")})
	app := newMachine(t, "db1")
	w.x.As = map[plan.Acting]Machine{{Host: "db1", As: plan.Identity{Become: true, User: "app"}}: app}
	if got := w.x.Plan.Actings(); len(got) != 1 || got[0].As.User != "app" {
		t.Fatalf("got %+v", got)
	}
	_, err := w.apply()
	must(t, err)
	if a, b := w.hosts["db1"].acts(), app.acts(); a != "commit /etc/1; commit /etc/3" || b != "commit /etc/2" {
		t.Errorf("own %q, app %q", a, b)
	}
}

func TestPausesAsk(t *testing.T) {
	const list = `
- plain: {do: file}
- pause: look at the first
- {serial: 1, approve: true, steps: [{plain: {do: other}}]}
`
	deeds := func() map[string]deed {
		return map[string]deed{"file": file("/etc/f", "x"), "other": file("/etc/g", "x")}
	}
	w := newWorld(t, 2, list, deeds())
	w.preview()
	var asked []string
	w.x.Approve = func(_ context.Context, q string) error {
		asked = append(asked, q)
		if len(asked) == 2 {
			return errors.New("no")
		}
		return nil
	}
	_, err := w.apply()
	if got := strings.Join(asked, "; "); err == nil || got != "look at the first; go on with db2?" || w.hosts["db2"].acts() != "commit /etc/f" {
		t.Errorf("asked %q, %v, db2 %s", got, err, w.hosts["db2"].acts())
	}
	w = newWorld(t, 2, list, deeds())
	if _, err := w.apply(); !errors.Is(err, steps.ErrRefused) {
		t.Errorf("nobody was there to ask: got %v", err)
	}
}

func TestWidthsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &order{}
		w := newWorld(t, 10, "- {serial: [1, 20%, 100%], order: reverse_sorted, steps: [{plain: {do: act}}]}\n", map[string]deed{"act": o.act(second)})
		start := time.Now()
		_, err := w.apply()
		must(t, err)
		if took := time.Since(start); took != 3*time.Second || o.most != 7 || o.began[0] != "db9" {
			t.Errorf("took %s, %d at a time, began %v", took, o.most, o.began)
		}
	})
}

func TestMaxFailuresInPercent(t *testing.T) {
	for percent, touched := range map[string]int{"10%": 2, "20%": 3} {
		w := newWorld(t, 10, "- {serial: 1, max_failures: "+percent+", steps: [{plain: {do: act}}]}\n", map[string]deed{"act": broke(errors.New("it broke"), "db1", "db2", "db3", "db10")})
		r, err := w.apply()
		if !errors.Is(err, ErrStopped) || len(r.Failures) != touched {
			t.Errorf("%s: %v after %d failures, want %d", percent, err, len(r.Failures), touched)
		}
	}
}

// A dry run goes the way of the rescue that the run would go, and takes what the
// failed group has not written for not written.
func TestDryRunRescues(t *testing.T) {
	fails := deed{probe: func(context.Context, steps.View) (steps.Change, error) { return steps.Change{}, errors.New("it broke") }}
	w := newWorld(t, 1, `
- steps:
    - plain: {do: before}
    - steps: [{plain: {do: half}}, {plain: {do: fails}}, {plain: {do: never}}]
      rescue: [{plain: {do: half}}, {plain: {do: before}}]
    - plain: {do: half}
`, map[string]deed{"before": file("/etc/before", "x"), "half": file("/etc/half", "x"), "fails": fails, "never": file("/etc/never", "x")})
	r := w.preview()
	w.wantLog(`
		stage 1: db1
		db1 1.1 change
		db1 1.3 change
		db1 1.4 rescued (it broke)
		db1 1.6 change
		db1 1.7 ok
		db1 1.8 ok`)
	if len(r.Failures) != 0 {
		t.Errorf("got %+v", r)
	}
}
