package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// chooseFilters decide between values, or which items of a list stay.
func chooseFilters() map[string]routine {
	fallback := routine{params: "| default_value boolean", lax: true, run: defaulted}
	return map[string]routine{
		"default": fallback, "d": fallback,
		"mandatory": {params: "| msg", lax: true, run: mandatory},
		"ternary":   {params: "true_val false_val | none_val", run: ternary},
		"bool":      {run: boolean},
		"map":       {params: "* **", run: mapped},
		"select":    {params: "* **", run: choose(false, true)}, "reject": {params: "* **", run: choose(false, false)},
		"selectattr": {params: "* **", run: choose(true, true)}, "rejectattr": {params: "* **", run: choose(true, false)},
	}
}

// defaulted is the input, or where that is undefined the first argument; with
// boolean set, also where it is not true.
func defaulted(c *invocation) (any, error) {
	_, missing := c.in.(*undefined)
	if !missing && (truth(c.in) || !truth(c.named["boolean"])) {
		return c.in, nil
	}
	if v, ok := c.named["default_value"]; ok {
		return v, nil
	}
	return "", nil
}

func mandatory(c *invocation) (any, error) {
	if u, missing := c.in.(*undefined); missing {
		return nil, u.err // and not msg, which might be made of secrets
	}
	return c.in, nil
}

func ternary(c *invocation) (any, error) {
	switch {
	case c.in == nil && c.has("none_val"):
		return c.named["none_val"], nil
	case truth(c.in):
		return c.named["true_val"], nil
	}
	return c.named["false_val"], nil
}

// boolean takes yes, on, 1 and true for true and all else for false.
func boolean(c *invocation) (any, error) {
	switch x := c.in.(type) {
	case nil, bool:
		return x, nil
	case string:
		return slices.Contains([]string{"yes", "on", "1", "true"}, strings.ToLower(x)), nil
	}
	n, ok := number(c.in)
	return ok && n == 1, nil
}

// mapped is map('filter', ...) or map(attribute='a.b').
func mapped(c *invocation) (any, error) {
	list, err := c.inList()
	if err != nil {
		return nil, err
	}
	apply, err := c.mapping()
	if err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	for i, item := range list {
		if err := c.spend(1); err != nil {
			return nil, err
		}
		if out[i], err = apply(item); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *invocation) mapping() (func(item any) (any, error), error) {
	if len(c.list) == 0 {
		key, ok := c.named["attribute"]
		if !ok {
			return nil, errors.New("it takes the name of a filter, or attribute='key'")
		}
		return func(item any) (any, error) {
			v, ok := pick(item, fmt.Sprint(key))
			if def, has := c.named["default"]; !ok && has {
				return def, nil
			}
			if !ok {
				return nil, hint("map(attribute=..., default=...) fills gaps", "an item lacks the attribute")
			}
			return v, nil
		}, nil
	}
	name, ok := c.list[0].(string)
	f, known := c.lib.filters[strings.TrimPrefix(name, builtin)]
	if !ok || !known {
		return nil, c.unknown(c.list[0], "filter", c.lib.filters)
	}
	return func(item any) (any, error) { return f.call(c.again(name, item, c.list[1:])) }, nil
}

// again is the invocation of another routine with the arguments of this one.
func (c *invocation) again(what string, in any, list []any) *invocation {
	named := map[string]any{}
	for key, v := range c.named {
		named[key] = v
	}
	return &invocation{run: c.run, what: what, in: in, list: slices.Clone(list), named: named, names: c.names}
}

func (c *invocation) unknown(name any, what string, known map[string]routine) error {
	s, ok := name.(string)
	if !ok {
		return fmt.Errorf("the name of a %s must be a text, but this is %s", what, shape(name))
	}
	if why := refusals()[s]; why != "" {
		return hint(why, "there is no %s by the name it is given", what)
	}
	var names []string
	for n := range known {
		names = append(names, n)
	}
	return hint(didYouMean(s, names), "there is no %s by the name it is given", what)
}

// choose keeps the items for which a test gives want; of is whether the test
// looks at an attribute of the item.
func choose(attr, want bool) func(c *invocation) (any, error) {
	return func(c *invocation) (any, error) {
		list, err := c.inList()
		if err != nil {
			return nil, err
		}
		holds, err := c.chooser(attr)
		if err != nil {
			return nil, err
		}
		var kept []any
		for _, item := range list {
			if err := c.spend(1); err != nil {
				return nil, err
			}
			yes, err := holds(item)
			if err != nil {
				return nil, err
			}
			if yes == want {
				kept = append(kept, item)
			}
		}
		return c.listed(kept)
	}
}

func (c *invocation) chooser(attr bool) (func(item any) (bool, error), error) {
	args := c.list
	key := ""
	if attr {
		var ok bool
		if len(args) > 0 {
			key, ok = args[0].(string)
		}
		if !ok {
			return nil, errors.New("it takes the name of an attribute")
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return func(item any) (bool, error) { v, _ := part(item, key); return truth(v), nil }, nil
	}
	name, ok := args[0].(string)
	t, known := c.lib.tests[strings.TrimPrefix(name, builtin)]
	if !ok || !known {
		return nil, c.unknown(args[0], "test", c.lib.tests)
	}
	return func(item any) (bool, error) {
		v, there := part(item, key)
		if !there {
			u := &undefined{err: (pos{}).fail("", "an item lacks the attribute")}
			if v = u; !t.lax {
				return false, errors.New("an item lacks the attribute")
			}
		}
		got, err := t.call(c.again(name, v, args[1:]))
		return truth(got), err
	}, nil
}

// part is what key picks out of v, or v itself without a key.
func part(v any, key string) (any, bool) {
	if key == "" {
		return v, true
	}
	return pick(v, key)
}
