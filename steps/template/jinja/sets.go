package jinja

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// setFilters take lists for sets, and put maps together and apart.
func setFilters() map[string]routine {
	return map[string]routine{
		"union":                {params: "other", run: sets(func(a, b bool) bool { return a || b })},
		"intersect":            {params: "other", run: sets(func(a, b bool) bool { return a && b })},
		"difference":           {params: "other", run: sets(func(a, b bool) bool { return a && !b })},
		"symmetric_difference": {params: "other", run: sets(func(a, b bool) bool { return a != b })},
		"combine":              {params: "* recursive", run: combine},
		"items":                {run: pairs},
		"dictsort":             {params: "| case_sensitive by reverse", run: dictsort},
		"dict2items":           {params: "| key_name value_name", run: dict2items},
		"items2dict":           {params: "| key_name value_name", run: items2dict},
	}
}

// sets keeps each value that keep wants by whether it is in the one list and
// in the other, in the order in which they come first.
func sets(keep func(a, b bool) bool) func(c *invocation) (any, error) {
	return func(c *invocation) (any, error) {
		a, err := c.inList()
		if err != nil {
			return nil, err
		}
		b, err := sequence(c.named["other"])
		if err != nil {
			return nil, err
		}
		all := slices.Concat(a, b)
		weight, err := c.weight(all)
		if err != nil {
			return nil, err
		}
		var out []any
		for _, v := range all {
			if err := c.spend(weight * (1 + len(all))); err != nil {
				return nil, err
			}
			same := func(item any) bool { return equal(item, v) }
			if !slices.ContainsFunc(out, same) && keep(slices.ContainsFunc(a, same), slices.ContainsFunc(b, same)) {
				out = append(out, v)
			}
		}
		return c.listed(out)
	}
}

func combine(c *invocation) (any, error) {
	out := map[string]any{}
	for _, v := range slices.Concat([]any{c.in}, c.list) {
		more := []any{v}
		if list, ok := items(v); ok {
			more = list
		}
		for _, v := range more {
			m, ok := v.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("it takes maps, but this is %s", shape(v))
			}
			if err := c.walk(m); err != nil {
				return nil, err
			}
			out = merged(out, m, c.flag("recursive", false))
		}
	}
	return out, c.items(len(out))
}

// merged is a new map with what b holds over what a does.
func merged(a, b map[string]any, recursive bool) map[string]any {
	out := maps.Clone(a)
	for key, v := range b {
		inner, ok := v.(map[string]any)
		old, also := out[key].(map[string]any)
		if recursive && ok && also {
			out[key] = merged(old, inner, true)
		} else {
			out[key] = v
		}
	}
	return out
}

func dictsort(c *invocation) (any, error) {
	m, err := c.inMap()
	if err != nil {
		return nil, err
	}
	by, err := c.word("by", "key")
	if err != nil {
		return nil, err
	}
	at := map[string]int{"key": 0, "value": 1}
	n, ok := at[by]
	if !ok {
		return nil, fmt.Errorf("by must be key or value")
	}
	list := make([]any, 0, len(m))
	for _, key := range sorted(m) {
		list = append(list, tuple{key, m[key]})
	}
	again := c.again("sort", list, nil)
	again.named["attribute"] = n
	return sortList(again)
}

func (c *invocation) pairNames() (key, value string, err error) {
	if key, err = c.word("key_name", "key"); err != nil {
		return "", "", err
	}
	value, err = c.word("value_name", "value")
	return key, value, err
}

func dict2items(c *invocation) (any, error) {
	m, err := c.inMap()
	if err != nil {
		return nil, err
	}
	key, value, err := c.pairNames()
	if err != nil {
		return nil, err
	}
	var list []any
	for _, k := range sorted(m) {
		list = append(list, map[string]any{key: k, value: m[k]})
	}
	return c.listed(list)
}

func items2dict(c *invocation) (any, error) {
	list, err := c.inList()
	if err != nil {
		return nil, err
	}
	key, value, err := c.pairNames()
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, item := range list {
		m, ok := item.(map[string]any)
		k, isText := m[key].(string)
		v, has := m[value]
		if !ok || !isText || !has {
			return nil, fmt.Errorf("each item must be a map with %s", strings.Join([]string{key, value}, " and "))
		}
		out[k] = v
	}
	return out, nil
}
