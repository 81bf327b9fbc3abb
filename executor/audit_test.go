package executor

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"lockstep/steps"
)

// TestAuditTellsAllAndChangesNothing: no failure ends the walk, a step with
// findings of its own sees the host as it is, and one without foresees as ever.
func TestAuditTellsAllAndChangesNothing(t *testing.T) {
	broken := errors.New("not as it should be")
	w := newWorld(t, 2, `
  - {name: a, plain: {do: a}}
  - {name: sees, finding: {do: sees}}
  - {name: probe fails, finding: {do: halfway}}
  - {name: after a, plain: {do: after}}
  - {name: broken, plain: {do: broken}}
  - {name: unproven, proven: {do: unproven}}
  - {name: proven, proven: {do: proven}}
  - {name: blind, finding: {do: blind}}
  - {name: restart, plain: {do: act}}
`, map[string]deed{
		"a": file("/etc/a", "x"),
		"sees": {audit: func(ctx context.Context, v steps.View) ([]steps.Finding, error) {
			st, err := v.Self.Stat(ctx, "/etc/a")
			peer, err2 := v.Peers()[0].Stat(ctx, "/etc/a")
			return []steps.Finding{{ID: "x", Found: string(st.Kind + " " + peer.Kind)}}, errors.Join(err, err2)
		}},
		"halfway": {
			audit: func(context.Context, steps.View) ([]steps.Finding, error) { return []steps.Finding{{ID: "y"}}, nil },
			probe: func(context.Context, steps.View) (steps.Change, error) { return steps.Change{}, broken },
		},
		"after": {probe: func(ctx context.Context, v steps.View) (steps.Change, error) {
			data, err := v.Self.ReadFile(ctx, "/etc/a")
			if err == nil && string(data) != "x" {
				err = fmt.Errorf("got %q, which is not foreseen", data)
			}
			return steps.Change{}, err
		}},
		"broken":   {probe: func(context.Context, steps.View) (steps.Change, error) { return steps.Change{}, broken }},
		"unproven": {verify: func(context.Context, steps.View) error { return broken }},
		"proven":   {verify: func(context.Context, steps.View) error { return nil }},
		"blind":    {audit: func(context.Context, steps.View) ([]steps.Finding, error) { return nil, broken }},
		"act":      always("restart"),
	})
	r, err := w.x.Audit(t.Context())
	must(t, err)
	each := func(host string) string {
		return host + ` 1.1 change
	` + host + ` 1.2 ok
	` + host + ` 1.3 ok
	` + host + ` 1.4 ok
	` + host + ` 1.5 ignored (not as it should be)
	` + host + ` 1.6 ok
	` + host + ` 1.6 ignored (not as it should be)
	` + host + ` 1.7 ok
	` + host + ` 1.7 verified
	` + host + ` 1.8 ignored (it could not be looked at: not as it should be)
	` + host + ` 1.9 change
	`
	}
	w.wantLog("stage 1: db1 db2\n" + each("db1") + each("db2"))
	if len(r.Failures) != 0 || r.Acted {
		t.Errorf("got failures %v, acted %v; want findings instead", r.Failures, r.Acted)
	}
	for _, e := range w.events {
		if e.Step == "1.2" && (len(e.Findings) != 1 || e.Findings[0].Found != "absent absent") {
			t.Errorf("%s: got %+v; want a host without the file that the run would write", e.Host, e.Findings)
		}
		if e.Step == "1.3" && (len(e.Findings) != 1 || e.Findings[0].ID != "y") {
			t.Errorf("%s: got %+v; want what was found beside the probe that failed", e.Host, e.Findings)
		}
	}
	for _, m := range w.hosts {
		if m.acts() != "" {
			t.Errorf("the audit changed %s: %s", m.Name(), m.acts())
		}
	}
}

// TestAuditOfALostHost goes on with the others and says which one is missing.
func TestAuditOfALostHost(t *testing.T) {
	w := newWorld(t, 2, "  - {name: a, plain: {do: a}}\n  - {name: b, plain: {do: b}}\n", map[string]deed{
		"a": {probe: func(_ context.Context, v steps.View) (steps.Change, error) {
			if v.Self.Name() == "db1" {
				return steps.Change{}, steps.ErrUnreachable
			}
			return steps.Change{}, nil
		}},
	})
	r, err := w.x.Audit(t.Context())
	must(t, err)
	w.wantLog(`stage 1: db1 db2
	db1 1.1 failed (host unreachable)
	db2 1.1 ok
	db2 1.2 ok`)
	if len(r.Failures) != 1 || r.Failures[0].Host != "db1" {
		t.Errorf("failures: got %v, want db1", r.Failures)
	}
}
