package inventory

import (
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
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
// group, "all", a glob such as db*; then &x keeps only what is also in x, and
// !x takes x away, wherever they stand. An element that matches no host is an
// error, and so is a pattern that leaves none; each is a *PatternError.
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

// splitPattern cuts a pattern into its elements. A colon inside brackets or inside an
// IPv6 address does not cut.
func splitPattern(pattern string) []string {
	var elements []string
	for part := range strings.SplitSeq(pattern, ",") {
		part = strings.TrimSpace(part)
		if isAddress(strings.TrimLeft(part, "!&")) {
			elements = append(elements, part)
			continue
		}
		for _, e := range splitColons(part) {
			if e = strings.TrimSpace(e); e != "" {
				elements = append(elements, e)
			}
		}
	}
	return elements
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

func splitColons(text string) []string {
	var parts []string
	start, depth := 0, 0
	for i, c := range text {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth = max(0, depth-1)
		case c == ':' && depth == 0:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
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

var subscript = regexp.MustCompile(`^[^\[]+\[(-?\d+|\d*[:-]\d*)\]$`)

// match returns the hosts of one name or glob. needed says that a known group
// without hosts is a problem too; taking nothing away is none.
func (m *matcher) match(element, name string, needed bool) map[*Host]bool {
	switch {
	case name == "":
		m.fail(element, "", "%q is not followed by a name", element)
		return nil
	case name[0] == '~':
		m.fail(element, "write a glob, or the names", "regular expressions (%s) are not understood yet", name)
		return nil
	case name[0] == '@':
		m.fail(element, "write the names", "a file of names (%s) is not understood yet", name)
		return nil
	case subscript.MatchString(name):
		m.fail(element, "write the names of the hosts", "a place in a group (%s) is not understood yet", name)
		return nil
	case name == "*":
		name = everyone
	}
	glob := strings.ReplaceAll(name, "[!", "[^") // fnmatch's spelling, as Ansible has it
	if _, err := path.Match(glob, ""); err != nil {
		m.fail(element, "", "%q is not a glob: a bracket is not closed", name)
		return nil
	}
	set := map[*Host]bool{}
	if known := m.exact(name, set) || m.glob(glob, set); !known {
		m.unknown(element, name)
	} else if len(set) == 0 && needed {
		m.fail(element, "", "%s", emptyText(name))
	}
	return set
}

func (m *matcher) exact(name string, set map[*Host]bool) bool {
	g, isGroup := m.inv.groupOf[name]
	if isGroup {
		g.members(set)
	}
	if name == everyone {
		for _, h := range m.inv.hosts {
			set[h] = true
		}
	}
	h, isHost := m.inv.hostOf[name]
	if isHost {
		set[h] = true
	}
	return isGroup || isHost
}

// glob adds the hosts and the members of the groups whose names match.
func (m *matcher) glob(glob string, set map[*Host]bool) bool {
	known := false
	for name := range m.inv.groupOf {
		if ok, _ := path.Match(glob, name); ok {
			known = m.exact(name, set) || known
		}
	}
	for name, h := range m.inv.hostOf {
		if ok, _ := path.Match(glob, name); ok {
			known, set[h] = true, true
		}
	}
	return known
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
	if near := source.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	m.fail(element, hint, "no host or group matches %q", name)
}
