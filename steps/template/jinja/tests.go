package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// tests are what stands behind `is`.
func tests() map[string]routine {
	t := map[string]routine{
		"defined":   {lax: true, run: func(c *invocation) (any, error) { _, missing := c.in.(*undefined); return !missing, nil }},
		"undefined": {lax: true, run: func(c *invocation) (any, error) { _, missing := c.in.(*undefined); return missing, nil }},
		"none":      shaped("none"), "string": shaped("a text"), "mapping": shaped("a map"), "boolean": shaped("a truth value"),
		"number": shaped("a number"), "callable": shaped("a function"),
		"sequence": shaped("a list", "a text", "a map"), "iterable": shaped("a list", "a text", "a map"),
		"integer":     {run: func(c *invocation) (any, error) { _, ok := c.in.(int); return ok, nil }},
		"float":       {run: func(c *invocation) (any, error) { _, ok := c.in.(float64); return ok, nil }},
		"true":        {run: func(c *invocation) (any, error) { return c.in == true, nil }},
		"false":       {run: func(c *invocation) (any, error) { return c.in == false, nil }},
		"truthy":      {run: func(c *invocation) (any, error) { return truth(c.in), nil }},
		"falsy":       {run: func(c *invocation) (any, error) { return !truth(c.in), nil }},
		"even":        divided(func(n, _ int) bool { return n%2 == 0 }, ""),
		"odd":         divided(func(n, _ int) bool { return n%2 != 0 }, ""),
		"divisibleby": divided(func(n, by int) bool { return by != 0 && n%by == 0 }, "num"),
		"lower":       {run: func(c *invocation) (any, error) { s, err := c.inText(); return s == strings.ToLower(s), err }},
		"upper":       {run: func(c *invocation) (any, error) { s, err := c.inText(); return s == strings.ToUpper(s), err }},
		"match":       {params: "pattern | ignorecase multiline", run: matches(`^(?:`, `)`)},
		"search":      {params: "pattern | ignorecase multiline", run: matches("", "")},
		"regex":       {params: "pattern | ignorecase multiline", run: matches("", "")},
		"contains":    {params: "value", run: func(c *invocation) (any, error) { return c.holds("in", c.named["value"], c.in) }},
		"subset":      {params: "of", run: func(c *invocation) (any, error) { return c.within(c.in, c.named["of"]) }},
		"superset":    {params: "of", run: func(c *invocation) (any, error) { return c.within(c.named["of"], c.in) }},
		"version":     {params: "version | operator", run: version},
	}
	t["issubset"], t["issuperset"] = t["subset"], t["superset"]
	for op, names := range map[string]string{
		"==": "== eq equalto", "!=": "ne", "<": "lt lessthan", "<=": "le", ">": "gt greaterthan", ">=": "ge", "in": "in",
	} {
		for _, name := range strings.Fields(names) {
			t[name] = routine{params: "other", run: func(c *invocation) (any, error) { return c.holds(op, c.in, c.named["other"]) }}
		}
	}
	return t
}

func shaped(shapes ...string) routine {
	return routine{run: func(c *invocation) (any, error) { return contained(shapes, shape(c.in)), nil }}
}

func divided(f func(n, by int) bool, param string) routine {
	return routine{params: param, run: func(c *invocation) (any, error) {
		n, ok := c.in.(int)
		if !ok {
			return nil, fmt.Errorf("it takes a whole number, but this is %s", shape(c.in))
		}
		by, err := c.whole("num", 0)
		return f(n, by), err
	}}
}

func matches(before, after string) func(c *invocation) (any, error) {
	return func(c *invocation) (any, error) {
		s, err := c.inText()
		if err != nil {
			return nil, err
		}
		if before != "" {
			text, err := c.word("pattern", "")
			if err != nil {
				return nil, err
			}
			c.named["pattern"] = text + after
		}
		re, err := c.pattern(before, s)
		if err != nil {
			return nil, err
		}
		return re.MatchString(s), nil
	}
}

// within reports whether b holds all of a.
func (c *invocation) within(a, b any) (bool, error) {
	items, err := sequence(a)
	if err != nil {
		return false, err
	}
	for _, item := range items {
		if in, err := c.holds("in", item, b); err != nil || !in {
			return false, err
		}
	}
	return true, nil
}

// version compares as Ansible does: 8.0 stands before 8.0.0, and a number beside
// a word has no order.
func version(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	other, err := c.str(c.named["version"])
	if err != nil {
		return nil, err
	}
	op, err := c.word("operator", "==")
	if err != nil {
		return nil, err
	}
	a, err := versionParts(s)
	if err != nil {
		return nil, err
	}
	b, err := versionParts(other)
	if err != nil {
		return nil, err
	}
	words := map[string]string{"eq": "==", "=": "==", "ne": "!=", "<>": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
	if w, ok := words[op]; ok {
		op = w
	}
	if !contained([]string{"==", "!=", "<", "<=", ">", ">="}, op) {
		return nil, errors.New("the operator must be one of == != < <= > >=")
	}
	return c.holds(op, a, b)
}

// versionPart is a run of digits or of small letters.
var versionPart = regexp.MustCompile(`[0-9]+|[a-z]+`)

// versionParts takes a version apart as Python's LooseVersion does.
func versionParts(s string) ([]any, error) {
	var parts []any
	add := func(other string) {
		for _, word := range strings.Split(other, ".") {
			if word != "" {
				parts = append(parts, word)
			}
		}
	}
	last := 0
	for _, at := range versionPart.FindAllStringIndex(s, maxItems) {
		add(s[last:at[0]])
		last = at[1]
		word := s[at[0]:at[1]]
		n, err := strconv.Atoi(word)
		switch {
		case err == nil:
			parts = append(parts, n)
		case word[0] <= '9':
			return nil, errors.New("a number of the version is too big")
		default:
			parts = append(parts, word)
		}
	}
	add(s[last:])
	return parts, nil
}
