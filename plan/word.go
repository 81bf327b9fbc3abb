package plan

import (
	"context"
	"fmt"
	"strings"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// wordKind describes the words of the language that are used like a kind.
func wordKind(name string) (steps.Kind, bool) {
	switch name {
	case "set":
		return steps.Kind{Name: name, Summary: "variables from expressions", New: func() steps.Step { return &setting{} }}, true
	case "assert":
		return steps.Kind{Name: name, Summary: "what must hold for the run to go on", New: func() steps.Step { return &assertion{} }}, true
	}
	return steps.Kind{}, false
}

// word gives a step that is a word of the language its own way of being made.
func (c *compiler) word(t *Task, item source.Value) {
	switch t.Kind.New().(type) {
	case *setting:
		t.word, t.make = true, makeSetting
		if t.params.Shape != source.Map || len(t.params.Fields) == 0 {
			c.fail(item.Errorf("write set: {name: value}", "set names no variable"))
		}
	case *assertion:
		t.word, t.make = true, makeAssertion
	}
}

// Setter is implemented by the step that sets variables.
type Setter interface{ Sets() map[string]any }

type setting struct{ values map[string]any }

func makeSetting(s *scope, v source.Value) (steps.Step, error) {
	out, err := s.resolve(v)
	if err != nil {
		return nil, err
	}
	step := &setting{values: map[string]any{}}
	for _, f := range out.Fields {
		step.values[f.Key] = f.Value.Plain()
	}
	return step, nil
}

// Params declares none: the names are the user's.
func (s *setting) Params(*param.Set) {}

// Probe finds nothing to do on any host.
func (s *setting) Probe(context.Context, steps.View) (steps.Change, error) {
	return steps.Change{}, nil
}

// Apply is never called.
func (s *setting) Apply(context.Context, steps.Host, steps.Change) error { return nil }

// Sets returns the variables.
func (s *setting) Sets() map[string]any { return s.values }

// assertion is what must hold, already judged.
type assertion struct {
	that   source.Value
	msg    string
	failed []string
}

func makeAssertion(s *scope, v source.Value) (steps.Step, error) {
	if v.Shape == source.Scalar || v.Shape == source.List {
		that := v
		v = v.WithScalar(map[string]any{})
		v.Fields = []source.Field{{Key: "that", KeyPos: that.Pos, Value: that}}
	}
	a := &assertion{}
	var set param.Set
	a.Params(&set)
	if err := set.Decode(v); err != nil {
		return nil, err
	}
	r := &resolver{scope: s}
	a.judge(r)
	if f, ok := v.Get("msg"); ok {
		a.msg = r.value(f.Value).Text
	}
	return a, r.err()
}

func (a *assertion) judge(r *resolver) {
	items := a.that.Items
	if a.that.Shape == source.Scalar {
		items = []source.Value{a.that}
	}
	for _, item := range items {
		yes, err := r.condition(item)
		if !r.note(err) && !yes {
			a.failed = append(a.failed, item.Text)
		}
	}
	if len(items) == 0 {
		r.note(a.that.Errorf(`write that: ["port > 1024"]`, "an assert without a condition holds always"))
	}
}

// Params declares what a plan writes.
func (a *assertion) Params(p *param.Set) {
	p.Raw(&a.that, "that", "list of expressions", "what must hold, all of it", param.Required())
	p.String(&a.msg, "msg", "what to tell people otherwise")
}

// Probe fails where something does not hold.
func (a *assertion) Probe(context.Context, steps.View) (steps.Change, error) {
	if len(a.failed) == 0 {
		return steps.Change{}, nil
	}
	p := &steps.Problem{What: "it does not hold that " + strings.Join(a.failed, ", and that ")}
	if a.msg != "" {
		p.What, p.Why = a.msg, p.What
	}
	return steps.Change{}, p
}

// Apply is never called.
func (a *assertion) Apply(context.Context, steps.Host, steps.Change) error {
	return fmt.Errorf("internal error: an assert changes nothing")
}
