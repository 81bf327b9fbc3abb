package inventory

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/secret"
	"lockstep/internal/source"
)

// maxGraph bounds the bytes of a graph: groups that share children again and
// again unfold to more than anyone can read.
const maxGraph = 16 << 20

// Graph draws a group and what is below it as `ansible-inventory --graph` does,
// with variables if asked.
func (inv *Inventory) Graph(from *Group, vars bool) string {
	d := drawing{vars: vars}
	d.group(from, 0)
	if d.text.Len() > maxGraph {
		d.text.WriteString("...\n")
	}
	return d.text.String()
}

type drawing struct {
	text strings.Builder
	vars bool
}

func (d *drawing) line(name string, depth int) {
	if d.text.Len() > maxGraph {
		return
	}
	d.text.WriteString(strings.Repeat("  |", depth))
	if depth > 0 {
		d.text.WriteString("--")
	}
	d.text.WriteString(name + "\n")
}

func (d *drawing) group(group *Group, depth int) {
	if d.text.Len() > maxGraph {
		return
	}
	d.line("@"+group.Name+":", depth)
	for _, child := range group.children {
		d.group(child, depth+1)
	}
	if group.Name != everyone { // its own hosts are those of "ungrouped", or stand in a group
		for _, h := range group.hosts {
			d.line(h.Name, depth+1)
			d.variables(h.Vars(), depth+2)
		}
	}
	d.variables(group.Vars(), depth+1)
}

func (d *drawing) variables(vars map[string]source.Value, depth int) {
	if !d.vars {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		d.line(fmt.Sprintf("{%s = %v}", name, Masked(name, vars[name])), depth)
	}
}

// List returns the data that `ansible-inventory --list` prints: the groups that
// are not empty, and under _meta.hostvars the variables of each host that has
// any. Unlike Ansible it masks what is secret.
func (inv *Inventory) List() map[string]any {
	return inv.list(false, Masked)
}

// Export is List with the variables where they are set: those of a group with
// the group, as `ansible-inventory --list --export` does.
func (inv *Inventory) Export() map[string]any {
	return inv.list(true, Masked)
}

func (inv *Inventory) list(export bool, show func(string, source.Value) any) map[string]any {
	hostvars := map[string]any{}
	for _, h := range inv.hosts {
		vars := h.Vars()
		if export {
			vars = last(h.own)
		}
		if len(vars) > 0 {
			hostvars[h.Name] = shownVars(vars, show)
		}
	}
	out := map[string]any{"_meta": map[string]any{"hostvars": hostvars}}
	for _, g := range inv.groups {
		entry := map[string]any{}
		if len(g.children) > 0 {
			entry["children"] = namesOf(g.children, func(c *Group) string { return c.Name })
		}
		if len(g.hosts) > 0 && g.Name != everyone {
			entry["hosts"] = namesOf(g.hosts, func(h *Host) string { return h.Name })
		}
		if vars := g.Vars(); export && len(vars) > 0 {
			entry["vars"] = shownVars(vars, show)
		}
		if len(entry) > 0 {
			out[g.Name] = entry
		}
	}
	return out
}

func shownVars(vars map[string]source.Value, show func(string, source.Value) any) map[string]any {
	out := make(map[string]any, len(vars))
	for name, v := range vars {
		out[name] = show(name, v)
	}
	return out
}

func namesOf[T any](items []T, name func(T) string) []string {
	names := make([]string, len(items))
	for i, item := range items {
		names[i] = name(item)
	}
	return names
}

var secretName = regexp.MustCompile(`(?i)(pass|passwd|password|passphrase|secret|token)$`)

// Masked is the value of a variable as plain data without secrets, however deep
// they stand: what was encrypted or is kept elsewhere, and what has the name of a
// secret. The text of an expression is kept: it names where the secret comes
// from. A number that is not whole is a source.Float.
func Masked(name string, v source.Value) any {
	if v.Tag == source.SecretTag {
		return secret.Mask
	}
	switch v.Shape {
	case source.List:
		out := make([]any, len(v.Items))
		for i, item := range v.Items {
			out[i] = Masked(name, item)
		}
		return out
	case source.Map:
		out := make(map[string]any, len(v.Fields))
		for _, f := range v.Fields {
			out[f.Key] = Masked(f.Key, f.Value)
		}
		return out
	case source.Scalar:
		if v.Secret {
			return secret.Mask
		}
		if v.Text != "" && secretName.MatchString(name) && !strings.Contains(v.Text, "{{") {
			return secret.Mask
		}
		if f, isFloat := v.Any.(float64); isFloat {
			return source.Float(f)
		}
	}
	return v.Plain()
}
