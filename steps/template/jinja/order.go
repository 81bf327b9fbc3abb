package jinja

import (
	"slices"
	"strings"
)

// weight counts all that is in list and returns what comparing one item costs.
func (c *invocation) weight(list []any) (int, error) {
	before := c.work
	err := c.walk(list)
	return 1 + (c.work-before)/max(1, len(list)), err
}

// keyed is each item's part by the argument attribute, in small letters unless
// case_sensitive is set, and what comparing one costs.
func (c *invocation) keyed(list []any) ([]any, int, error) {
	weight, err := c.weight(list)
	if err != nil {
		return nil, 0, err
	}
	keys := make([]any, len(list))
	for i, item := range list {
		v, err := c.part(item, "attribute")
		if err != nil {
			return nil, 0, err
		}
		if s, ok := v.(string); ok && !c.flag("case_sensitive", false) {
			v = strings.ToLower(s)
		}
		keys[i] = v
	}
	return keys, weight, nil
}

func sortList(c *invocation) (any, error) {
	list, err := c.inList()
	if err != nil {
		return nil, err
	}
	keys, weight, err := c.keyed(list)
	if err != nil {
		return nil, err
	}
	at := make([]int, len(list))
	for i := range at {
		at[i] = i
	}
	back := c.flag("reverse", false)
	slices.SortStableFunc(at, func(i, j int) int {
		if err == nil {
			err = c.spend(weight)
		}
		if err != nil {
			return 0
		}
		n, e := order(keys[i], keys[j])
		if err = e; back {
			return -n
		}
		return n
	})
	out := make([]any, len(list))
	for i, from := range at {
		out[i] = list[from]
	}
	return out, err
}

func unique(c *invocation) (any, error) {
	list, err := c.inList()
	if err != nil {
		return nil, err
	}
	keys, weight, err := c.keyed(list)
	if err != nil {
		return nil, err
	}
	var kept, seen []any
	for i, key := range keys {
		if err := c.spend(weight * (1 + len(seen))); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(seen, func(v any) bool { return equal(v, key) }) {
			kept, seen = append(kept, list[i]), append(seen, key)
		}
	}
	return c.listed(kept)
}

// extreme is the least item (-1) or the greatest (1).
func extreme(sign int) func(c *invocation) (any, error) {
	return func(c *invocation) (any, error) {
		list, err := c.inList()
		if err != nil {
			return nil, err
		}
		keys, _, err := c.keyed(list)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return c.end(0)
		}
		best := 0
		for i := range keys {
			n, err := order(keys[i], keys[best])
			if err != nil {
				return nil, err
			}
			if n*sign > 0 {
				best = i
			}
		}
		return list[best], nil
	}
}
