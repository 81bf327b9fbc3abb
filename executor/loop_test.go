package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"lockstep/steps"
)

// names are the names that steps went by, each once.
func (w *world) names() string {
	var all []string
	for _, e := range w.events {
		if e.Type == EventStep && e.Host == "db1" && e.Status != StatusVerified {
			all = append(all, e.Step+" "+e.Name)
		}
	}
	return strings.Join(all, "; ")
}

// A loop's list may be what a step reported: the run does the step for each
// element, and the dry run says that nobody knows them.
func TestLoopOverWhatARunKnows(t *testing.T) {
	w := newWorld(t, 2, `
- telling: {do: ask}
  register: out
- name: keep
  plain: {do: "{{ item }}"}
  loop: "{{ split(out.stdout, ' ') }}"
  when: item != "none" && host == "db1"
  register: every
- plain: {do: after}
`, map[string]deed{"ask": told(func(host string) string { return "one none two one" }),
		"one": file("/etc/one", "x"), "two": file("/etc/two", "x"), "after": file("/etc/after", "x")})
	w.preview()
	w.wantLog(`
		stage 1: db1 db2
		db1 1.1 change
		db1 1.2 unknown
		db1 1.3 unknown
		db2 1.1 change
		db2 1.2 unknown
		db2 1.3 unknown`)
	if why := w.unknown("1.2"); why != "for which elements it runs is not known: out.stdout depends on step 1.1 telling" {
		t.Errorf("unknown because: %s", why)
	}
	_, err := w.apply()
	must(t, err)
	w.wantLog(`
		stage 1: db1 db2
		db1 1.1 changed
		db1 1.2.1 changed
		db1 1.2.3 changed
		db1 1.2.4 ok
		db1 1.3 changed
		db2 1.1 changed
		db2 1.3 changed`)
	if got := w.names(); got != "1.1 telling; 1.2.1 keep (one); 1.2.3 keep (two); 1.2.4 keep (one); 1.3 plain" {
		t.Errorf("got %s", got)
	}
	if got := w.hosts["db1"].acts(); got != "commit /etc/one /etc/two /etc/after; run ask" {
		t.Errorf("got %s", got)
	}
}

// Where the dry run knows the list, it shows each element.
func TestDryRunShowsTheElementsThatItKnows(t *testing.T) {
	w := newWorld(t, 1, `
- set: {files: "{{ ['one', 'two'] }}"}
- name: keep {{ word }}
  plain: {do: "{{ word }}"}
  loop: "{{ files }}"
  loop_var: word
  register: every
- assert: len(every.results) == 2 && every.changed
- plain: {do: "{{ item }}"}
  loop: "{{ len(files) > 2 ? files : [] }}"
  register: empty
- assert: empty.skipped && empty.results == []
- plain: {do: one}
  loop: "{{ files }}"
  when: facts.os == "windows"
  register: left
- assert: left.skipped && left.results == []
- set: {total: "{{ item.n }}"}
  loop: "{{ [{n: len(files), name: 'x'}] }}"
- assert: total == 2
`, map[string]deed{"one": file("/etc/one", "x"), "two": file("/etc/two", "x")})
	w.preview()
	w.wantLog(`
		stage 1: db1
		db1 1.1 ok
		db1 1.2.1 change
		db1 1.2.2 change
		db1 1.3 ok
		db1 1.5 ok
		db1 1.7 ok
		db1 1.8.1 ok
		db1 1.9 ok`)
	if got := w.names(); !strings.HasPrefix(got, "1.1 set; 1.2.1 keep one; 1.2.2 keep two;") || !strings.Contains(got, "1.8.1 set (x)") {
		t.Errorf("got %s", got)
	}
}

// A step that is as wanted whatever the elements are is no unknown.
func TestDryRunOfALoopThatChangesNothing(t *testing.T) {
	w := newWorld(t, 1, `
- telling: {do: ask}
  register: out
- plain: {do: same}
  loop: "{{ [out.stdout] }}"
- set: {x: "{{ item }}"}
  loop: "{{ [out.stdout] }}"
- assert: x == "1"
`, map[string]deed{"ask": told(func(string) string { return "1" }), "same": {}})
	w.preview()
	w.wantLog(`
		stage 1: db1
		db1 1.1 change
		db1 1.2 ok
		db1 1.3 unknown
		db1 1.4 unknown`)
	_, err := w.apply()
	must(t, err)
}

func TestLoopsThatCannotBe(t *testing.T) {
	for list, want := range map[string]string{
		"{{ out.stdout }}":                                    "loop must be a list, but {{ out.stdout }} gives a single value",
		"{{ out.skipped ? 1 : nil }}":                         "write default(..., [])",
		"{{ len(out.stdout) > 0 ? 1..20001 : [] }}":           "the loop unfolds to 20001 steps, which is more than 20000",
		"{{ out.changed ? [from_json('[')] : [out.stdout] }}": "fails",
	} {
		w := newWorld(t, 1, "- {telling: {do: ask}, register: out}\n- {plain: {}, loop: \""+list+"\", ignore_errors: true}\n- {plain: {}, loop: \""+list+"\"}\n",
			map[string]deed{"ask": told(func(string) string { return "x" })})
		_, err := w.apply()
		if !errors.Is(err, ErrStopped) || !strings.Contains(w.log(), "db1 1.2 ignored (") || !strings.Contains(w.log(), "db1 1.3 failed (") || !strings.Contains(w.log(), want) {
			t.Errorf("%s: got %v\n%s", list, err, w.log())
		}
	}
}

// An element that is tried again counts once, whatever knows the list.
func TestLoopsTryEachElement(t *testing.T) {
	for _, list := range []string{"[a, b]", "\"{{ split(facts.kernel, ' ') }}\""} {
		t.Run(list, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := map[string]int{}
				asked := func(word string) deed {
					d := deed{apply: func(context.Context, steps.Host, steps.Change) error { return nil },
						tell: func(string) string { tries[word]++; return fmt.Sprint(word, tries[word]) }}
					d.probe = func(context.Context, steps.View) (steps.Change, error) { return edits("ask"), nil }
					return once(d, func() bool { return tries[word] >= 2 })
				}
				w := newWorld(t, 1, `
- telling: {do: "{{ item }}"}
  loop: `+list+`
  register: out
  until: out.results[len(out.results)-1].stdout == item + "2"
- assert: map(out.results, .stdout) == ["a2", "b2"]
- telling: {do: broke}
  loop: `+list+`
  register: bad
  ignore_errors: true
- assert: map(bad.results, .failed) == [true, true]
`, map[string]deed{"a": asked("a"), "b": asked("b"), "broke": broke(errors.New("it broke"), "db1")})
				w.hosts["db1"].onQuery = func(context.Context, steps.Command) (steps.Output, error) {
					return steps.Output{Stdout: []byte("Linux\nx86_64\na b\nnode1\n")}, nil
				}
				_, err := w.apply()
				if err != nil || tries["a"] != 2 || tries["b"] != 2 {
					t.Errorf("got %v after %v\n%s", err, tries, w.log())
				}
			})
		})
	}
}
