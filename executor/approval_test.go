package executor

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/steps"
)

func TestWhatWasNotApprovedIsNotDone(t *testing.T) {
	for name, tt := range map[string]struct {
		then func(w *world)
		want string // of the refusal
	}{
		"another content":      {func(w *world) { w.hosts["db2"].PutFile("/etc/db.cnf", "theirs") }, "/etc/db.cnf"},
		"a file that appeared": {func(w *world) { w.hosts["db2"].PutFile("/etc/after", "theirs") }, "/etc/after"},
		"a file that was fine": {func(w *world) { w.hosts["db2"].PutFile("/etc/fine", "theirs") }, "nothing to do there"},
	} {
		t.Run(name, func(t *testing.T) {
			deeds := chainDeeds()
			deeds["fine"] = file("/etc/fine", "fine")
			w := newWorld(t, 2, "- {serial: 1, steps: [{plain: {do: conf}}, {plain: {do: fine}}, {plain: {do: after}}]}\n", deeds)
			for _, m := range w.hosts {
				m.PutFile("/etc/db.cnf", "old")
				m.PutFile("/etc/fine", "fine")
			}
			w.preview()
			tt.then(w)
			r, err := w.apply()
			if !errors.Is(err, ErrStopped) || len(r.Failures) != 1 || !errors.Is(r.Failures[0], ErrUnapproved) || !strings.Contains(r.Failures[0].Error(), tt.want) {
				t.Fatalf("got %v, %+v", err, r.Failures)
			}
			if m := w.hosts["db2"]; m.acts() != "" {
				t.Errorf("db2 was changed: %s", m.acts())
			}
			if got := w.hosts["db1"].Content("/etc/db.cnf"); got != "new" {
				t.Errorf("db1, as approved, has %q", got)
			}
		})
	}
}

func TestWhatIsDoneMeanwhileIsApproved(t *testing.T) {
	w := newWorld(t, 2, chain, chainDeeds())
	for _, m := range w.hosts {
		m.PutFile("/etc/db.cnf", "old")
		runsService(m, "/etc/db.cnf")
	}
	w.preview()
	w.hosts["db1"].PutFile("/etc/db.cnf", "new")
	w.hosts["db2"].PutFile("/etc/more.cnf", "new")
	if r, err := w.apply(); err != nil || len(r.Failures) != 0 {
		t.Errorf("got %v, %+v", err, r.Failures)
	}
}

// TestUnknownIsApproved: what could not be foreseen was shown as such.
func TestUnknownIsApproved(t *testing.T) {
	deeds := chainDeeds()
	first := always("make", "things")
	apply := first.apply
	first.apply = func(ctx context.Context, h steps.Host, c steps.Change) error {
		if o := h.(*overlay); !o.live {
			_, err := h.Exec(ctx, steps.Command{Argv: []string{"anything"}})
			return err
		}
		return apply(ctx, h, c)
	}
	deeds["first"] = first
	w := newWorld(t, 1, "- plain: {do: first}\n- plain: {do: conf}\n", deeds)
	m := w.hosts["db1"]
	m.PutFile("/etc/db.cnf", "old")
	if r := w.preview(); r.Unknown != 1 {
		t.Fatalf("got %+v; want one unknown", r.Counts)
	}
	m.PutFile("/etc/db.cnf", "made by the first")
	if _, err := w.apply(); err != nil || m.Content("/etc/db.cnf") != "new" {
		t.Errorf("got %v, %q", err, m.Content("/etc/db.cnf"))
	}
}

func TestRescueIsNotShownAndApproved(t *testing.T) {
	deeds := chainDeeds()
	fails := always("x")
	fails.apply = func(_ context.Context, h steps.Host, _ steps.Change) error {
		if h.(*overlay).live {
			return errors.New("broken")
		}
		return nil
	}
	deeds["fails"] = fails
	w := newWorld(t, 1, "- {steps: [{plain: {do: fails}}], rescue: [{plain: {do: conf}}]}\n", deeds)
	w.preview()
	if _, err := w.apply(); err != nil || w.hosts["db1"].Content("/etc/db.cnf") != "new" {
		t.Errorf("got %v, %q", err, w.hosts["db1"].Content("/etc/db.cnf"))
	}
}

func TestDrifts(t *testing.T) {
	content := func(text string) *steps.Content { return steps.NewContent([]byte(text), false) }
	edit := steps.Edit{Op: steps.Update, Subject: "/f", Before: content("a"), After: content("b")}
	with := func(change func(e *steps.Edit)) steps.Edit { e := edit; change(&e); return e }
	restart := steps.Edit{Op: steps.Run, Subject: "service db", Summary: "restart", Disrupts: &steps.Disruption{Service: "db", Effect: steps.Restarts}}
	reload := restart
	reload.Summary, reload.Disrupts = "reload", &steps.Disruption{Service: "db", Effect: steps.Reloads}
	step := func(edits ...steps.Edit) []ApprovedStep {
		return []ApprovedStep{{Host: "db1", Step: "1.2", Name: "conf", Edits: edits}}
	}
	unknown := []ApprovedStep{{Host: "db1", Step: "1.2", Name: "conf", Unknown: "rests on 1.1"}}
	none := []ApprovedStep(nil)
	for name, tt := range map[string]struct {
		then, now []ApprovedStep
		want      []Drift
	}{
		"the same":                       {step(edit, restart), step(edit, restart), nil},
		"done meanwhile":                 {step(edit, restart), none, nil},
		"half done":                      {step(edit, restart), step(restart), nil},
		"other evidence":                 {step(edit), step(with(func(e *steps.Edit) { e.Why = "since 10:00" })), nil},
		"made by the run":                {step(with(func(e *steps.Edit) { e.After = steps.NewContent(nil, true) })), step(edit), nil},
		"unknown then":                   {unknown, step(edit), nil},
		"an element of what was unknown": {[]ApprovedStep{{Host: "db1", Step: "1", Unknown: "which"}}, step(edit), nil},
		"on another host":                {[]ApprovedStep{{Host: "db2", Step: "1.2", Edits: []steps.Edit{edit}}}, step(edit), []Drift{{Subject: "/f", Planned: "nothing to do there", Now: "1 bytes, SHA-256 ca978112ca1b", Wanted: "1 bytes, SHA-256 3e23e8160039"}}},
		"another state is found":         {step(edit), step(with(func(e *steps.Edit) { e.Before = content("c") })), []Drift{{Subject: "/f", Planned: "1 bytes, SHA-256 ca978112ca1b", Now: "1 bytes, SHA-256 2e7d2c03a950", Wanted: "1 bytes, SHA-256 3e23e8160039"}}},
		"another content is wanted":      {step(edit), step(with(func(e *steps.Edit) { e.After = content("c") })), []Drift{{Subject: "/f", Planned: "1 bytes, SHA-256 ca978112ca1b", Now: "1 bytes, SHA-256 ca978112ca1b", Wanted: "1 bytes, SHA-256 3e23e8160039, and now 1 bytes, SHA-256 2e7d2c03a950"}}},
		"it is there already": {
			step(with(func(e *steps.Edit) {
				e.Op, e.Before, e.Attrs = steps.Create, nil, []steps.AttrEdit{{Name: "mode", After: "0600"}}
			})), step(edit),
			[]Drift{{Subject: "/f", Planned: "absent", Now: "1 bytes, SHA-256 ca978112ca1b", Wanted: "1 bytes, SHA-256 3e23e8160039"}},
		},
		"another mode is wanted": {
			step(with(func(e *steps.Edit) { e.Attrs = []steps.AttrEdit{{Name: "mode", Before: "0644", After: "0600"}} })),
			step(with(func(e *steps.Edit) { e.Attrs = []steps.AttrEdit{{Name: "mode", Before: "0644", After: "0640"}} })),
			[]Drift{{Subject: "/f", Planned: "1 bytes, SHA-256 ca978112ca1b, mode 0644", Now: "1 bytes, SHA-256 ca978112ca1b, mode 0644",
				Wanted: "1 bytes, SHA-256 3e23e8160039, mode 0600, and now 1 bytes, SHA-256 3e23e8160039, mode 0640"}},
		},
		"it is gone":                      {step(edit), step(with(func(e *steps.Edit) { e.Op, e.Before = steps.Create, nil })), []Drift{{Subject: "/f", Planned: "1 bytes, SHA-256 ca978112ca1b", Now: "absent", Wanted: "1 bytes, SHA-256 3e23e8160039"}}},
		"a harder act":                    {step(reload), step(restart), []Drift{{Subject: "service db", Planned: "to be acted on", Now: "to be acted on", Wanted: "reload, and now restart"}}},
		"one that cannot be foreseen now": {step(edit), unknown, []Drift{{Subject: "conf", Planned: "could be foreseen", Now: "cannot be foreseen: rests on 1.1"}}},
		"another mode is found": {
			step(with(func(e *steps.Edit) {
				e.Before, e.After, e.Attrs = nil, nil, []steps.AttrEdit{{Name: "mode", Before: "0644", After: "0600"}}
			})),
			step(with(func(e *steps.Edit) {
				e.Before, e.After, e.Attrs = nil, nil, []steps.AttrEdit{{Name: "mode", Before: "0640", After: "0600"}}
			})),
			[]Drift{{Subject: "/f", Planned: "mode 0644", Now: "mode 0640", Wanted: "mode 0600"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range tt.want {
				tt.want[i].Host, tt.want[i].Step, tt.want[i].Name = "db1", "1.2", "conf"
			}
			then, now := Approval{Steps: tt.then}, Approval{Steps: tt.now}
			if diff := cmp.Diff(tt.want, then.Drifts(&now)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestApprovalIsTheSameFromItsText(t *testing.T) {
	w := newWorld(t, 2, chain, chainDeeds())
	w.hosts["db1"].PutFile("/etc/db.cnf", "a secret of the host")
	shown := w.preview().Shown
	text, err := json.Marshal(shown)
	must(t, err)
	if strings.Contains(string(text), "secret") {
		t.Errorf("the text holds content: %s", text)
	}
	var back Approval
	must(t, json.Unmarshal(text, &back))
	if back.Fingerprint() != shown.Fingerprint() || len(back.Drifts(&shown)) != 0 || len(shown.Drifts(&back)) != 0 {
		t.Errorf("got %+v, want %+v", back, shown)
	}
	w.hosts["db1"].PutFile("/etc/db.cnf", "other")
	if other := w.preview().Shown; other.Fingerprint() == shown.Fingerprint() {
		t.Error("another change has the same fingerprint")
	}
}
