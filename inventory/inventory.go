// Package inventory knows the hosts, their groups and variables, the patterns
// that choose among them, and how to reach each one. It reads what Ansible's
// users have: YAML, INI, executables, folders, group_vars/ and host_vars/, and
// what ansible-vault encrypted; it refuses by name what it does not read. It
// knows nothing of plans, evaluates no expression, and never dials.
package inventory

import (
	"slices"

	"lockstep/internal/source"
)

// The groups that every inventory has.
const (
	everyone  = "all"
	ungrouped = "ungrouped"
)

// Inventory is a checked set of hosts and groups. It does not change after
// Load or Parse, so many goroutines may read it.
type Inventory struct {
	hosts    []*Host
	groups   []*Group
	hostOf   map[string]*Host
	groupOf  map[string]*Group
	warnings []*source.Error
	files    []source.File
}

// Hosts returns all hosts in the order in which the files first name them.
func (inv *Inventory) Hosts() []*Host { return slices.Clone(inv.hosts) }

// Host returns the host called name.
func (inv *Inventory) Host(name string) (*Host, bool) {
	h, ok := inv.hostOf[name]
	return h, ok
}

// Groups returns all groups in the order in which the files first name them;
// "all" and "ungrouped" come first.
func (inv *Inventory) Groups() []*Group { return slices.Clone(inv.groups) }

// Group returns the group called name.
func (inv *Inventory) Group(name string) (*Group, bool) {
	g, ok := inv.groupOf[name]
	return g, ok
}

// Warnings returns what is allowed but probably not meant: a host named like a
// group, variable files of no known name, and values for which Ansible's order
// of precedence would have chosen another.
func (inv *Inventory) Warnings() []*source.Error { return slices.Clone(inv.warnings) }

// Files returns all files that Load has read, in that order, as they stand on
// the disk: encrypted, and programs as such.
func (inv *Inventory) Files() []source.File { return slices.Clone(inv.files) }

// Group is a named set of hosts.
type Group struct {
	Name string

	at       source.Value // where it was first named
	hosts    []*Host      // its own, without those of its children
	children []*Group
	parents  []*Group
	vars     []assignment
	depth    int // the longest way from "all"
	priority int
}

// Hosts returns the hosts that stand in the group itself, in the order of the
// files; those of its children are not among them.
func (g *Group) Hosts() []*Host { return slices.Clone(g.hosts) }

// Children returns the groups directly below g, in the order of the files.
func (g *Group) Children() []*Group { return slices.Clone(g.children) }

// ordered returns the hosts of g and of all groups below it, level by level, as
// Ansible counts them for pxc[0].
func (g *Group) ordered() []*Host {
	var hosts []*Host
	for _, below := range g.below() {
		hosts = append(hosts, below.hosts...)
	}
	return distinct(hosts)
}

// below returns g and all groups under it, level by level.
func (g *Group) below() []*Group {
	seen, list := map[*Group]bool{g: true}, []*Group{g}
	for i := 0; i < len(list); i++ {
		for _, child := range list[i].children {
			if !seen[child] {
				seen[child] = true
				list = append(list, child)
			}
		}
	}
	return list
}

// Host is one machine of the inventory.
type Host struct {
	Name string

	at     source.Value // where it was first named
	groups []*Group     // those that name it themselves
	own    []assignment
	chains map[string][]Origin // every variable, the winner first
	names  []string            // the variables in sorted order
}

// Pos tells where the inventory first names the host.
func (h *Host) Pos() source.Pos { return h.at.Pos }

// Groups returns the names of all groups the host belongs to, directly or
// through a child, sorted; "all" is left out, as in Ansible's group_names.
func (h *Host) Groups() []string {
	var names []string
	for _, g := range h.line() {
		if g.Name != everyone {
			names = append(names, g.Name)
		}
	}
	slices.Sort(names)
	return names
}
