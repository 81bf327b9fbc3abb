package inventory

import (
	"regexp"
	"strings"

	"lockstep/internal/secret"
	"lockstep/internal/source"
)

// maxGraph bounds the bytes of a graph: groups that share children again and
// again unfold to more than anyone can read.
const maxGraph = 16 << 20

// Graph draws the groups and hosts as `ansible-inventory --graph` does.
func (inv *Inventory) Graph() string {
	var text strings.Builder
	graph(&text, inv.groupOf[everyone], 0)
	if text.Len() > maxGraph {
		text.WriteString("...\n")
	}
	return text.String()
}

func graphLine(text *strings.Builder, name string, depth int) {
	if text.Len() > maxGraph {
		return
	}
	text.WriteString(strings.Repeat("  |", depth))
	if depth > 0 {
		text.WriteString("--")
	}
	text.WriteString(name + "\n")
}

func graph(text *strings.Builder, group *Group, depth int) {
	if text.Len() > maxGraph {
		return
	}
	graphLine(text, "@"+group.Name+":", depth)
	for _, child := range group.children {
		graph(text, child, depth+1)
	}
	if group.Name == everyone {
		return // its own hosts are those of "ungrouped", or stand in a group
	}
	for _, h := range group.hosts {
		graphLine(text, h.Name, depth+1)
	}
}

// List returns the data that `ansible-inventory --list` prints: the groups that
// are not empty, and under _meta.hostvars the variables of each host that has
// any. Unlike Ansible it masks the values of variables named like secrets.
func (inv *Inventory) List() map[string]any {
	hostvars := map[string]any{}
	for _, h := range inv.hosts {
		vars := map[string]any{}
		for name, v := range h.Vars() {
			vars[name] = masked(name, v)
		}
		if len(vars) > 0 {
			hostvars[h.Name] = vars
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
		if len(entry) > 0 {
			out[g.Name] = entry
		}
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

// masked is v as plain data without secrets, however deep they stand. The text
// of an expression is kept: it names where the secret comes from.
func masked(name string, v source.Value) any {
	switch v.Shape {
	case source.List:
		out := make([]any, len(v.Items))
		for i, item := range v.Items {
			out[i] = masked(name, item)
		}
		return out
	case source.Map:
		out := make(map[string]any, len(v.Fields))
		for _, f := range v.Fields {
			out[f.Key] = masked(f.Key, f.Value)
		}
		return out
	case source.Scalar:
		if v.Text != "" && secretName.MatchString(name) && !strings.Contains(v.Text, "{{") {
			return secret.Mask
		}
	}
	return v.Plain()
}
