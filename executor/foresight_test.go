package executor

import (
	"errors"
	"testing"
)

// A dry run does not know whether a step will fail where the plan goes on
// after it, so what asks for that is unknown too.
func TestDryRunDoesNotKnowWhatFails(t *testing.T) {
	deeds := map[string]deed{"broke": broke(errors.New("it broke"), "db1"), "after": file("/etc/after", "x"), "last": file("/etc/last", "x")}
	w := newWorld(t, 1, `
- plain: {do: broke}
  register: out
  ignore_errors: true
- assert: out.failed
- serial: 1
  steps:
    - steps:
        - plain: {do: broke}
          register: inner
      rescue:
        - plain: {do: last}
          when: inner.failed
      always:
        - plain: {do: after}
          when: inner.failed
`, deeds)
	w.preview()
	w.wantLog(`
		stage 1: db1
		db1 1.1 change
		db1 1.2 unknown
		stage 2: db1
		db1 2.2 change
		db1 2.4 unknown`)
	_, err := w.apply()
	must(t, err)
	w.wantLog(`
		stage 1: db1
		db1 1.1 ignored (it broke)
		db1 1.2 ok
		stage 2: db1
		db1 2.2 rescued (it broke)
		db1 2.3 changed
		db1 2.4 changed`)
}

// What fails in `always` after another failure is no failure that the plan
// ignores.
func TestFailureInAlwaysIsAFailure(t *testing.T) {
	w := newWorld(t, 1, `
- serial: 1
  steps:
    - steps:
        - plain: {do: broke}
      always:
        - plain: {do: broke}
`, map[string]deed{"broke": broke(errors.New("it broke"), "db1")})
	r, err := w.apply()
	if !errors.Is(err, ErrStopped) || r.Ignored != 0 || r.Failed != 2 || len(r.Failures) != 1 {
		t.Errorf("got %v, %+v", err, r)
	}
	w.wantLog(`
		stage 1: db1
		db1 1.3 failed (it broke)
		db1 1.2 failed (it broke)`)
}

// What a step tells that did not run is not nil: a step that rests on it fails
// rather than taking part by chance.
func TestSkippedStepsTellNothing(t *testing.T) {
	w := newWorld(t, 2, `
- telling: {do: ask}
  register: out
  when: host == "db1"
- set: {mine: x}
  when: host == "db1"
- assert: 'default(out.stdout, "none") == (host == "db1" ? "a" : "none")'
- assert: '(out.skipped ? "none" : out.stdout) == (host == "db1" ? "a" : "none")'
- assert: 'out.stdout == nil || host == "db1"'
- assert: '(mine ?? "none") == (host == "db1" ? "x" : "none")'
- plain: {do: after}
  when: mine != "y"
  ignore_errors: true
- plain: {do: after}
  when: out.stdout != "b"
`, map[string]deed{"ask": told(func(string) string { return "a" }), "after": file("/etc/after", "x")})
	_, err := w.apply()
	if !errors.Is(err, ErrStopped) {
		t.Errorf("got %v", err)
	}
	w.wantLog(`
		stage 1: db1 db2
		db1 1.1 changed
		db1 1.2 ok
		db1 1.3 ok
		db1 1.4 ok
		db1 1.5 ok
		db1 1.6 ok
		db1 1.7 changed
		db1 1.8 ok
		db2 1.3 ok
		db2 1.4 ok
		db2 1.5 ok
		db2 1.6 ok
		db2 1.7 ignored (plan.yml:14:9: there is no mine: step "set", which tells it, did not run    14 |   when: mine != "y"       |         ^   hint: ask for ` + "`mine != nil` before, or write `default(mine, ...)`" + `)
		db2 1.8 failed (plan.yml:17:9: there is no out.stdout: step "telling", which tells it, did not run    17 |   when: out.stdout != "b"       |         ^   hint: ask for ` + "`!out.skipped && ...` before, or write `default(out.stdout, ...)`" + `)`)
}
