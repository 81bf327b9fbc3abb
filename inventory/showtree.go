package inventory

import (
	"maps"
	"slices"

	"lockstep/internal/source"
)

// Tree returns what `ansible-inventory --list --yaml` prints, which is an
// inventory in the YAML layout again: groups inside each other in their order,
// and each host's variables where it stands first. With export the variables
// stand where they are set. What is secret is masked.
func (inv *Inventory) Tree(export bool) source.Value {
	t := treeMaker{export: export, seen: map[*Host]bool{}, made: map[*Group]bool{}}
	return mapOf(field(everyone, t.group(inv.groupOf[everyone])))
}

type treeMaker struct {
	export bool
	seen   map[*Host]bool
	made   map[*Group]bool
}

// group shows what is in a group once; where it stands again, its name is
// enough.
func (t *treeMaker) group(g *Group) source.Value {
	if t.made[g] {
		return mapOf()
	}
	t.made[g] = true
	var hosts, children, vars, entry []source.Field
	for _, h := range g.hosts {
		if g.Name != everyone {
			hosts = append(hosts, field(h.Name, t.host(h)))
		}
	}
	for _, child := range g.children {
		children = append(children, field(child.Name, t.group(child)))
	}
	if t.export {
		vars = shownFields(g.Vars())
	}
	for i, fields := range [][]source.Field{hosts, vars, children} {
		if len(fields) > 0 {
			entry = append(entry, field(sections()[i], mapOf(fields...)))
		}
	}
	return mapOf(entry...)
}

func (t *treeMaker) host(h *Host) source.Value {
	switch {
	case t.seen[h]:
		return mapOf()
	case t.export:
		t.seen[h] = true
		return mapOf(shownFields(last(h.own))...)
	}
	t.seen[h] = true
	return mapOf(shownFields(h.Vars())...)
}

func shownFields(vars map[string]source.Value) []source.Field {
	var fields []source.Field
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		fields = append(fields, field(name, source.Value{}.WithScalar(Masked(name, vars[name]))))
	}
	return fields
}

func field(key string, v source.Value) source.Field { return source.Field{Key: key, Value: v} }

func mapOf(fields ...source.Field) source.Value {
	return source.Value{Shape: source.Map, Fields: fields}
}
