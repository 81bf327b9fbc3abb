package steps

import (
	"fmt"
	"slices"

	"lockstep/internal/spell"
)

// Registry is the set of kinds that a program knows. It is made once and not
// changed afterwards.
type Registry struct{ kinds []Kind }

// NewRegistry returns a registry of kinds, sorted by name. Two kinds of one
// name, or a kind without New, are a mistake in the program.
func NewRegistry(kinds ...Kind) (*Registry, error) {
	sorted := slices.Clone(kinds)
	slices.SortFunc(sorted, func(a, b Kind) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	for i, k := range sorted {
		if k.New == nil || k.Name == "" {
			return nil, fmt.Errorf("the kind %q is incomplete", k.Name)
		}
		if i > 0 && sorted[i-1].Name == k.Name {
			return nil, fmt.Errorf("the kind %q is there twice", k.Name)
		}
	}
	return &Registry{sorted}, nil
}

// Kinds returns all kinds in order of their names.
func (r *Registry) Kinds() []Kind { return slices.Clone(r.kinds) }

// Names returns the names of all kinds, sorted.
func (r *Registry) Names() []string {
	names := make([]string, len(r.kinds))
	for i, k := range r.kinds {
		names[i] = k.Name
	}
	return names
}

// Lookup finds a kind; when there is none, nearest is the name that was
// probably meant, or "".
func (r *Registry) Lookup(name string) (k Kind, nearest string, ok bool) {
	for _, k := range r.kinds {
		if k.Name == name {
			return k, "", true
		}
	}
	return Kind{}, spell.Nearest(name, r.Names()), false
}
