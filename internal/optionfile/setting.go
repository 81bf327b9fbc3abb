package optionfile

import (
	"fmt"
	"strings"
)

// Setting is the wanted state of one option. Exactly one of a value (which may
// be empty), Flag, Absent, Commented and Sub is wanted.
type Setting struct {
	Group string
	// Same lists the groups that the same program reads as well: an option
	// found in one of them counts as if it stood in Group.
	Same []string
	Key  string

	Value     string
	Flag      bool  // the name alone
	Absent    bool  // no line with it
	Commented bool  // no line in force; what there is becomes a comment
	Sub       []Sub // parameters inside wsrep_provider_options, in this order
}

// Sub is the wanted state of one parameter inside wsrep_provider_options.
type Sub struct {
	Key    string
	Value  string
	Absent bool
}

func (s Setting) groups() []string { return append([]string{s.Group}, s.Same...) }

func (s Setting) title() string { return fmt.Sprintf("[%s] %s", s.Group, s.Key) }

// Check judges settings alone, before any file is seen: names, values and
// parameters of Galera. It returns warnings too; Apply stops at the others.
func Check(want []Setting) []Problem {
	var out []Problem
	for _, s := range want {
		for _, p := range s.check() {
			p.Text = s.title() + ": " + p.Text
			out = append(out, p)
		}
	}
	return out
}

func (s Setting) check() []Problem {
	var out []Problem
	refuse := func(err error) {
		if err != nil {
			out = append(out, Problem{Severity: Refuse, Text: err.Error()})
		}
	}
	for _, g := range s.groups() {
		refuse(checkGroup(g))
	}
	refuse(checkKey(s.Key))
	refuse(s.checkState())
	if s.Sub == nil && sameKey(s.Key, providerOptions) {
		_, err := parseSegments(s.Value)
		refuse(err)
	}
	for _, sub := range s.Sub {
		out = append(out, sub.check()...)
	}
	return out
}

func (s Setting) checkState() error {
	var states []string
	add := func(on bool, name string) {
		if on {
			states = append(states, name)
		}
	}
	add(s.Value != "", "a value")
	add(s.Flag, "a flag")
	add(s.Absent, "absent")
	add(s.Commented, "commented out")
	add(s.Sub != nil, "parameters inside it")
	switch {
	case len(states) > 1:
		return fmt.Errorf("it cannot be %s at once; choose one", strings.Join(states, " and "))
	case s.Sub != nil && !sameKey(s.Key, providerOptions):
		return fmt.Errorf("only %s has parameters inside", providerOptions)
	}
	return checkValue(s.Value)
}

func (sub Sub) check() []Problem {
	var out []Problem
	if err := checkSubValue(sub.Value); err != nil {
		out = append(out, Problem{Severity: Refuse, Text: fmt.Sprintf("%s: %v", quoteKey(sub.Key), err)})
	}
	p, ok := CheckSubKey(sub.Key)
	switch {
	case ok:
	case sub.Absent && checkKey(sub.Key) == nil: // a wrong key may well be removed
	default:
		out = append(out, p)
	}
	return out
}
