package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// What break and continue are on their way to the loop.
var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)

func (r *run) body(body []stmt, f *frame) error {
	for _, s := range body {
		if err := r.spend(1); err != nil {
			return placed(s, err)
		}
		if err := placed(s, r.stmt(s, f)); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) stmt(s stmt, f *frame) error {
	switch x := s.(type) {
	case *data:
		return r.write(f.out, x.text)
	case *print:
		return r.print(x, f)
	case *branch:
		return r.branch(x, f)
	case *loop:
		return r.loop(x, f)
	case *set:
		return r.set(x, f)
	case *with:
		return r.with(x, f)
	case *macro:
		f.scope.vars[x.name] = r.define(x, f.scope)
		return nil
	case *callBlock:
		return r.callBlock(x, f)
	case *filterBlock:
		return r.filterBlock(x, f)
	case *include:
		return r.body(x.body, f)
	case *jump:
		if x.word == "break" {
			return errBreak
		}
		return errContinue
	}
	return fmt.Errorf("internal error: no statement %T", s)
}

func (r *run) print(p *print, f *frame) error {
	v, err := r.eval(f.scope, p.of)
	if err != nil || v == nil {
		return err // as in Ansible, none prints as nothing
	}
	text, err := r.str(v)
	if err != nil {
		return err
	}
	return r.write(f.out, text)
}

func (r *run) branch(b *branch, f *frame) error {
	for i, test := range b.tests {
		v, err := r.eval(f.scope, test)
		if err != nil {
			return err
		}
		if truth(v) {
			return r.body(b.bodies[i], f)
		}
	}
	if len(b.bodies) > len(b.tests) {
		return r.body(b.bodies[len(b.tests)], f)
	}
	return nil
}

func (r *run) loop(l *loop, f *frame) error {
	items, err := r.chosen(l, f.scope)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return r.body(l.empty, &frame{f.scope.below(), f.out})
	}
	for i := range items {
		if err := r.spend(5); err != nil {
			return err
		}
		inner := f.scope.below()
		if err := assign(inner, l.targets, items[i]); err != nil {
			return err
		}
		inner.vars["loop"] = &progress{items, i}
		err := r.body(l.body, &frame{inner, f.out})
		switch {
		case errors.Is(err, errBreak):
			return nil
		case err != nil && !errors.Is(err, errContinue):
			return err
		}
	}
	return nil
}

// chosen returns the items that the loop goes through.
func (r *run) chosen(l *loop, s *scope) ([]any, error) {
	of, err := r.eval(s, l.of)
	if err != nil {
		return nil, err
	}
	items, err := sequence(of)
	if err != nil {
		return nil, placed(l.of, fmt.Errorf("a loop cannot go through it: %w", err))
	}
	if err := r.items(len(items)); err != nil || l.only == nil {
		return items, err
	}
	var chosen []any
	for _, item := range items {
		inner := s.below()
		if err := assign(inner, l.targets, item); err != nil {
			return nil, err
		}
		yes, err := r.eval(inner, l.only)
		if err != nil {
			return nil, err
		}
		if truth(yes) {
			chosen = append(chosen, item)
		}
	}
	return chosen, nil
}

// assign binds v to targets; several take a list apart.
func assign(s *scope, targets []string, v any) error {
	if len(targets) == 1 {
		s.vars[targets[0]] = v
		return nil
	}
	parts, ok := items(v)
	if !ok || len(parts) != len(targets) {
		h := ""
		if _, isText := v.(string); isText {
			h = "go through the pairs of a map with .items()"
		}
		return hint(h, "%s cannot be taken apart into %s", shape(v), strings.Join(targets, ", "))
	}
	for i, target := range targets {
		s.vars[target] = parts[i]
	}
	return nil
}

func (r *run) set(n *set, f *frame) error {
	var v any
	var err error
	if n.of == nil {
		v, err = r.captured(n.body, f.scope.below(), n.filters)
	} else {
		v, err = r.eval(f.scope, n.of)
	}
	if err != nil || n.field == "" {
		if err == nil {
			err = assign(f.scope, n.targets, v)
		}
		return err
	}
	target, _ := f.scope.lookup(n.targets[0])
	ns, ok := target.(*namespace)
	if !ok {
		return hint("make it with {% set "+n.targets[0]+" = namespace() %}", "%s is not a namespace, so it keeps its values", n.targets[0])
	}
	ns.vars[n.field] = v
	return nil
}

// captured renders body into a text and sends it through filters.
func (r *run) captured(body []stmt, s *scope, filters []filter) (any, error) {
	var out strings.Builder
	if err := r.body(body, &frame{s, &output{&out}}); err != nil {
		return nil, err
	}
	var v any = out.String()
	for i := range filters {
		n := &filters[i]
		var err error
		if v, err = r.pipe(s, n, r.lib.filters[n.name], v); err != nil {
			return nil, placed(n, err)
		}
	}
	return v, nil
}

func (r *run) with(n *with, f *frame) error {
	values, err := r.all(f.scope, n.values)
	if err != nil {
		return err
	}
	inner := f.scope.below()
	for i, name := range n.names {
		inner.vars[name] = values[i]
	}
	return r.body(n.body, &frame{inner, f.out})
}

func (r *run) filterBlock(n *filterBlock, f *frame) error {
	v, err := r.captured(n.body, f.scope.below(), n.filters)
	if err != nil {
		return err
	}
	text, err := r.str(v)
	if err != nil {
		return err
	}
	return r.write(f.out, text)
}
