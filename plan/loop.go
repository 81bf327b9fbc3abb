package plan

import (
	"fmt"

	"lockstep/internal/source"
)

// loop compiles a step once for each element of a list.
func (c *compiler) loop(item source.Value, at spot) {
	rest := item
	rest.Fields = nil
	name, list := "item", source.Value{}
	for _, f := range item.Fields {
		switch f.Key {
		case "loop":
			list = f.Value
		case "loop_var":
			name = f.Value.Text
			if !identifier.MatchString(name) || c.taken(name) {
				c.fail(f.Value.Errorf("choose another name", "%q cannot be the name of a loop's variable", name))
				return
			}
		default:
			rest.Fields = append(rest.Fields, f)
		}
	}
	if _, nested := item.Get("steps"); nested {
		c.fail(item.Errorf("put the steps into a file, and loop over `include`", "a group of steps has no loop"))
		return
	}
	n, late, ok := c.elements(list, at)
	switch {
	case !ok:
	case late != nil:
		c.unfold(rest, at, late, name)
	case n == 0:
		c.unused(rest, at, list, name)
	default:
		for i := range n {
			c.element(rest, at, list, name, i)
		}
	}
}

// unused checks the step of a loop over an empty list, which is in the plan for
// the day when there is something in it. What it registers has no result. One
// that needs its element before the run cannot be checked without one.
func (c *compiler) unused(item source.Value, at spot, list source.Value, name string) {
	for _, key := range []string{"include", "pause", "delegate_to", "become_user"} {
		if f, ok := item.Get(key); ok && (templated(f.Value) || key == "include" || key == "pause") {
			return
		}
	}
	var nowhere []*Task
	at.into, at.idle = &nowhere, true
	c.unfold(item, at, &series{list: list, layer: at.layer}, name)
}

// element compiles the step of one element. Where the list is an expression,
// each host takes the element of its own, as far as it has one.
func (c *compiler) element(item source.Value, at spot, list source.Value, name string, i int) {
	var value source.Value
	if list.Shape == source.List {
		value = list.Items[i]
	} else {
		parts, _ := split(list.Text)
		value = list.WithScalar(fmt.Sprintf("{{ (%s)[%d] }}", parts[0].text, i))
		at = given(at, list.WithScalar(fmt.Sprintf("len(%s) > %d", parts[0].text, i)))
	}
	at.layer = &layer{parent: at.layer, vars: map[string]source.Value{name: value}}
	at.loop = &element{n: i + 1, name: name}
	c.item(item, at)
}

// elements counts the elements of a loop's list: of the longest one, where
// hosts differ. A list that only a run knows has no number.
func (c *compiler) elements(list source.Value, at spot) (n int, late *series, ok bool) {
	if list.Shape == source.List {
		return len(list.Items), nil, true
	}
	parts, err := split(list.Text)
	if text, isText := list.Any.(string); !isText || err != nil || len(parts) != 1 || !parts[0].isExpr {
		c.fail(list.Errorf(`write a list, or one expression: loop: "{{ users }}"`, "loop must be a list, but this is %s", describe(list, text)))
		return 0, nil, false
	}
	c.usedFacts = false
	n, wait, err := c.length(c.common, list, at)
	switch {
	case err == nil && wait == nil:
		return n, nil, true
	case err == nil:
		return 0, &series{list: list, layer: at.layer, rests: wait.names, facts: c.usedFacts}, true
	case !isVaries(err):
		c.fail(err)
		return 0, nil, false
	}
	return c.longest(list, at)
}

// longest is elements where hosts differ.
func (c *compiler) longest(list source.Value, at spot) (most int, late *series, ok bool) {
	ok = true
	for _, base := range c.scopes {
		n, wait, err := c.length(base, list, at)
		if err != nil {
			c.failOn(base.host, err)
			ok = false
		}
		if wait != nil {
			late = &series{list: list, layer: at.layer, rests: wait.names, varies: true}
		}
		most = max(most, n)
	}
	if late != nil {
		late.facts = c.usedFacts
	}
	return most, late, ok
}

func describe(v source.Value, text string) string {
	if v.Shape == source.Scalar {
		return fmt.Sprintf("%q", text+map[bool]string{true: v.Text}[text == ""])
	}
	return v.Shape.String()
}

// length is how many elements the list has as base sees it, or what it waits
// for that only a run knows.
func (c *compiler) length(base *scope, list source.Value, at spot) (int, *laterError, error) {
	v, err := at.layer.scope(base).resolve(list)
	switch late, ok := err.(*laterError); {
	case ok && late.sealed:
		return 0, nil, list.Errorf("loop over what is no secret, such as names", "the list of a loop is needed before the run: %v", err)
	case ok:
		return 0, late, nil
	case err != nil:
		return 0, nil, err
	}
	return len(v.Items), nil, mustList(list, v)
}

// mustList refuses a loop over what is no list.
func mustList(list, v source.Value) error {
	if v.Shape == source.List {
		return nil
	}
	hint := ""
	switch v.Shape {
	case source.Null:
		hint = "where there may be none, write default(..., [])"
	case source.Map:
		hint = "toPairs(m) makes a list of [key, value] of a map, keys(m) one of its keys"
	}
	return list.Errorf(hint, "loop must be a list, but %s gives %s", list.Text, v.Shape)
}
