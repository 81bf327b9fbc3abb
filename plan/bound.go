package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// bound is what a task needs to become a step on a host. What is equal on all
// hosts is resolved once; what differs is resolved when it is needed, so that
// the size of a plan does not grow with hosts times steps.
type bound struct {
	plan   *Plan
	layer  *layer
	when   []condition
	until  condition
	params source.Value
	make   maker
	word   bool // a word of the language, not a kind

	shared    *source.Value // resolved, when equal on all hosts
	skip      []bool        // by host: not concerned; nil is none
	names     []string      // by host, where they differ
	delegates []string      // by host
	later     bool          // only a run knows some of it
	sealed    bool          // it holds a secret
	facts     bool
	each      *series // the list of a loop that only a run knows
	element   *Known  // the element of such a loop that the task is for
}

// maker makes a step from parameters as they were written.
type maker func(s *scope, params source.Value) (steps.Step, error)

// layer is variables that hold in a part of the plan, for all hosts.
type layer struct {
	parent *layer
	vars   map[string]source.Value
}

// scope is base with the layer's variables, and those around it, on top.
func (l *layer) scope(base *scope) *scope {
	if l == nil {
		return base
	}
	return l.parent.scope(base).inner(l.vars)
}

// has reports whether the layer, or one around it, has a variable.
func (l *layer) has(name string) bool {
	for ; l != nil; l = l.parent {
		if _, ok := l.vars[name]; ok {
			return true
		}
	}
	return false
}

// condition is a `when` and the variables that hold where it stands.
type condition struct {
	value source.Value
	layer *layer
}

func (b *bound) at(host string) (int, bool) {
	if b == nil {
		return 0, false
	}
	i, ok := b.plan.index[host]
	return i, ok
}

// base is the host's outermost scope while a plan runs. The control machine
// has the first host's, whose values are equal on all hosts where it uses them.
func (b *bound) base(host string, v Values) *scope {
	i := b.plan.index[host]
	if v == nil {
		v = Values{}
	}
	if b.element != nil {
		v = maps.Clone(v)
		v[elementTag] = *b.element
	}
	return b.plan.scopes[i].during(v)
}

// all reports whether every condition holds; a missing one does. A condition
// that is false decides, also when others are not known yet.
func (b *bound) all(base *scope, conditions []condition) (bool, error) {
	var wait error
	for _, c := range conditions {
		yes, err := c.layer.scope(base).condition(c.value)
		if err == nil && !yes {
			return false, nil
		}
		if err != nil && !delayed(err) {
			return false, err
		}
		if err != nil {
			wait = waiting(wait, err)
		}
	}
	return wait == nil, wait
}

// wait notes why a value is not known while compiling.
func (b *bound) wait(err error) {
	x, ok := err.(*laterError)
	b.sealed = b.sealed || ok && x.sealed
	b.later = b.later || !ok || len(x.names) > 0
}

// delayed reports whether err says that a value is not known here and now.
func delayed(err error) bool {
	var later *laterError
	var varies *variesError
	return unforeseen(err) || errors.As(err, &later) || errors.As(err, &varies)
}

// unforeseen reports whether err says that a dry run cannot know.
func unforeseen(err error) bool { _, ok := steps.IsUnforeseen(err); return ok }

// condition evaluates one `when`.
func (s *scope) condition(v source.Value) (bool, error) {
	if v.Shape == source.List && len(v.Items) == 0 {
		return false, v.Errorf("write true or false", "there is no condition in this list")
	}
	if v.Shape != source.Scalar {
		return false, v.Errorf("join conditions with && in one text", "a condition is one expression, but this is %s", v.Shape)
	}
	out := v.Any
	if text, ok := v.Any.(string); ok {
		var err error
		if out, err = s.eval(v, text); err != nil {
			return false, err
		}
	}
	yes, ok := out.(bool)
	if !ok {
		return false, v.Errorf("compare with ==, or write true or false", "the condition %q gives %v, not true or false", v.Text, out)
	}
	return yes, nil
}

// checkEarly finds the mistakes in parameters of which a run knows some: names,
// what is missing, and the types of all that is known.
func checkEarly(k steps.Kind, s *scope, params source.Value) error {
	_, err := earlyStep(k, s, params)
	return err
}

// earlyStep is checkEarly that also returns the step as far as it is known, or nil
// when not even all that it requires is.
func earlyStep(k steps.Kind, s *scope, params source.Value) (steps.Step, error) {
	step, whole := k.New(), true
	var set param.Set
	step.Params(&set)
	known := params
	known.Fields = nil
	var r resolver
	r.scope = s
	raw := verbatim(k)
	for _, f := range params.Fields {
		if slices.Contains(raw, f.Key) {
			known.Fields = append(known.Fields, f)
			continue
		}
		one := &resolver{scope: s}
		f.Value = one.value(f.Value)
		r.problems = append(r.problems, one.problems...)
		if one.varies != nil {
			r.varies = one.varies
		}
		declared := fieldOf(&set, f.Key)
		if one.later == nil || declared == nil || misshapen(declared, f.Value) {
			known.Fields = append(known.Fields, f)
			continue
		}
		whole = whole && !declared.Required
		declared.Required = false
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	if params.Shape == source.Scalar {
		return nil, nil
	}
	if err := set.Decode(known); err != nil || !whole {
		return nil, err
	}
	return step, nil
}

// checkShape finds the mistakes in parameters that show without any variable.
func checkShape(k steps.Kind, params source.Value) error {
	if params.Shape == source.Scalar && templated(params) {
		return nil
	}
	step := k.New()
	var set param.Set
	step.Params(&set)
	known := params
	known.Fields = nil
	for _, f := range params.Fields {
		declared := fieldOf(&set, f.Key)
		if declared == nil || !templated(f.Value) || misshapen(declared, f.Value) {
			known.Fields = append(known.Fields, f)
			continue
		}
		declared.Required = false
	}
	return set.Decode(known)
}

// misshapen reports whether a list or a map stands where no expression in it
// could make it right.
func misshapen(f *param.Field, v source.Value) bool {
	single := []string{"text", "path", "local path", "mode", "true or false", "number", "duration"}
	return (v.Shape == source.List || v.Shape == source.Map) && v.Tag == "" && slices.Contains(single, f.Type)
}

func fieldOf(set *param.Set, name string) *param.Field {
	for _, f := range set.Fields() {
		if f.Name == name {
			return f
		}
	}
	return nil
}

func joined(problems []error) error { return &several{problems} }

// several are problems that belong to one value.
type several struct{ list []error }

func (s *several) Error() string { return fmt.Sprint(errors.Join(s.list...)) }

func (s *several) Unwrap() []error { return s.list }
