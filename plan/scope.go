package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/source"
	"lockstep/internal/spell"
	"lockstep/steps"
)

// scope finds what names mean at one place of the plan, for one host or for all
// of them. A variable is resolved where it was written: what stands around its
// use does not change it.
//
// A scope is used by one goroutine at a time.
type scope struct {
	*world
	parent *scope
	host   string                    // "" for all hosts at once
	vars   []map[string]source.Value // as written; the first that has a name wins
	seeds  []map[string]any          // resolved before, not to be changed
	known  map[string]any            // resolved here
	open   []string                  // being resolved, to find loops
	values Values                    // of a run; nil while compiling
}

// world is what all scopes of a plan share.
type world struct {
	exprs      *expressions
	registered map[string]*register
	upcoming   map[string]source.Pos // of all names that the plan registers
	usedFacts  bool                  // while compiling: somebody asked for facts
	vault      vault
	derived    *derived
}

// newWorld is one in which nothing is known; tell learns what expressions make
// of secrets.
func newWorld(tell func(string)) *world {
	return &world{exprs: newExpressions(), registered: map[string]*register{}, upcoming: map[string]source.Pos{},
		vault: vault{values: map[source.Pos]string{}}, derived: &derived{tell: tell}}
}

// register is a name that a step gives to what it reports.
type register struct {
	step   string
	fields []string // nil when nobody knows them before
	global bool     // equal on all hosts
	idle   bool     // no step that fills it takes part
}

// laterError says that a value is not known while compiling: it rests on names
// that only a run fills, or on a secret, or on both.
type laterError struct {
	names  []string
	sealed bool
}

func (e *laterError) Error() string {
	if len(e.names) == 0 {
		return "a secret is read only when the whole plan is valid"
	}
	return fmt.Sprintf("%q is known only while the plan runs", e.names[0])
}

// and is what two values wait for; either may be nil.
func (e *laterError) and(other *laterError) *laterError {
	if e == nil || other == nil {
		return cmp.Or(e, other)
	}
	return &laterError{append(slices.Clone(e.names), other.names...), e.sealed || other.sealed}
}

// waiting joins err, which is a laterError or a variesError, to why something
// waits already. What differs from host to host is looked at again for each.
func waiting(wait, err error) error {
	old, isOld := wait.(*laterError)
	later, isLater := err.(*laterError)
	switch {
	case isVaries(wait):
		return wait
	case isOld && isLater:
		return old.and(later)
	default:
		return err
	}
}

// variesError says that a name means something else on each host.
type variesError struct{ name string }

func (e *variesError) Error() string { return fmt.Sprintf("%q differs from host to host", e.name) }

// inner is a scope inside s with variables of its own. What the command line
// sets wins over them.
func (s *scope) inner(vars map[string]source.Value) *scope {
	return &scope{world: s.world, parent: s, host: s.host, vars: []map[string]source.Value{vars}, known: map[string]any{}, values: s.values}
}

// during is the host's outermost scope while a plan runs: it shares what was
// resolved and writes to nothing that others read.
func (s *scope) during(values Values) *scope {
	return &scope{world: s.world, host: s.host, vars: s.vars, seeds: append(slices.Clone(s.seeds), s.known), known: map[string]any{}, values: values}
}

// names returns what an expression may use, for suggestions.
func (s *scope) names() []string {
	var names []string
	for at := s; at != nil; at = at.parent {
		for _, vars := range at.vars {
			names = slices.AppendSeq(names, maps.Keys(vars))
		}
		for _, known := range append(slices.Clone(at.seeds), at.known) {
			names = slices.AppendSeq(names, maps.Keys(known))
		}
	}
	names = slices.AppendSeq(append(names, factsName), maps.Keys(s.registered))
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *scope) lookup(name string) (any, error) {
	for at := s; at != nil; at = at.parent {
		if v, ok := at.ready(name); ok {
			return v, nil
		}
		raw, ok := at.written(name)
		if !ok {
			continue
		}
		if n := len(at.open); n > 0 && at.open[n-1] == name && at.parent != nil {
			continue // `a: "{{ a }}"` means the outer one
		}
		return at.define(name, raw)
	}
	return s.missing(name)
}

func (s *scope) ready(name string) (any, bool) {
	if v, ok := s.known[name]; ok {
		return v, true
	}
	for _, seed := range s.seeds {
		if v, ok := seed[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (s *scope) written(name string) (source.Value, bool) {
	for _, vars := range s.vars {
		if v, ok := vars[name]; ok {
			return v, true
		}
	}
	return source.Value{}, false
}

// define resolves a variable at the place where it was written.
func (s *scope) define(name string, raw source.Value) (any, error) {
	if slices.Contains(s.open, name) {
		return nil, &exprError{fmt.Sprintf("the variable %q is defined by itself: %s", name, strings.Join(append(s.open, name), " -> ")), ""}
	}
	s.open = append(s.open, name)
	defer func() { s.open = s.open[:len(s.open)-1] }()
	v, err := s.resolve(raw)
	if err != nil {
		return nil, err
	}
	s.known[name] = v.Plain()
	return s.known[name], nil
}

// missing answers for a name that is no variable: it may be one that a run
// fills.
func (s *scope) missing(name string) (any, error) {
	_, runs := s.registered[name]
	switch {
	case (runs || name == factsName) && s.values != nil:
		return nil, fmt.Errorf("internal error: %s is not looked up here", name)
	case runs || name == factsName:
		s.usedFacts = s.usedFacts || name == factsName
		return nil, &laterError{names: []string{name}}
	case s.host == "":
		return nil, &variesError{name}
	}
	if pos, ok := s.upcoming[name]; ok {
		return nil, &exprError{fmt.Sprintf("%q is used before the step that registers it, at %s", name, pos), "a step knows only what the steps before it reported"}
	}
	hint := ""
	if slices.Contains([]string{"null", "none", "None", "omit"}, name) {
		hint = "write nil where there is no value"
	} else if slices.Contains([]string{"address", "hosts"}, name) {
		hint = "it is there in plans; how a host is reached cannot rest on it"
	} else if h := ansibleName(name); h != "" {
		hint = h
	} else if n := spell.Nearest(name, slices.DeleteFunc(s.names(), func(n string) bool { return n == name })); n != "" {
		hint = fmt.Sprintf("did you mean %q?", n)
	}
	return nil, &exprError{fmt.Sprintf("the variable %q is not defined", name), hint}
}

// eval computes an expression that stands at v.
func (s *scope) eval(v source.Value, text string) (any, error) {
	e, err := s.exprs.get(text)
	if err != nil {
		return nil, place(v, err)
	}
	env, err := s.environment(v, e)
	if err != nil {
		return nil, err
	}
	out, err := e.run(env)
	if err != nil {
		msg, _, _ := strings.Cut(err.Error(), "\n")
		return nil, v.Errorf("", "the expression %q fails: %s", text, msg)
	}
	result := plain(out)
	s.derived.watch(e, env, result)
	return result, nil
}

// environment looks up all that e uses. A mistake goes before a value that only
// a run knows, so that it is found at once.
func (s *scope) environment(v source.Value, e *expression) (map[string]any, error) {
	env := make(map[string]any, len(e.names))
	var wait error
	for _, name := range e.names {
		if s.filled(name) {
			out, err := s.value(name, e)
			if _, unknown := steps.IsUnforeseen(err); err != nil && !unknown {
				return nil, place(v, err)
			}
			if err != nil {
				wait = err
			}
			env[name] = out
			continue
		}
		out, err := s.lookup(name)
		switch err.(type) {
		case nil:
			env[name] = out
		case *laterError, *variesError:
			wait = waiting(wait, err)
			if err := s.misused(name, e); err != nil {
				return nil, place(v, err)
			}
		default:
			if _, unknown := steps.IsUnforeseen(err); unknown {
				wait = err
				continue
			}
			return nil, place(v, err)
		}
	}
	return env, wait
}

func isVaries(err error) bool { _, ok := err.(*variesError); return ok }
