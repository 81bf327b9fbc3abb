// Package adopt tells somebody who has an Ansible playbook what becomes of it in
// a plan: which lines lockstep would run as they are, which are spelled in
// another way, and which have no counterpart. It reads one file and judges it by
// the words of the language that it is given. It runs nothing, follows no roles
// or includes, and writes no plan.
package adopt

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/source"
	"lockstep/plan"
	"lockstep/steps"
	"lockstep/steps/param"
)

// Language is what plans can say.
type Language struct {
	Plan, Stage, Step, Group []string // the keys of each
	Words                    []string // that stand in the place of a kind
	Functions                []string // of expressions
	Facts                    []string // the fields of `facts`
	Orders                   []string // of hosts
	Kinds                    *steps.Registry
}

// Of returns the language of plans whose steps are of the given kinds.
func Of(kinds *steps.Registry) Language {
	d := plan.Declared()
	names := func(set *param.Set) []string {
		return mapped(set.Fields(), func(f *param.Field) string { return f.Name })
	}
	functions := plan.Builtins()
	for _, f := range plan.Functions() {
		functions = append(functions, f.Name)
	}
	var orders []string
	for _, f := range d.Stage.Fields() {
		if f.Name == "order" {
			orders = f.Enum
		}
	}
	return Language{
		Orders: orders,
		Plan:   names(d.Plan), Stage: names(d.Stage), Step: names(d.Step), Group: names(d.Group),
		Words:     []string{"include", "pause", "assert", "set"},
		Functions: functions, Facts: plan.Facts(), Kinds: kinds,
	}
}

// Verdict is what becomes of one thing in a playbook.
type Verdict int

// The verdicts.
const (
	Same    Verdict = iota // it would run as it is
	Spelled                // it has another spelling, or is not needed
	Missing                // it has no counterpart
)

// String is the word of the report.
func (v Verdict) String() string { return [...]string{"as it is", "write", "missing"}[v] }

// Finding is one thing in the playbook.
type Finding struct {
	Pos     source.Pos
	Verdict Verdict
	What    string // as it is called in the playbook
	Note    string // the spelling, or why there is no counterpart
}

// String is one line of the report.
func (f Finding) String() string {
	join := map[Verdict]string{Spelled: " -> ", Missing: ": "}[f.Verdict]
	return fmt.Sprintf("%s: %-8s  %s%s%s", f.Pos, f.Verdict, f.What, join, f.Note)
}

// Report is what becomes of a playbook.
type Report struct {
	File         string
	Plays, Tasks int
	Findings     []Finding // in the order of the file
}

// Count returns how many findings have a verdict.
func (r *Report) Count(v Verdict) int {
	n := 0
	for _, f := range r.Findings {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// String is the report as text: a line for each finding, then the summary.
func (r *Report) String() string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(f.String() + "\n")
	}
	fmt.Fprintf(&b, "%s: %s, %s: %d run as they are, %d have another spelling, %d have no counterpart\n", r.File,
		counted(r.Plays, "play"), counted(r.Tasks, "task"), r.Count(Same), r.Count(Spelled), r.Count(Missing))
	return b.String()
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Parse reads a file and tells whether it is a playbook: a list, where a plan is
// a map. It may be one and have mistakes.
func Parse(file string, data []byte) (playbook source.Value, is bool, err error) {
	v, err := source.ParseYAML(file, data, "!vault", "!unsafe")
	return v, v.Shape == source.List, err
}

// Read judges a playbook that Parse has read.
func Read(playbook source.Value, lang Language) *Report {
	r := &reader{lang: lang, report: &Report{File: playbook.Pos.File}}
	if len(playbook.Items) > 1 {
		r.note(playbook.Pos, Spelled, counted(len(playbook.Items), "play"), "one plan a file, each a map: run them one after another")
	} else {
		r.note(playbook.Pos, Spelled, "the list of plays", "a plan is one map: take the dash away")
	}
	for _, play := range playbook.Items {
		r.play(play)
	}
	slices.SortStableFunc(r.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return r.report
}

type reader struct {
	lang     Language
	report   *Report
	handlers map[string]string // of the play: a handler's name -> the step that takes its place
}

func (r *reader) note(at source.Pos, v Verdict, what, note string) {
	what = strings.Join(strings.Fields(what), " ")
	if what == "" {
		what = `""`
	}
	r.report.Findings = append(r.report.Findings, Finding{at, v, what, strings.Join(strings.Fields(note), " ")})
}

// word is a word of Ansible's with its counterpart.
type word struct {
	name string
	to   string // the spelling; leave: it is not needed; "": there is none
	note string
}

const leave = "leave it out"

// say notes what becomes of a word that the language does not have itself.
func (r *reader) say(at source.Pos, what string, w word) {
	switch {
	case w.to == "":
		r.note(at, Missing, what, w.note)
	case w.note == "":
		r.note(at, Spelled, what, w.to)
	default:
		r.note(at, Spelled, what, w.to+": "+w.note)
	}
}

func find(words []word, name string) (word, bool) {
	i := slices.IndexFunc(words, func(w word) bool { return w.name == name })
	if i < 0 {
		return word{}, false
	}
	return words[i], true
}
