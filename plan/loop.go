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
	n, ok := c.elements(list, at)
	if !ok {
		return
	}
	for i := range n {
		c.element(rest, at, list, name, i)
	}
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
	at.loop = &element{i + 1, name}
	c.item(item, at)
}

// elements counts the elements of a loop's list: of the longest one, where
// hosts differ.
func (c *compiler) elements(list source.Value, at spot) (int, bool) {
	if list.Shape == source.List {
		return len(list.Items), true
	}
	parts, err := split(list.Text)
	if text, isText := list.Any.(string); !isText || err != nil || len(parts) != 1 || !parts[0].isExpr {
		c.fail(list.Errorf(`write a list, or one expression: loop: "{{ users }}"`, "loop must be a list, but this is %s", describe(list, text)))
		return 0, false
	}
	n, err := c.length(c.common, list, at)
	if err == nil || !isVaries(err) {
		return n, !c.failed(err)
	}
	longest, good := 0, true
	for _, base := range c.scopes {
		n, err := c.length(base, list, at)
		if err != nil {
			c.failOn(base.host, err)
			good = false
		}
		longest = max(longest, n)
	}
	return longest, good
}

func describe(v source.Value, text string) string {
	if v.Shape == source.Scalar {
		return fmt.Sprintf("%q", text+map[bool]string{true: v.Text}[text == ""])
	}
	return v.Shape.String()
}

func (c *compiler) failed(err error) bool {
	c.fail(err)
	return err != nil
}

// length is how many elements the list has as base sees it.
func (c *compiler) length(base *scope, list source.Value, at spot) (int, error) {
	v, err := at.layer.scope(base).resolve(list)
	if isLater(err) {
		return 0, list.Errorf("loop over a list of the plan or the inventory", "the list of a loop is needed before the run: %v", err)
	}
	if err == nil && v.Shape != source.List {
		err = list.Errorf("", "loop must be a list, but %s gives %s", list.Text, v.Shape)
	}
	return len(v.Items), err
}
