package jinja

import (
	"fmt"
	"slices"
)

// bound computes the arguments of a call; lax ones may be undefined.
func (r *run) bound(s *scope, a arguments, lax bool) (*invocation, error) {
	c := &invocation{run: r, named: map[string]any{}}
	for i, e := range a.list {
		v, err := r.lax(s, e)
		if u, ok := v.(*undefined); ok && !lax && err == nil {
			v, err = u.plain()
		}
		if err != nil {
			return nil, err
		}
		if first := len(a.list) - len(a.names); i >= first {
			c.named[a.names[i-first]] = v
		} else {
			c.list = append(c.list, v)
		}
	}
	c.names = slices.Clone(a.names)
	return c, nil
}

func (r *run) call(s *scope, n *call) (any, error) {
	c, err := r.bound(s, n.args, false)
	if err != nil {
		return nil, err
	}
	if i, ok := n.of.(*item); ok && i.dotted {
		return r.method(s, i, c)
	}
	of, err := r.eval(s, n.of)
	if err != nil {
		return nil, err
	}
	f, ok := of.(*function)
	if !ok {
		return nil, fmt.Errorf("%s is not a function", shape(of))
	}
	return r.invoke(f, c)
}

func (r *run) invoke(f *function, c *invocation) (any, error) {
	c.what = f.name
	return f.run(c)
}

// method calls of.key(...): a method, or what a map or namespace holds there.
func (r *run) method(s *scope, n *item, c *invocation) (any, error) {
	of, err := r.eval(s, n.of)
	if err != nil {
		return nil, err
	}
	key, _ := n.key.(*literal).value.(string)
	held, err := r.get(n, of, key)
	if f, ok := held.(*function); ok && err == nil {
		return r.invoke(f, c)
	}
	f, ok := r.lib.method(of, key)
	if !ok {
		return nil, r.lib.noMethod(n.key.place(), of, key)
	}
	c.what, c.in = key, of
	return f.call(c)
}

func (r *run) filter(s *scope, n *filter) (any, error) {
	f := r.lib.filters[n.name]
	in, err := r.lax(s, n.of)
	if err != nil {
		return nil, err
	}
	return r.pipe(s, n, f, in)
}

// pipe sends in through a filter.
func (r *run) pipe(s *scope, n *filter, f routine, in any) (any, error) {
	if u, ok := in.(*undefined); ok && !f.lax {
		return nil, u.err
	}
	c, err := r.bound(s, n.args, f.lax)
	if err != nil {
		return nil, err
	}
	c.what, c.in = n.name, in
	v, err := f.call(c)
	if err != nil {
		return nil, placed(n, fmt.Errorf("%s: %w", n.name, err))
	}
	if u, ok := v.(*undefined); ok && u.err.Line == 0 {
		return &undefined{err: n.place().fail("", "%s: %s", n.name, u.err.Msg)}, nil
	}
	return v, nil
}

func (r *run) test(s *scope, n *test) (any, error) {
	t := r.lib.tests[n.name]
	in, err := r.lax(s, n.of)
	if err != nil {
		return nil, err
	}
	if u, ok := in.(*undefined); ok && !t.lax {
		return nil, u.err
	}
	c, err := r.bound(s, n.args, false)
	if err != nil {
		return nil, err
	}
	c.what, c.in = n.name, in
	v, err := t.call(c)
	if err != nil {
		return nil, placed(n, fmt.Errorf("is %s: %w", n.name, err))
	}
	return truth(v) != n.not, nil
}
