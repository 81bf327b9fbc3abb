package inventory

import (
	"fmt"
	"path"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/spell"
)

// PatternError is one problem of a pattern. The pattern has no position of its
// own; a caller that took it from a file places Msg and Hint there.
type PatternError struct {
	Pattern, Element string
	Msg, Hint        string
}

// Error renders the problem over up to two lines.
func (e *PatternError) Error() string {
	text := fmt.Sprintf("pattern %q: %s", e.Pattern, e.Msg)
	if e.Hint != "" {
		text += "\n  hint: " + e.Hint
	}
	return text
}

// Match returns the hosts that a pattern chooses, in the order of the
// inventory. Its elements stand between colons or commas: the name of a host or
// group, "all", a glob such as db*, a regular expression after ~, places in a
// group such as pxc[0], pxc[-1] or pxc[1:3]; then &x keeps only what is also in
// x, and !x takes x away, wherever they stand. An element that matches no host
// is an error, and so is a pattern that leaves none; each is a *PatternError.
func (inv *Inventory) Match(pattern string) ([]*Host, error) {
	m := matcher{inv: inv, pattern: pattern}
	elements := splitPattern(pattern)
	if len(elements) == 0 {
		m.fail("", "write the name of a host or group, or \"all\"", "it is empty")
		return nil, m.problems
	}
	chosen := m.choose(elements)
	if err := m.problems.ErrorOrNil(); err != nil {
		return nil, err
	}
	var hosts []*Host
	for _, h := range inv.hosts {
		if chosen[h] {
			hosts = append(hosts, h)
		}
	}
	if len(hosts) == 0 {
		m.fail("", "", "it leaves no host")
		return nil, m.problems
	}
	return hosts, nil
}

type matcher struct {
	inv      *Inventory
	pattern  string
	problems *multierror.Error
}

func (m *matcher) fail(element, hint, format string, args ...any) {
	m.problems = multierror.Append(m.problems, &PatternError{m.pattern, element, fmt.Sprintf(format, args...), hint})
}

// choose joins the plain elements, then intersects, then takes away. Without a
// plain element it begins with all hosts.
func (m *matcher) choose(elements []string) map[*Host]bool {
	plain, chosen := false, map[*Host]bool{}
	var keep, drop []map[*Host]bool
	for _, e := range elements {
		switch e[0] {
		case '&':
			keep = append(keep, m.match(e, e[1:], true))
		case '!':
			drop = append(drop, m.match(e, e[1:], false))
		default:
			plain = true
			add(chosen, m.match(e, e, true))
		}
	}
	if !plain {
		add(chosen, m.match(everyone, everyone, true))
	}
	for h := range chosen {
		for _, set := range keep {
			if !set[h] {
				delete(chosen, h)
			}
		}
		for _, set := range drop {
			if set[h] {
				delete(chosen, h)
			}
		}
	}
	return chosen
}

func add(to, from map[*Host]bool) {
	for h := range from {
		to[h] = true
	}
}

// match returns the hosts of one element without its ! or &. needed says that a
// known group without hosts is a problem too; taking nothing away is none.
func (m *matcher) match(element, name string, needed bool) map[*Host]bool {
	set := map[*Host]bool{}
	hosts, known := m.list(element, name)
	for _, h := range hosts {
		set[h] = true
	}
	if known && len(set) == 0 && needed {
		m.fail(element, "", "%s", emptyText(name))
	}
	return set
}

// list returns the hosts of one element, those of a group in the group's own
// order. It is not known when a problem was recorded.
func (m *matcher) list(element, name string) (hosts []*Host, known bool) {
	places := subscript.FindStringSubmatch(name)
	switch {
	case name == "":
		m.fail(element, "", "%q is not followed by a name", element)
		return nil, false
	case name[0] == '@':
		m.fail(element, "write the names, or give the file with --limit", "a file of names (%s) is not read here", name)
		return nil, false
	case name[0] == '~':
		return m.regex(element, name[1:])
	case places != nil:
		return m.places(element, name, places)
	}
	return m.named(element, name)
}

// named lists the hosts of a name or glob.
func (m *matcher) named(element, name string) ([]*Host, bool) {
	if name == "*" {
		name = everyone
	}
	if hosts, known := m.exact(name); known {
		return hosts, true
	}
	glob := strings.ReplaceAll(name, "[!", "[^") // fnmatch's spelling, as Ansible has it
	if _, err := path.Match(glob, ""); err != nil {
		m.fail(element, "", "%q is not a glob: a bracket is not closed", name)
		return nil, false
	}
	hosts, known := m.matching(func(name string) bool { ok, _ := path.Match(glob, name); return ok })
	if !known {
		m.unknown(element, name)
	}
	return hosts, known
}

func (m *matcher) exact(name string) (hosts []*Host, known bool) {
	if name == everyone {
		return m.inv.hosts, true
	}
	if g, ok := m.inv.groupOf[name]; ok {
		hosts, known = g.ordered(), true
	}
	if h, ok := m.inv.hostOf[name]; ok {
		hosts, known = append(hosts, h), true
	}
	return hosts, known
}

// matching lists the members of the groups whose names match, then the hosts.
func (m *matcher) matching(matches func(name string) bool) (hosts []*Host, known bool) {
	for _, g := range m.inv.groups {
		if matches(g.Name) {
			found, _ := m.exact(g.Name)
			hosts, known = append(hosts, found...), true
		}
	}
	for _, h := range m.inv.hosts {
		if matches(h.Name) {
			hosts, known = append(hosts, h), true
		}
	}
	return hosts, known
}

func emptyText(name string) string {
	switch name {
	case everyone:
		return "the inventory has no hosts"
	case ungrouped:
		return "every host is in a group, none is ungrouped"
	default:
		return fmt.Sprintf("%q has no hosts", name)
	}
}

func (m *matcher) unknown(element, name string) {
	var names []string
	for _, g := range m.inv.groups {
		names = append(names, g.Name)
	}
	for _, h := range m.inv.hosts {
		names = append(names, h.Name)
	}
	hint := "`lockstep inventory --graph` shows all hosts and groups"
	if near := spell.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	m.fail(element, hint, "no host or group matches %q", name)
}
