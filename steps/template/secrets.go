package template

import (
	"fmt"
	"slices"

	"lockstep/internal/secret"
	"lockstep/internal/source"
)

// secrets are the values that must not show in the diff of the result: those
// the plan holds encrypted, and those whose name says that they are secret.
func (s *step) secrets() []string {
	var all []string
	for name, v := range s.host {
		collect(&all, v, secret.IsName(name))
	}
	for _, f := range s.vars.Fields {
		collect(&all, f.Value, secret.IsName(f.Key))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func collect(all *[]string, v source.Value, hidden bool) {
	hidden = hidden || v.Secret
	switch v.Shape {
	case source.Scalar:
		if _, isBool := v.Any.(bool); hidden && !isBool {
			*all = append(*all, fmt.Sprint(v.Any))
		}
	case source.List:
		for _, item := range v.Items {
			collect(all, item, hidden)
		}
	case source.Map:
		for _, f := range v.Fields {
			collect(all, f.Value, hidden || secret.IsName(f.Key))
		}
	}
}
