package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"

	"lockstep/internal/source"
	"lockstep/internal/spell"
)

// readYAML reads one inventory file in Ansible's YAML layout.
func (b *builder) readYAML(file string, data []byte) {
	root, ok := b.parse(file, data)
	switch {
	case !ok, b.isSecret(root, "the inventory"):
		return
	case root.Shape == source.Null:
		b.fail(root.Errorf("begin with `all:` and `hosts:` below it", "the inventory is empty"))
		return
	case root.Shape != source.Map:
		b.fail(root.Errorf("begin with `all:` and `hosts:` below it", "an inventory must be a map of groups, but this is %s", root.Shape))
		return
	}
	if f, isPlugin := root.Get("plugin"); isPlugin {
		b.fail(keyOf(f).Errorf("save what `ansible-inventory --list --yaml` prints, and give that file",
			"the inventory plugin %s is not read: only hosts that stand in the file are", shown(f.Value)))
		return
	}
	if f, isOutput := root.Get("_meta"); isOutput {
		b.fail(keyOf(f).Errorf("save what `ansible-inventory --list --yaml` prints, or give the program itself",
			"this is what an executable inventory prints, and no inventory file"))
		return
	}
	for _, f := range root.Fields {
		if isSection(f.Key) {
			b.fail(keyOf(f).Errorf("put it below `all:`", "%q stands at the top, where the names of groups stand", f.Key))
			continue
		}
		b.readGroup(f)
	}
}

// parse reads strict YAML, or JSON, and opens the values in it that are
// encrypted. It tells whether there is anything to look at; problems are
// recorded.
func (b *builder) parse(file string, data []byte) (source.Value, bool) {
	root, err := parseEither(file, data)
	b.fail(err)
	if err != nil && root.Shape == source.Null {
		return root, false
	}
	if b.sealed {
		root = root.Seal()
	}
	b.checkSecrets(root)
	return b.unsealed(root), true
}

// parseEither reads JSON as JSON where it is: YAML knows neither its \/ nor its
// surrogate pairs, and takes no tabs.
func parseEither(file string, data []byte) (source.Value, error) {
	if text := bytes.TrimPrefix(data, []byte("\uFEFF")); bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) && json.Valid(text) {
		return source.ParseJSON(file, text)
	}
	return source.ParseYAML(file, data, append(vaultTags(), source.SecretTag)...)
}

func sections() []string { return []string{"hosts", "vars", "children"} }

// readGroup reads a group and everything below it; nil when its name is wrong.
func (b *builder) readGroup(f source.Field) *Group {
	g := b.group(f.Key, keyOf(f))
	if g == nil || f.Value.Shape == source.Null || b.isSecret(f.Value, fmt.Sprintf("group %q", g.Name)) {
		return g
	}
	if f.Value.Shape != source.Map {
		b.fail(f.Value.Errorf("", "group %q must be a map with hosts, vars and children, but this is %s", g.Name, f.Value.Shape))
		return g
	}
	for _, section := range f.Value.Fields {
		switch section.Key {
		case "hosts":
			b.readHosts(g, section)
		case "vars":
			if b.isVars(section.Value, fmt.Sprintf("vars of group %q", g.Name)) {
				b.setGroup(g, section.Value, place{})
			}
		case "children":
			b.readChildren(g, section)
		default:
			b.fail(keyOf(section).Errorf(sectionHint(section), "group %q has no key %q", g.Name, section.Key))
		}
	}
	return g
}

func sectionHint(section source.Field) string {
	if near := spell.Nearest(section.Key, sections()); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if section.Value.Shape == source.Scalar {
		return "variables go below `vars:`"
	}
	return "a group has hosts, vars and children: a host goes below `hosts:`, a group below `children:`"
}

func (b *builder) readHosts(g *Group, section source.Field) {
	for _, f := range b.entries(g, section, "host") {
		for _, h := range b.hosts(f.Key, keyOf(f)) {
			b.join(g, h)
			b.setHost(h, f.Value, place{})
		}
		if b.isVars(f.Value, fmt.Sprintf("host %q", f.Key)) {
			b.refuseSections(f)
		}
	}
}

// refuseSections finds variables of a host put below `vars:`, as a group has
// them; Ansible would make one variable called "vars" of it.
func (b *builder) refuseSections(host source.Field) {
	for _, f := range host.Value.Fields {
		if isSection(f.Key) {
			b.fail(keyOf(f).Errorf("a host's variables stand directly below its name", "host %q has no key %q", host.Key, f.Key))
		}
	}
}

func (b *builder) readChildren(g *Group, section source.Field) {
	for _, f := range b.entries(g, section, "group") {
		if child := b.readGroup(f); child != nil {
			b.nest(g, child, keyOf(f))
		}
	}
}

// entries returns the keys of `hosts:` or `children:`. A single name stands for
// a map with that one key, as in Ansible.
func (b *builder) entries(g *Group, section source.Field, what string) []source.Field {
	v := section.Value
	if b.isSecret(v, fmt.Sprintf("%s of group %q", section.Key, g.Name)) {
		return nil
	}
	switch v.Shape {
	case source.Map, source.Null:
		return v.Fields
	case source.Scalar:
		return []source.Field{{Key: v.Text, KeyPos: v.Pos, Value: v.WithScalar(nil)}}
	default:
		b.fail(v.Errorf("write each "+what+" as a key, without the dash and with a colon: `name:`",
			"%s of group %q must be a map, but this is %s", section.Key, g.Name, v.Shape))
		return nil
	}
}

// isVars tells whether v can hold variables, and records it when it cannot.
func (b *builder) isVars(v source.Value, what string) bool {
	if b.isSecret(v, what) {
		return false
	}
	if v.Shape == source.Map || v.Shape == source.Null {
		return true
	}
	b.fail(v.Errorf("write them as `name: value`", "%s must be a map of variables, but this is %s", what, v.Shape))
	return false
}
