package inventory

import (
	"slices"
	"strings"

	"lockstep/internal/source"
)

// finish turns what was collected into an inventory: it looks for loops, puts
// every group below "all" and every other host into "ungrouped", and settles
// which value of each variable holds.
func (b *builder) finish() (*Inventory, error) {
	b.refuseLoops()
	if err := inOrder(b.problems); err != nil {
		return nil, err
	}
	b.adoptGroups()
	b.adoptHosts()
	depths := map[*Group]int{}
	for _, g := range b.inv.groups {
		g.depth = depthOf(g, depths)
	}
	for _, h := range b.inv.hosts {
		h.settle()
	}
	b.warnSharedNames()
	b.warnTruthWords()
	b.warnOtherChoice()
	return b.inv, nil
}

// refuseLoops records each group that is put below itself, once, where the file
// closes the loop.
func (b *builder) refuseLoops() {
	done := map[*Group]bool{}
	path := []*Group{b.inv.groupOf[everyone]} // a group without a parent will stand below it
	var visit func(g *Group)
	visit = func(g *Group) {
		if done[g] {
			return
		}
		if g != path[0] {
			path = append(path, g)
			defer func() { path = path[:len(path)-1] }()
		}
		for _, child := range g.children {
			if at := slices.Index(path, child); at >= 0 {
				b.fail(b.edges[edge{g, child}].Errorf("take one of them out of the other's children",
					"group %q is its own ancestor: %s", child.Name, way(append(path[at:len(path):len(path)], child))))
				continue
			}
			visit(child)
		}
		done[g] = true
	}
	for _, g := range b.inv.groups {
		visit(g)
	}
}

func way(groups []*Group) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	return strings.Join(names, " > ")
}

// adoptGroups puts each group without a parent below "all"; "ungrouped" is its
// first child.
func (b *builder) adoptGroups() {
	all := b.inv.groupOf[everyone]
	for _, g := range b.inv.groups {
		if g != all && len(g.parents) == 0 {
			b.nest(all, g, source.Value{})
		}
	}
	if i := slices.Index(all.children, b.inv.groupOf[ungrouped]); i > 0 {
		all.children = slices.Insert(slices.Delete(all.children, i, i+1), 0, b.inv.groupOf[ungrouped])
	}
}

// adoptHosts makes "ungrouped" hold exactly the hosts that no group but "all"
// names.
func (b *builder) adoptHosts() {
	rest := b.inv.groupOf[ungrouped]
	rest.hosts = nil
	for _, h := range b.inv.hosts {
		h.groups = slices.DeleteFunc(h.groups, func(g *Group) bool { return g == rest })
		if !slices.ContainsFunc(h.groups, func(g *Group) bool { return g.Name != everyone }) {
			h.groups = append(h.groups, rest)
			rest.hosts = append(rest.hosts, h)
		}
	}
}

// depthOf is the longest way down from "all".
func depthOf(g *Group, known map[*Group]int) int {
	if d, ok := known[g]; ok {
		return d
	}
	depth := 0
	for _, parent := range g.parents {
		depth = max(depth, depthOf(parent, known)+1)
	}
	known[g] = depth
	return depth
}
