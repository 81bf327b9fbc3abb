package jinja

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// library is all that a template can call.
type library struct {
	filters, tests map[string]routine
	globals        map[string]func(c *invocation) (any, error)
	ofText, ofMap  map[string]routine
	ofList         map[string]routine
}

// routine is a filter, test or method. Its parameters are words in order; those
// before "|" must be given. Behind "*", which takes any number of values, they
// are given by name only, and "**" takes any name.
type routine struct {
	params string
	run    func(c *invocation) (any, error)
	lax    bool // its input and arguments may be undefined
}

func newLibrary() *library {
	l := &library{
		filters: map[string]routine{}, tests: tests(), globals: globals(),
		ofText: textMethods(), ofMap: mapMethods(), ofList: listMethods(),
	}
	for _, some := range []map[string]routine{
		textFilters(), listFilters(), chooseFilters(), setFilters(), numberFilters(), dataFilters(), codeFilters(), patternFilters(),
	} {
		maps.Copy(l.filters, some)
	}
	return l
}

// invocation is one call with its arguments.
type invocation struct {
	*run
	what  string
	in    any   // of a filter, test or method
	list  []any // in call, those behind the parameters
	named map[string]any
	names []string // of named, in order
}

// signature is what params of a routine say.
type signature struct {
	need, places, names []string
	rest, any           bool
}

func (f routine) signature() signature {
	var s signature
	required := strings.Contains(f.params, "|")
	if !required && !strings.Contains(f.params, "*") {
		required = true
	}
	for _, word := range strings.Fields(f.params) {
		switch word {
		case "|":
			required = false
		case "*":
			s.rest, required = true, false
		case "**":
			s.any = true
		default:
			if s.names = append(s.names, word); !s.rest {
				s.places = append(s.places, word)
			}
			if required {
				s.need = append(s.need, word)
			}
		}
	}
	return s
}

// call binds the arguments to the routine's parameters and runs it. In run,
// named holds what was given, also by position.
func (f routine) call(c *invocation) (any, error) {
	s := f.signature()
	for _, given := range c.names {
		if !s.any && !contained(s.names, given) {
			return nil, hint(didYouMean(given, slices.Clone(s.names)), "there is no argument %q", given)
		}
	}
	n := min(len(c.list), len(s.places))
	for i, v := range c.list[:n] {
		if _, twice := c.named[s.places[i]]; twice {
			return nil, fmt.Errorf("the argument %q is given twice", s.places[i])
		}
		c.named[s.places[i]] = v
	}
	if len(c.list) > n && !s.rest {
		return nil, fmt.Errorf("it takes %d arguments, not %d", n, len(c.list))
	}
	c.list = c.list[n:]
	for _, word := range s.need {
		if _, ok := c.named[word]; !ok {
			return nil, fmt.Errorf("it needs the argument %q", word)
		}
	}
	return f.run(c)
}

// knowsFilter returns an error at p unless there is the filter.
func (l *library) knowsFilter(p pos, name string) error {
	if _, ok := l.filters[name]; ok {
		return nil
	}
	if why := refusals()[name]; why != "" {
		return p.fail(why, "there is no filter %q", name)
	}
	return p.fail(didYouMean(name, slices.Collect(maps.Keys(l.filters))), "there is no filter %q", name)
}

func (l *library) knowsTest(p pos, name string) error {
	if _, ok := l.tests[name]; ok {
		return nil
	}
	if why := refusals()[name]; why != "" {
		return p.fail(why, "there is no test %q", name)
	}
	return p.fail(didYouMean(name, slices.Collect(maps.Keys(l.tests))), "there is no test %q", name)
}

// noName is the error of a variable that nothing defines.
func (l *library) noName(n *name, known []string) *Error {
	if why := refusals()[n.id]; why != "" {
		return n.place().fail(why, "there is no %s here", n.id)
	}
	known = append(known, slices.Collect(maps.Keys(l.globals))...)
	return n.place().fail(didYouMean(n.id, known), "the variable %q is not defined", n.id)
}

func (l *library) method(of any, name string) (routine, bool) {
	f, ok := l.methods(of)[name]
	return f, ok
}

func (l *library) methods(of any) map[string]routine {
	switch of.(type) {
	case string:
		return l.ofText
	case map[string]any:
		return l.ofMap
	case []any, tuple:
		return l.ofList
	}
	return nil
}

func (l *library) noMethod(p pos, of any, name string) error {
	switch name {
	case "append", "extend", "insert", "remove", "pop", "update", "setdefault", "clear", "popitem":
		return p.fail("a value is not changed in place: make a new one with +, combine or reject, kept in a namespace", "%s has no method %q", shape(of), name)
	case "format", "format_map":
		return p.fail("use ~ or the filter format", "%s has no method %q", shape(of), name)
	}
	return p.fail(didYouMean(name, slices.Collect(maps.Keys(l.methods(of)))), "%s has no method %q", shape(of), name)
}

// refusals are names that Ansible users know and that are left out on purpose.
func refusals() map[string]string {
	again := "a dry run must repeat: what is made by chance belongs into a variable"
	clock := "a dry run must repeat, so a template has no clock: hand the text in as a variable"
	control := "a template cannot look at the control machine: hand the value in as a variable"
	machine := "hand the value in as a variable"
	return map[string]string{
		"random": again, "shuffle": again, "lipsum": again, "password_hash": again, "random_mac": again, "vault": again,
		"now": clock, "strftime": clock, "to_datetime": clock,
		"lookup": control, "query": control, "q": control, "env": control, "fileglob": control, "realpath": control,
		"expanduser": control, "expandvars": control, "relpath": control, "url": control,
		"file": control, "exists": control, "directory": control, "link": control, "mount": control,
		"hostvars": machine, "groups": machine, "group_names": machine, "inventory_hostname": "the host's name is the variable host",
		"ansible_facts": machine, "ipaddr": "write the address as a variable", "json_query": "use map, select and selectattr",
		"attr": "write value.key or value[key]", "pprint": "use to_nice_json", "type_debug": "use `is string` and the like",
		"cycler": "use loop.cycle", "joiner": "use loop.first, or the filter join", "self": "a template stands for itself",
		"super": "a template stands for itself", "safe": "nothing is escaped here, so leave it out",
		"escape": "templates here are not HTML", "e": "templates here are not HTML",
	}
}
