package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"lockstep/steps"
)

// errandsOf are the deeds of a stage in which one host works for all.
func errandsOf() map[string]deed {
	return map[string]deed{
		"ask":  told(func(host string) string { return host }),
		"file": file("/etc/f", "x"), "other": file("/etc/other", "x"), "good": {}, "slow": {},
	}
}

// One host does the step, the others wait for what it reports, whatever the
// width of the stage.
func TestOneHostDoesItForItsStage(t *testing.T) {
	for _, serial := range []string{"100%", "1", "2", "[1, 2]"} {
		t.Run(serial, func(t *testing.T) {
			w := newWorld(t, 4, `
- serial: `+serial+`
  steps:
    - plain: {do: file}
    - telling: {do: ask}
      run_once: true
      register: out
    - assert: out.stdout == "db1"
    - telling: {do: ask}
      run_once: true
      register: every
      loop: "{{ [out.stdout, 'again'] }}"
    - assert: len(every.results) == 2
- assert: out.stdout == "db1"
`, errandsOf())
			w.preview()
			if got := w.of("1.2"); got != "db1 change" {
				t.Errorf("the dry run says %s", got)
			}
			_, err := w.apply()
			must(t, err)
			if got := w.of("1.2") + ", " + w.of("1.4.1") + ", " + w.of("1.4.2"); got != "db1 changed, db1 ok, db1 ok" {
				t.Errorf("got %s", got)
			}
		})
	}
}

// of is who did a step, and with what result.
func (w *world) of(step string) string {
	var all []string
	for _, e := range w.events {
		if e.Type == EventStep && e.Step == step {
			all = append(all, fmt.Sprintf("%s %s", e.Host, e.Status))
		}
	}
	return strings.Join(all, ", ")
}

// The first host that takes part does it: not one whose condition is false, and
// not one that failed before it.
func TestTheFirstHostThatCanDoesItForAll(t *testing.T) {
	deeds := errandsOf()
	deeds["ask2"] = told(func(host string) string { return host })
	deeds["broke"] = broke(errors.New("it broke"), "db1")
	for _, serial := range []string{"100%", "1", "2"} {
		w := newWorld(t, 4, `
- serial: `+serial+`
  max_failures: 1
  steps:
    - set: {mine: "{{ host }}"}
    - plain: {do: broke}
    - telling: {do: ask}
      run_once: true
      register: early
    - telling: {do: ask2}
      run_once: true
      when: mine != "db2" && host != "db2"
      register: second
    - plain: {do: file}
      when: early.stdout == "db2"
`, deeds)
		_, err := w.apply()
		must(t, err)
		if got := w.of("1.2"); !strings.Contains(got, "db1 failed") {
			t.Errorf("got %s", got)
		}
		if got := w.of("1.3") + "; " + w.of("1.4") + "; " + w.of("1.5"); got != "db2 changed; db3 changed; db2 changed, db3 changed, db4 changed" {
			t.Errorf("serial %s: got %s\n%s", serial, got, w.log())
		}
		deeds["broke"], deeds["ask"], deeds["ask2"] = broke(errors.New("it broke"), "db1"), told(func(host string) string { return host }), told(func(host string) string { return host })
	}
}

// A failure is one for all: nobody else tries it, and a rescue is each host's.
func TestAFailedErrandFailsForAll(t *testing.T) {
	for _, serial := range []string{"100%", "1"} {
		var tries atomic.Int32
		bad := broke(errors.New("it broke"), "db1", "db2", "db3")
		fails := bad.apply
		bad.apply = func(ctx context.Context, h steps.Host, c steps.Change) error {
			if h.(*overlay).live {
				tries.Add(1)
			}
			return fails(ctx, h, c)
		}
		deeds := errandsOf()
		deeds["broke"] = bad
		w := newWorld(t, 3, `
- serial: `+serial+`
  max_failures: 100%
  steps:
    - steps:
        - plain: {do: broke}
          run_once: true
          when: host != "db3"
      rescue:
        - plain: {do: other}
    - plain: {do: broke}
      run_once: true
    - plain: {do: file}
`, deeds)
		_, err := w.apply()
		must(t, err)
		if got := w.of("1.2") + "; " + w.of("1.3") + "; " + w.of("1.4") + "; " + w.of("1.5"); got != "db1 rescued, db2 rescued; db1 changed, db2 changed; db1 failed, db2 failed, db3 failed; " {
			t.Errorf("serial %s: got %s", serial, got)
		}
		if tries.Load() != 2 || !strings.Contains(w.log(), "db2 1.4 failed (db1, which does it for all hosts, failed: it broke)") {
			t.Errorf("%d tries\n%s", tries.Load(), w.log())
		}
	}
}

// Hosts that a group or a step does not concern wait for what it reports too,
// also where only some come to a rescue.
func TestBystandersWaitForTheErrand(t *testing.T) {
	deeds := errandsOf()
	deeds["broke"] = broke(errors.New("it broke"), "db3")
	deeds["ask4"] = told(func(host string) string { return host })
	w := newWorld(t, 4, `
- steps:
    - steps:
        - telling: {do: ask}
          run_once: true
          register: early
      when: host == "db4"
      always: []
    - assert: early.stdout == "db4"
    - steps:
        - plain: {do: broke}
      rescue:
        - telling: {do: ask}
          run_once: true
          register: second
    - assert: second.stdout == "db3"
    - set: {which: "{{ host }}"}
    - telling: {do: ask}
      run_once: true
      when: which == "db2"
      register: third
    - assert: third.stdout == "db2"
- telling: {do: ask4}
  run_once: true
  when: which == "db4"
  register: fourth
- assert: fourth.stdout == "db4"
`, deeds)
	for range 20 {
		if _, err := w.apply(); err != nil {
			t.Fatalf("%v\n%s", err, w.log())
		}
		deeds["ask"], deeds["ask4"] = told(func(host string) string { return host }), told(func(host string) string { return host })
		deeds["broke"] = broke(errors.New("it broke"), "db3")
	}
}

// Where a dry run does not know who takes part, it says so for each host.
func TestDryRunDoesNotGuessWhoDoesIt(t *testing.T) {
	w := newWorld(t, 3, `
- steps:
    - telling: {do: ask}
      register: own
    - plain: {do: other}
      run_once: true
      register: out
      when: host == "db3" || own.stdout == "yes"
    - plain: {do: file}
      when: out.changed
`, errandsOf())
	w.preview()
	if got := w.of("1.2"); got != "db1 unknown, db2 unknown, db3 unknown" {
		t.Errorf("got %s", got)
	}
	if why := w.unknown("1.3"); why != "whether it runs is not known: out depends on step 1.2 plain" {
		t.Errorf("unknown because: %s", why)
	}
}

// An interrupt while one host works for all leaves nobody behind.
func TestAnInterruptEndsTheErrand(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	deeds := errandsOf()
	deeds["slow"] = deed{probe: func(ctx context.Context, _ steps.View) (steps.Change, error) {
		cancel()
		<-ctx.Done()
		return steps.Change{}, ctx.Err()
	}}
	w := newWorld(t, 3, "- steps: [{plain: {do: slow}, run_once: true}, {plain: {do: file}}]\n", deeds)
	if _, err := w.x.Apply(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for name, m := range w.hosts {
		if m.acts() != "" {
			t.Errorf("%s: %s", name, m.acts())
		}
	}
}
