package jinja

import (
	"errors"
	"fmt"
	"strconv"
)

// run is one rendering.
type run struct {
	budget
	lib   *library
	known map[string]any
	calls int
}

// scope holds the variables of a block; what it lacks is looked up above.
type scope struct {
	vars map[string]any
	up   *scope
}

func (s *scope) lookup(id string) (any, bool) {
	for ; s != nil; s = s.up {
		if v, ok := s.vars[id]; ok {
			return v, true
		}
	}
	return nil, false
}

func (s *scope) below() *scope { return &scope{map[string]any{}, s} }

// frame is where a statement runs.
type frame struct {
	scope *scope
	out   *output
}

// placed gives err the place of n, unless it has one.
func placed(n interface{ place() pos }, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) || errors.Is(err, errBreak) || errors.Is(err, errContinue) {
		return err
	}
	e := n.place().fail("", "%v", err)
	e.Err = err
	var h *hinted
	if errors.As(err, &h) {
		e.Hint = h.hint
	}
	return e
}

// hinted is an error with a hint, before it has a place.
type hinted struct{ msg, hint string }

func (h *hinted) Error() string { return h.msg }

func hint(hint, format string, args ...any) error {
	return &hinted{fmt.Sprintf(format, args...), hint}
}

// eval computes e; an undefined result is an error.
func (r *run) eval(s *scope, e expr) (any, error) {
	v, err := r.lax(s, e)
	if u, ok := v.(*undefined); ok && err == nil {
		return u.plain()
	}
	return v, err
}

// plain is what use as a value makes of u.
func (u *undefined) plain() (any, error) {
	if u.blank {
		return "", nil
	}
	return nil, u.err
}

// lax computes e, which may be undefined.
func (r *run) lax(s *scope, e expr) (any, error) {
	if err := r.spend(1); err != nil {
		return nil, placed(e, err)
	}
	v, err := r.compute(s, e)
	return v, placed(e, err)
}

func (r *run) compute(s *scope, e expr) (any, error) {
	switch x := e.(type) {
	case *literal:
		return x.value, nil
	case *name:
		return r.name(s, x)
	case *list:
		return r.list(s, x)
	case *dict:
		return r.dict(s, x)
	case *item:
		return r.item(s, x)
	case *slice:
		return r.slice(s, x)
	case *call:
		return r.call(s, x)
	case *filter:
		return r.filter(s, x)
	case *test:
		return r.test(s, x)
	case *unary:
		return r.unary(s, x)
	case *binary:
		return r.binary(s, x)
	case *compare:
		return r.compare(s, x)
	case *choice:
		return r.choice(s, x)
	}
	return nil, fmt.Errorf("internal error: no expression %T", e)
}

func (r *run) name(s *scope, n *name) (any, error) {
	if v, ok := s.lookup(n.id); ok {
		return v, nil
	}
	if f, ok := r.lib.globals[n.id]; ok {
		return &function{n.id, f}, nil
	}
	return &undefined{err: r.lib.noName(n, sorted(r.known))}, nil
}

func (r *run) list(s *scope, l *list) (any, error) {
	values, err := r.all(s, l.items)
	if err == nil && l.tuple {
		return tuple(values), nil
	}
	return values, err
}

// all computes several expressions, none of them undefined.
func (r *run) all(s *scope, list []expr) ([]any, error) {
	if err := r.items(len(list)); err != nil {
		return nil, err
	}
	values := make([]any, len(list))
	for i, e := range list {
		var err error
		if values[i], err = r.eval(s, e); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (r *run) dict(s *scope, d *dict) (any, error) {
	values, err := r.all(s, d.values)
	if err != nil {
		return nil, err
	}
	m := make(map[string]any, len(values))
	for i, e := range d.keys {
		v, err := r.eval(s, e)
		if err != nil {
			return nil, err
		}
		key, ok := v.(string)
		if !ok {
			return nil, e.place().fail("write it in quotes", "a key must be a text, but this is %s", shape(v))
		}
		m[key] = values[i]
	}
	return m, nil
}

func (r *run) item(s *scope, n *item) (any, error) {
	of, err := r.lax(s, n.of)
	if err != nil {
		return nil, err
	}
	if u, ok := of.(*undefined); ok {
		return u, nil // as in Ansible: what is in something undefined is undefined
	}
	key, err := r.eval(s, n.key)
	if err != nil {
		return nil, err
	}
	return r.get(n, of, key)
}

func (r *run) get(n *item, of, key any) (any, error) {
	switch x := of.(type) {
	case map[string]any:
		if k, ok := key.(string); ok {
			if err := r.spend(len(k) / 64); err != nil {
				return nil, err
			}
			if v, ok := x[k]; ok {
				return v, nil
			}
			return n.lacks(of, k, sorted(x)), nil
		}
	case *progress:
		if k, ok := key.(string); ok {
			if v, ok := x.get(k); ok {
				return v, nil
			}
			return n.lacks(of, k, x.keys()), nil
		}
	case *namespace:
		if k, ok := key.(string); ok {
			if v, ok := x.vars[k]; ok {
				return v, nil
			}
			return n.lacks(of, k, sorted(x.vars)), nil
		}
	case tuple:
		return r.get(n, []any(x), key)
	case []any:
		if i, ok := key.(int); ok {
			if at := index(i, len(x)); at >= 0 {
				return x[at], nil
			}
			return &undefined{err: n.key.place().fail("", "the list has only %d items", len(x))}, nil
		}
	case string:
		if i, ok := key.(int); ok && !n.dotted {
			chars := []rune(x)
			if at := index(i, len(chars)); at >= 0 {
				return string(chars[at]), r.text(len(x))
			}
		}
	}
	if k, ok := key.(string); ok {
		return n.lacks(of, k, nil), nil
	}
	return &undefined{err: n.key.place().fail("", "%s has no items to pick by %s", shape(of), shape(key))}, nil
}

// lacks is what a missing key gives. A key that was computed is not named: it
// may be made of secrets.
func (n *item) lacks(of any, key string, known []string) *undefined {
	what := "such key"
	if _, written := n.key.(*literal); written {
		what = strconv.Quote(key)
	}
	return &undefined{err: n.key.place().fail(didYouMean(key, known), "%s has no %s", shape(of), what)}
}

// index counts from the end when i is below zero; -1 is outside.
func index(i, n int) int {
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return -1
	}
	return i
}

func (r *run) choice(s *scope, c *choice) (any, error) {
	yes, err := r.eval(s, c.test)
	switch {
	case err != nil:
		return nil, err
	case truth(yes):
		return r.lax(s, c.yes)
	case c.no == nil:
		return &undefined{err: c.fail("", "the condition does not hold, and there is no else"), blank: true}, nil
	}
	return r.lax(s, c.no)
}
