package executor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"lockstep/steps"
)

// failsLive is a step that a dry run foresees well, and a run does not.
func failsLive() deed {
	d := always("x")
	d.apply = func(_ context.Context, h steps.Host, _ steps.Change) error {
		if h.(*overlay).live {
			return errors.New("broken")
		}
		return nil
	}
	return d
}

// TestWhatFollowsAFailureIsNotShown: a plan that goes on after a failure does on
// the same host what no dry run could show, and says so.
func TestWhatFollowsAFailureIsNotShown(t *testing.T) {
	for name, list := range map[string]string{
		"ignored": "- {plain: {do: writes}, ignore_errors: true}\n- plain: {do: conf}\n",
		"always":  "- {steps: [{plain: {do: writes}}], always: [{plain: {do: conf}}]}\n",
		"rescued": "- {steps: [{plain: {do: writes}}], rescue: [{plain: {do: other}}]}\n- plain: {do: conf}\n",
	} {
		t.Run(name, func(t *testing.T) {
			deeds := chainDeeds()
			writes := file("/etc/db.cnf", "new")
			writes.apply = func(ctx context.Context, h steps.Host, c steps.Change) error {
				if h.(*overlay).live {
					return errors.New("broken")
				}
				return steps.ApplyFiles(ctx, h, c)
			}
			deeds["writes"], deeds["other"] = writes, file("/etc/other", "x")
			w := newWorld(t, 1, list, deeds)
			m := w.hosts["db1"]
			m.PutFile("/etc/db.cnf", "old")
			w.preview()
			_, err := w.apply()
			if got := m.Content("/etc/db.cnf"); got != "new" {
				t.Errorf("got %v, %q", err, got)
			}
			if !strings.Contains(w.log(), "/etc/db.cnf: not shown before, because step ") {
				t.Errorf("nobody says that it was not shown:\n%s", w.log())
			}
		})
	}
}

// TestATryAgainIsNotShown: what a try leaves half done, the next one finds. What
// comes after it was shown.
func TestATryAgainIsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := file("/etc/f", "new")
		failed := false
		w := newWorld(t, 1, "- {plain: {do: try}, retries: 2, delay: 1s}\n- plain: {do: after}\n", map[string]deed{"try": d, "after": file("/etc/after", "x")})
		m := w.hosts["db1"]
		d.apply = func(ctx context.Context, h steps.Host, c steps.Change) error {
			if h.(*overlay).live && !failed {
				failed = true
				m.PutFile("/etc/f", "half")
				return errors.New("broken")
			}
			return steps.ApplyFiles(ctx, h, c)
		}
		w.deeds["try"] = d
		w.preview()
		if _, err := w.apply(); err != nil || m.Content("/etc/f") != "new" {
			t.Errorf("got %v, %q\n%s", err, m.Content("/etc/f"), w.log())
		}
	})
}

// TestWhoBootstrapsIsSettledByTheRun: the hosts that have a part in a ranked step
// may change parts, and no other host gets one.
func TestWhoBootstrapsIsSettledByTheRun(t *testing.T) {
	for name, tt := range map[string]struct {
		now  map[string]string // part by host
		want string            // host that is refused
	}{
		"as shown":        {map[string]string{"db1": "bootstrap", "db2": "start"}, ""},
		"changed parts":   {map[string]string{"db1": "start", "db2": "bootstrap"}, ""},
		"another part":    {map[string]string{"db1": "bootstrap", "db2": "wipe"}, "db2"},
		"a host too many": {map[string]string{"db1": "bootstrap", "db2": "start", "db3": "start"}, "db3"},
	} {
		t.Run(name, func(t *testing.T) {
			parts := map[string]string{"db1": "bootstrap", "db2": "start"}
			d := deed{
				rank: func(context.Context, steps.View) (int, error) { return 0, nil },
				probe: func(_ context.Context, v steps.View) (steps.Change, error) {
					part := parts[v.Self.Name()]
					if part == "" {
						return steps.Change{}, nil
					}
					return steps.Change{Edits: []steps.Edit{{Op: steps.Run, Subject: "service db", Summary: part}}}, nil
				},
				apply: func(_ context.Context, h steps.Host, _ steps.Change) error {
					if h.(*overlay).live {
						delete(parts, h.Name())
					}
					return nil
				},
			}
			w := newWorld(t, 3, "- {serial: 1, steps: [{ranked: {do: d}}]}\n", map[string]deed{"d": d})
			w.preview()
			parts = tt.now
			r, err := w.apply()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, %+v", err, r.Failures)
			case tt.want != "" && (len(r.Failures) != 1 || r.Failures[0].Host != tt.want || !errors.Is(r.Failures[0], ErrUnapproved)):
				t.Errorf("got %v, %+v; want %s refused", err, r.Failures, tt.want)
			}
		})
	}
}

// TestAnErrandIsApprovedForAll: which host does it for all is settled by the run.
func TestAnErrandIsApprovedForAll(t *testing.T) {
	fails := failsLive()
	fail := fails.apply
	fails.apply = func(ctx context.Context, h steps.Host, c steps.Change) error {
		if h.Name() == "db1" {
			return fail(ctx, h, c)
		}
		return nil
	}
	fails.probe = func(_ context.Context, v steps.View) (steps.Change, error) {
		if v.Self.Name() == "db1" {
			return edits("x"), nil
		}
		return steps.Change{}, nil
	}
	w := newWorld(t, 2, "- {max_failures: 1, steps: [{plain: {do: fails}}]}\n- {plain: {do: conf}, run_once: true}\n", map[string]deed{"fails": fails, "conf": file("/etc/db.cnf", "new")})
	w.preview()
	if r, err := w.apply(); w.hosts["db2"].Content("/etc/db.cnf") != "new" {
		t.Errorf("got %v, %+v", err, r.Failures)
	}
}

// TestAnApprovalHoldsNoSecret, and is the same for another secret.
func TestAnApprovalHoldsNoSecret(t *testing.T) {
	shown := func(password string) Approval {
		d := always("login", "--password="+password)
		w := newWorld(t, 1, "- plain: {do: d}\n", map[string]deed{"d": d})
		w.x.Redactor.Add(password)
		shown := w.preview().Shown
		if r, err := w.apply(); err != nil {
			t.Errorf("as shown: got %v, %+v", err, r.Failures)
		}
		return shown
	}
	one, two := shown("Pl4nted-one"), shown("Pl4nted-two")
	if got := one.Steps[0].Edits[0].Subject; strings.Contains(got, "Pl4nted") {
		t.Errorf("the approval says %q", got)
	}
	if one.Fingerprint() != two.Fingerprint() {
		t.Error("another secret makes another fingerprint")
	}
}
