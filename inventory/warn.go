package inventory

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/internal/source"
)

func (b *builder) warnSharedNames() {
	for _, h := range b.inv.hosts {
		if _, both := b.inv.groupOf[h.Name]; both {
			b.warn(h.at.Errorf("a pattern with this name means the group and the host; rename one of them",
				"%q is the name of a host and of a group", h.Name))
		}
	}
}

// warnOtherChoice tells of values for which Ansible would have chosen another:
// there a file under group_vars/ hides the vars of every group in the inventory
// file, even of a group closer to the host.
func (b *builder) warnOtherChoice() {
	told := map[source.Pos]bool{}
	for _, h := range b.inv.hosts {
		for _, name := range h.names {
			ours, theirs := h.chains[name][0], ansibleChoice(h.chains[name])
			if told[ours.Value.Pos] || ours.Value.Pos == theirs.Value.Pos || sameText(ours.Value, theirs.Value) {
				continue
			}
			told[ours.Value.Pos] = true
			b.warn(ours.Value.Errorf("keep the variable in one of the two places",
				"%s is taken from %s, which is closer to %s; Ansible would take it from %s (%s)",
				name, ours.Layer, h.Name, theirs.Layer, theirs.Value.Pos))
		}
	}
	for i, w := range b.inv.warnings {
		b.inv.warnings[i] = discreet(w, false).(*source.Error)
	}
}

// ansibleChoice picks from a chain as Ansible does: by the kind of file first,
// then by which of several of that kind, and only then by the closeness.
func ansibleChoice(chain []Origin) Origin {
	return slices.MaxFunc(chain, func(a, b Origin) int {
		return cmp.Or(cmp.Compare(ansibleTier(a), ansibleTier(b)), cmp.Compare(a.in.nth, b.in.nth))
	})
}

// ansibleTier ranks the host over group_vars/GROUP over group_vars/all over a
// group's vars over the vars of "all"; what is beside the plan counts more than
// what is beside the inventory.
func ansibleTier(o Origin) int {
	all := o.group != nil && o.group.Name == everyone
	switch {
	case o.group == nil:
		return 6 + int(o.in.rank)
	case o.in.rank != inFile && !all:
		return 3 + int(o.in.rank)
	case o.in.rank != inFile:
		return 1 + int(o.in.rank)
	case !all:
		return 1
	default:
		return 0
	}
}

func sameText(a, b source.Value) bool { return fmt.Sprint(a.Plain()) == fmt.Sprint(b.Plain()) }
