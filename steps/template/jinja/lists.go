package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// listFilters take a list and give a list, an item or a text.
func listFilters() map[string]routine {
	length := routine{run: func(c *invocation) (any, error) {
		if s, ok := c.in.(string); ok {
			return len([]rune(s)), c.text(len(s))
		}
		list, err := c.inList()
		return len(list), err
	}}
	return map[string]routine{
		"length": length, "count": length,
		"join":    {params: "| d attribute", run: join},
		"list":    {run: func(c *invocation) (any, error) { return c.inList() }},
		"first":   {run: func(c *invocation) (any, error) { return c.end(0) }},
		"last":    {run: func(c *invocation) (any, error) { return c.end(-1) }},
		"reverse": {run: reverse},
		"sort":    {params: "| reverse case_sensitive attribute", run: sortList},
		"unique":  {params: "| case_sensitive attribute", run: unique},
		"min":     {params: "| case_sensitive attribute", run: extreme(-1)},
		"max":     {params: "| case_sensitive attribute", run: extreme(1)},
		"sum":     {params: "| attribute start", run: sum},
		"batch":   {params: "linecount | fill_with", run: batch},
		"flatten": {params: "| levels", run: flatten},
		"zip":     {params: "*", run: zip},
	}
}

func join(c *invocation) (any, error) {
	list, err := c.inList()
	if err != nil {
		return nil, err
	}
	by, err := c.str(c.named["d"])
	if !c.has("d") || c.named["d"] == nil {
		by = ""
	}
	if err != nil {
		return nil, err
	}
	words := make([]string, len(list))
	size := 0
	for i, item := range list {
		if item, err = c.part(item, "attribute"); err != nil {
			return nil, err
		}
		if words[i], err = c.str(item); err != nil {
			return nil, err
		}
		size += len(words[i]) + len(by)
		if size-len(by) > maxText {
			return nil, c.text(-1)
		}
	}
	return c.made(strings.Join(words, by))
}

// part is what the argument called by picks out of v: a.b.0, or v itself.
func (c *invocation) part(v any, by string) (any, error) {
	switch key := c.named[by].(type) {
	case nil:
		return v, nil
	case string:
		got, ok := pick(v, key)
		if !ok {
			return nil, errors.New("an item lacks the attribute")
		}
		return got, nil
	case int:
		got, ok := pick(v, fmt.Sprint(key))
		if !ok {
			return nil, errors.New("an item lacks the attribute")
		}
		return got, nil
	}
	return nil, fmt.Errorf("%s must be a text", by)
}

func pick(v any, path string) (any, bool) {
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			got, ok := x[key]
			if !ok {
				return nil, false
			}
			v = got
		case []any, tuple:
			list, _ := items(x)
			i, err := strconv.Atoi(key)
			if err != nil || index(i, len(list)) < 0 {
				return nil, false
			}
			v = list[index(i, len(list))]
		default:
			return nil, false
		}
	}
	return v, true
}

// end is the item at i; an empty list has none, which `default` may fill.
func (c *invocation) end(i int) (any, error) {
	list, err := c.inList()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return &undefined{err: (pos{}).fail("", "the list is empty")}, nil
	}
	return list[index(i, len(list))], nil
}

func reverse(c *invocation) (any, error) {
	list, err := c.inList()
	if err != nil {
		return nil, err
	}
	list = slices.Clone(list)
	slices.Reverse(list)
	if s, ok := c.in.(string); ok {
		var b strings.Builder
		for _, r := range list {
			b.WriteString(r.(string))
		}
		return b.String(), c.text(len(s))
	}
	return list, nil
}

func sum(c *invocation) (any, error) {
	list, err := c.inList()
	if err != nil {
		return nil, err
	}
	total, ok := c.named["start"]
	if !ok {
		total = 0
	}
	for _, item := range list {
		if item, err = c.part(item, "attribute"); err != nil {
			return nil, err
		}
		if total, err = c.operate("+", total, item); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func batch(c *invocation) (any, error) {
	list, err := c.inList()
	if err != nil {
		return nil, err
	}
	n, err := c.whole("linecount", 0)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > maxItems {
		return nil, errors.New("linecount must be at least 1")
	}
	var rows []any
	for row := range slices.Chunk(list, n) {
		row = slices.Clone(row)
		for fill := c.named["fill_with"]; fill != nil && len(row) < n; {
			row = append(row, fill)
		}
		if err := c.items(len(row)); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return c.listed(rows)
}

func flatten(c *invocation) (any, error) {
	list, ok := items(c.in)
	if !ok {
		return nil, fmt.Errorf("it takes a list, but this is %s", shape(c.in))
	}
	levels, err := c.whole("levels", -1)
	if err != nil {
		return nil, err
	}
	if err := c.walk(list); err != nil {
		return nil, err
	}
	return c.listed(flat(list, levels))
}

func flat(list []any, levels int) []any {
	var out []any
	for _, item := range list {
		if inner, ok := items(item); ok && levels != 0 {
			out = append(out, flat(inner, levels-1)...)
		} else if item != nil {
			out = append(out, item)
		}
	}
	return out
}

func zip(c *invocation) (any, error) {
	lists := [][]any{}
	shortest := maxItems
	for _, v := range append([]any{c.in}, c.list...) {
		list, err := sequence(v)
		if err != nil {
			return nil, err
		}
		lists = append(lists, list)
		shortest = min(shortest, len(list))
	}
	rows := make([]any, shortest)
	for i := range rows {
		row := make(tuple, len(lists))
		for j := range lists {
			row[j] = lists[j][i]
		}
		if err := c.items(len(row)); err != nil {
			return nil, err
		}
		rows[i] = row
	}
	return c.listed(rows)
}
