package inventory

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"lockstep/internal/source"
	"lockstep/internal/spell"
)

// iniReader reads one inventory file in Ansible's INI layout.
type iniReader struct {
	*builder
	text     *source.Text
	line     int // from 1
	group    *Group
	section  string          // "hosts", "vars" or "children"
	skip     bool            // the section's header is wrong
	declared map[string]bool // groups that exist, and do not need a header any more
	mentions []mention
}

// mention is a group that a file uses before it may be declared.
type mention struct {
	name, as string
	at       source.Value
}

// readINI reads an inventory file in Ansible's INI layout: hosts before the
// first section are in no group.
func (b *builder) readINI(file string, data []byte) {
	text, err := source.NewText(file, data, b.sealed)
	if err != nil {
		b.fail(err)
		return
	}
	r := iniReader{builder: b, text: text, group: b.inv.groupOf[ungrouped], section: "hosts", declared: map[string]bool{}}
	for name := range b.inv.groupOf {
		r.declared[name] = true
	}
	for i, line := range text.Lines() {
		r.line = i + 1
		r.readLine(line)
	}
	r.refuseUndeclared()
}

// at is the place of a character of the current line.
func (r *iniReader) at(char int) source.Value { return r.text.At(r.line, char+1) }

var (
	iniSection = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)
	iniName    = regexp.MustCompile(`^([^:\]\s]+)\s*(?:#.*)?$`)
)

func (r *iniReader) readLine(line string) {
	text := strings.TrimSpace(line)
	indent := utf8.RuneCountInString(line) - utf8.RuneCountInString(strings.TrimLeft(line, " \t\f\v\u00a0"))
	m := iniSection.FindStringSubmatch(text)
	switch {
	case text == "" || text[0] == '#' || text[0] == ';':
	case m != nil:
		r.readSection(m[1], m[2], indent)
	case text[0] == '[' && text[len(text)-1] == ']':
		r.skip = true
		r.fail(r.at(indent).Errorf("a section is [GROUP], [GROUP:vars] or [GROUP:children], without blanks", "%s is not a section", text))
	case r.skip:
	case r.section == "vars":
		r.readVar(text, indent)
	case r.section == "children":
		r.readChild(text, indent)
	default:
		r.readHost(text, indent)
	}
}

func (r *iniReader) readSection(name, section string, indent int) {
	if section == "" {
		section = "hosts"
	}
	r.section, r.skip = section, true
	if !isSection(section) {
		hint := "a section is [GROUP], [GROUP:vars] or [GROUP:children]"
		if near := spell.Nearest(section, sections()); near != "" {
			hint = fmt.Sprintf("did you mean [%s:%s]?", name, near)
		}
		r.fail(r.at(indent).Errorf(hint, "the section [%s:%s] is of an unknown kind", name, section))
		return
	}
	at := r.at(indent + 1)
	if r.group = r.builder.group(name, at); r.group == nil {
		return
	}
	r.skip = false
	if section == "vars" {
		r.mentions = append(r.mentions, mention{name, fmt.Sprintf("[%s:vars] sets variables of group %q", name, name), at})
		return
	}
	r.declared[name] = true
}

func (r *iniReader) readChild(text string, indent int) {
	m := iniName.FindStringSubmatch(text)
	if m == nil {
		r.misnamed(r.at(indent), text, fmt.Sprintf("write one group a line; hosts go below [%s]", r.group.Name), fmt.Errorf("%q is not the name of a group", text))
		return
	}
	child := r.builder.group(m[1], r.at(indent))
	if child == nil {
		return
	}
	r.nest(r.group, child, r.at(indent))
	r.mentions = append(r.mentions, mention{m[1], fmt.Sprintf("[%s:children] names group %q", r.group.Name, m[1]), r.at(indent)})
}

// refuseUndeclared records the groups without a section of their own: mostly
// they are slips, and Ansible refuses them too.
func (r *iniReader) refuseUndeclared() {
	names := make([]string, 0, len(r.declared))
	for _, g := range r.inv.groups {
		if r.declared[g.Name] {
			names = append(names, g.Name)
		}
	}
	for _, m := range r.mentions {
		if r.declared[m.name] {
			continue
		}
		hint := fmt.Sprintf("add [%s], if need be without hosts", m.name)
		if near := spell.Nearest(m.name, names); near != "" {
			hint = fmt.Sprintf("did you mean %q? Otherwise %s", near, hint)
		}
		r.fail(m.at.Errorf(hint, "%s, which no section declares", m.as))
	}
}

func (r *iniReader) readVar(text string, indent int) {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		r.fail(r.at(indent).Errorf("write name=value", "this line sets no variable"))
		return
	}
	after := utf8.RuneCountInString(name) + 1
	blanks := utf8.RuneCountInString(value) - utf8.RuneCountInString(strings.TrimLeft(value, " \t"))
	if v, ok := r.value(strings.TrimSpace(name), strings.TrimSpace(value), indent, indent+after+blanks); ok {
		r.setGroup(r.group, v, place{})
	}
}

// value makes a map of one variable. Its value has the type that Python would
// see in it.
func (r *iniReader) value(name, text string, keyAt, valueAt int) (source.Value, bool) {
	at := r.at(valueAt)
	if name == "" {
		r.fail(r.at(keyAt).Errorf("write name=value", "the variable has no name"))
		return at, false
	}
	if r.refuseTag(name, text, at) {
		return at, false
	}
	v, _, err := literal(text)
	if err != nil {
		r.fail(at.Errorf("quotes inside quotes make it text: \"'...'\"", "the value of %s %v", name, err))
		return at, false
	}
	field := source.Field{Key: name, KeyPos: r.at(keyAt).Pos, Value: at.WithScalar(v)}
	at.Shape, at.Fields = source.Map, []source.Field{field}
	return at, true
}

// readHost reads a line of a host or a range of them with variables.
func (r *iniReader) readHost(text string, indent int) {
	cut, torn, err := cutWords(text, true)
	switch {
	case err != nil:
		r.fail(r.at(indent).Errorf("an apostrophe or quote that is meant itself needs a backslash: \\'", "%v", err))
		return
	case torn >= 0:
		r.warn(r.at(indent+torn).Errorf("quote the value if it holds a #, or put a blank before a comment",
			"the line ends at this #, as it does for Ansible"))
	}
	hosts := r.hosts(cut[0].text, r.at(indent+cut[0].at))
	for _, h := range hosts {
		r.join(r.group, h)
	}
	for _, w := range cut[1:] {
		name, value, ok := strings.Cut(w.text, "=")
		at := indent + w.at
		if !ok {
			r.fail(r.at(at).Errorf("write name=value without blanks around the =, and quote a value with blanks", "this word sets no variable"))
			continue
		}
		if v, ok := r.value(name, value, at, at+utf8.RuneCountInString(name)+1); ok {
			for _, h := range hosts {
				r.setHost(h, v, place{})
			}
		}
	}
}

func isSection(key string) bool { return slices.Contains(sections(), key) }
