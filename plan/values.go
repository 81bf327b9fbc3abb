package plan

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/spell"
	"lockstep/steps"
)

// factsName is the variable that holds what a run finds out about a host.
const factsName = "facts"

// Facts are the fields of the variable `facts`.
func Facts() []string {
	return []string{"arch", "distribution", "family", "hostname", "kernel", "os", "version"}
}

// Values are what a run knows on one host, by the names that steps registered.
type Values map[string]Known

// Known is one such value. Unknown tells, by field, which step a field depends
// on that has not happened in a dry run; "" stands for the value as a whole.
type Known struct {
	Value   any
	Unknown map[string]string
}

// Skipped is what a name holds whose step did not run.
func Skipped() Known {
	return Known{Value: map[string]any{"changed": false, "failed": false, "unknown": false, "skipped": true}}
}

// reported are the fields of every registered name.
func reported() []string { return []string{"changed", "failed", "skipped", "unknown"} }

// filled reports whether a run has the name's value.
func (s *scope) filled(name string) bool {
	if _, ok := s.registered[name]; s.values == nil || !ok && name != factsName {
		return false
	}
	for at := s; at != nil; at = at.parent {
		if _, ok := at.ready(name); ok {
			return false
		}
		if _, ok := at.written(name); ok {
			return false
		}
	}
	return true
}

// value is what a run knows by the name, as far as e asks for it.
func (s *scope) value(name string, e *expression) (any, error) {
	fields := e.fields[name]
	k, ok := s.values[name]
	if !ok {
		k = s.unfilled(name)
	}
	if by, ok := k.Unknown[""]; ok {
		return nil, &steps.Unforeseen{Resource: name, By: by}
	}
	for _, f := range fields {
		if by, ok := k.Unknown[f]; ok {
			return nil, &steps.Unforeseen{Resource: name + "." + f, By: by}
		}
		if f == "" && len(k.Unknown) > 0 {
			return nil, &steps.Unforeseen{Resource: name, By: anyOf(k.Unknown)}
		}
	}
	return k.Value, s.lacking(name, k.Value, e)
}

// unfilled is what a name holds whose steps did not run: what all steps report,
// or nil where it is the name of a variable that a step sets.
func (s *scope) unfilled(name string) Known {
	r := s.registered[name]
	if r != nil && r.fields == nil {
		return Known{}
	}
	k := Skipped()
	if r != nil && slices.Contains(r.fields, "results") {
		k.Value.(map[string]any)["results"] = []any{}
	}
	return k
}

// absent reports whether a run has come to this place without a value for name.
func (s *scope) absent(name string) bool {
	_, ok := s.values[name]
	return !ok && s.filled(name) && name != factsName
}

// lacking returns an error when e rests on a field that a step reports only
// when it runs, and this one did not: nil in its place would decide at random.
func (s *scope) lacking(name string, value any, e *expression) error {
	r := s.registered[name]
	if r == nil || slices.Contains(e.fields[name], "skipped") {
		return nil
	}
	if r.fields == nil && value == nil && (r.idle || s.absent(name)) && slices.Contains(e.needs[name], "") {
		return r.missing(name, fmt.Sprintf("%s != nil", name), fmt.Sprintf("default(%s, ...)", name))
	}
	has, ok := value.(map[string]any)
	for _, f := range e.needs[name] {
		if _, there := has[f]; ok && f != "" && !there && slices.Contains(r.fields, f) {
			return r.missing(name+"."+f, "!"+name+".skipped && ...", fmt.Sprintf("default(%s.%s, ...)", name, f))
		}
	}
	return nil
}

func (r *register) missing(what, ask, instead string) error {
	why := "did not run"
	if r.idle {
		why = "takes no part"
	}
	return &exprError{fmt.Sprintf("there is no %s: step %q, which tells it, %s", what, r.step, why), fmt.Sprintf("ask for `%s` before, or write `%s`", ask, instead)}
}

func anyOf(m map[string]string) string {
	least := ""
	for _, by := range m {
		if least == "" || by < least {
			least = by
		}
	}
	return least
}

// misused returns an error when a field does not exist in what a step reports,
// or cannot, since no such step takes part.
func (s *scope) misused(name string, e *expression) error {
	fields := e.fields[name]
	known := Facts()
	what := "the facts of a host have"
	if name != factsName {
		r, ok := s.registered[name]
		if !ok {
			return nil
		}
		if r.fields == nil {
			fields = nil
		}
		known, what = r.fields, fmt.Sprintf("%q, which step %q registers, has", name, r.step)
	}
	for _, f := range fields {
		if f == "" || slices.Contains(known, f) {
			continue
		}
		hint := "it has " + strings.Join(known, ", ")
		if n := spell.Nearest(f, known); n != "" {
			hint = fmt.Sprintf("did you mean %q?", name+"."+n)
		}
		return &exprError{fmt.Sprintf("%s no field %q", what, f), hint}
	}
	if r := s.registered[name]; r != nil && r.idle {
		return s.lacking(name, s.unfilled(name).Value, e)
	}
	return nil
}
