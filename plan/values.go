package plan

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/source"
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

// value is what a run knows by the name, as far as fields ask for it.
func (s *scope) value(name string, fields []string) (any, error) {
	k, ok := s.values[name]
	if !ok {
		k = Skipped()
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
	return k.Value, nil
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

// misused returns an error when a field does not exist in what a step reports.
func (s *scope) misused(name string, fields []string) error {
	known := Facts()
	what := "the facts of a host have"
	if name != factsName {
		r, ok := s.registered[name]
		if !ok || r.fields == nil {
			return nil
		}
		known, what = r.fields, fmt.Sprintf("%q, which step %q registers, has", name, r.step)
	}
	for _, f := range fields {
		if f == "" || slices.Contains(known, f) {
			continue
		}
		hint := "it has " + strings.Join(known, ", ")
		if n := source.Nearest(f, known); n != "" {
			hint = fmt.Sprintf("did you mean %q?", name+"."+n)
		}
		return &exprError{fmt.Sprintf("%s no field %q", what, f), hint}
	}
	return nil
}
