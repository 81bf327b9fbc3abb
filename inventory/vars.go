package inventory

import (
	"cmp"
	"maps"
	"slices"

	"lockstep/internal/source"
)

// assignment is one variable as one place sets it.
type assignment struct {
	name  string
	value source.Value
	in    place
}

// place is the kind of file that sets a variable, as Ansible ranks them, and
// which of several of that kind.
type place struct {
	rank placeRank
	nth  int
}

type placeRank int

const (
	inFile          placeRank = iota // an inventory file
	besideInventory                  // group_vars/ or host_vars/ beside it
	besidePlan
)

// Origin is one place that sets a variable for a host.
type Origin struct {
	Layer string // "group pxc" or "host db1"
	Value source.Value

	group *Group // nil for the host itself
	in    place
}

// Vars returns the value of every variable of the host, each with its position.
// A text with {{ }} in it is still the text that the user wrote.
func (h *Host) Vars() map[string]source.Value {
	vars := make(map[string]source.Value, len(h.chains))
	for name, chain := range h.chains {
		vars[name] = chain[0].Value
	}
	return vars
}

// Vars returns the variables that the group itself sets, without those of groups
// above it.
func (g *Group) Vars() map[string]source.Value { return last(g.vars) }

// last keeps the last value of each variable.
func last(list []assignment) map[string]source.Value {
	vars := make(map[string]source.Value, len(list))
	for _, a := range list {
		vars[a.name] = a.value
	}
	return vars
}

// VarNames returns the names of the host's variables, sorted.
func (h *Host) VarNames() []string { return slices.Clone(h.names) }

// Origins returns all places that set the variable for this host. The first one
// holds; each other is hidden by those before it.
func (h *Host) Origins(name string) []Origin { return slices.Clone(h.chains[name]) }

// line returns the groups the host belongs to, the most distant first. Ansible's
// rule: by depth, then by ansible_group_priority, then by name.
func (h *Host) line() []*Group {
	set, open := map[*Group]bool{}, slices.Clone(h.groups)
	for len(open) > 0 {
		g := open[len(open)-1]
		open = open[:len(open)-1]
		if !set[g] {
			set[g] = true
			open = append(open, g.parents...)
		}
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b *Group) int {
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.priority, b.priority), cmp.Compare(a.Name, b.Name))
	})
}

// settle works out which value of each variable holds: the one closest to the
// host, and in the same group or host the one that was read last.
func (h *Host) settle() {
	h.chains = map[string][]Origin{}
	for _, g := range h.line() {
		for _, a := range g.vars {
			h.chains[a.name] = append(h.chains[a.name], Origin{"group " + g.Name, a.value, g, a.in})
		}
	}
	for _, a := range h.own {
		h.chains[a.name] = append(h.chains[a.name], Origin{"host " + h.Name, a.value, nil, a.in})
	}
	for _, chain := range h.chains {
		slices.Reverse(chain)
	}
	h.names = slices.Sorted(maps.Keys(h.chains))
}
