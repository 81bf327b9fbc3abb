package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

func (r *run) compare(s *scope, c *compare) (any, error) {
	left, err := r.eval(s, c.first)
	if err != nil {
		return nil, err
	}
	for i, op := range c.ops {
		right, err := r.eval(s, c.rest[i])
		if err != nil {
			return nil, err
		}
		holds, err := r.holds(op, left, right)
		if err != nil || !holds {
			return false, err
		}
		left = right
	}
	return true, nil
}

// holds reports whether `a op b` does.
func (r *run) holds(op string, a, b any) (bool, error) {
	if err := r.walk(a); err != nil {
		return false, err
	}
	if err := r.walk(b); err != nil {
		return false, err
	}
	switch op {
	case "==":
		return equal(a, b), nil
	case "!=":
		return !equal(a, b), nil
	case "in":
		return contains(b, a)
	case "not in":
		in, err := contains(b, a)
		return !in, err
	}
	c, err := order(a, b)
	switch op {
	case "<":
		return c < 0, err
	case "<=":
		return c <= 0, err
	case ">":
		return c > 0, err
	default:
		return c >= 0, err
	}
}

func contains(in, v any) (bool, error) {
	switch x := in.(type) {
	case tuple:
		return contains([]any(x), v)
	case []any:
		return slices.ContainsFunc(x, func(item any) bool { return equal(item, v) }), nil
	case map[string]any:
		key, ok := v.(string)
		_, has := x[key]
		return ok && has, nil
	case string:
		if part, ok := v.(string); ok {
			return strings.Contains(x, part), nil
		}
	}
	return false, fmt.Errorf("%s cannot be searched for %s", shape(in), shape(v))
}

// slice is of[lo:hi:step] as Python takes it.
func (r *run) slice(s *scope, n *slice) (any, error) {
	of, err := r.eval(s, n.of)
	if err != nil {
		return nil, err
	}
	var bounds [3]*int
	for i, e := range []expr{n.lo, n.hi, n.step} {
		if e == nil {
			continue
		}
		v, err := r.eval(s, e)
		if err != nil {
			return nil, err
		}
		if whole, ok := v.(int); ok {
			bounds[i] = &whole
		} else if v != nil {
			return nil, e.place().fail("", "a bound must be a whole number, but this is %s", shape(v))
		}
	}
	if text, ok := of.(string); ok {
		return r.sliceText(text, bounds)
	}
	list, ok := items(of)
	if !ok {
		return nil, fmt.Errorf("%s cannot be cut", shape(of))
	}
	out, err := cut(list, bounds)
	if err != nil {
		return nil, err
	}
	if _, ok := of.(tuple); ok {
		return tuple(out), r.items(len(out))
	}
	return out, r.items(len(out))
}

func (r *run) sliceText(text string, bounds [3]*int) (any, error) {
	if err := r.text(len(text)); err != nil {
		return nil, err
	}
	chars, err := cut([]rune(text), bounds)
	return string(chars), err
}

func cut[T any](list []T, bounds [3]*int) ([]T, error) {
	n, step := len(list), 1
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		return nil, errors.New("the step cannot be 0")
	}
	lo, hi, least, most := 0, n, 0, n
	if step < 0 {
		lo, hi, least, most = n-1, -1, -1, n-1
	}
	clip := func(i int) int {
		if i < 0 {
			i += n
		}
		return min(max(i, least), most)
	}
	if bounds[0] != nil {
		lo = clip(*bounds[0])
	}
	if bounds[1] != nil {
		hi = clip(*bounds[1])
	}
	out := []T{}
	for i := lo; step > 0 && i < hi || step < 0 && i > hi; {
		out = append(out, list[i])
		if step > n || step < -n {
			break
		}
		i += step
	}
	return out, nil
}
