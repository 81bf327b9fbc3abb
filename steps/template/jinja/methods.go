package jinja

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"
)

func textMethods() map[string]routine {
	m := map[string]routine{}
	filters := textFilters()
	for _, same := range []string{"upper", "lower", "capitalize", "replace", "center", "split"} {
		m[same] = filters[same]
	}
	is := func(f func(rune) bool) routine {
		return routine{run: func(c *invocation) (any, error) {
			s := c.in.(string)
			return s != "" && strings.IndexFunc(s, func(r rune) bool { return !f(r) }) < 0, c.spend(len(s) / 16)
		}}
	}
	m["title"] = routine{run: func(c *invocation) (any, error) { return c.made(title(c.in.(string))) }}
	m["strip"] = routine{params: "| chars", run: trim(strings.Trim, strings.TrimSpace)}
	m["lstrip"] = routine{params: "| chars", run: trim(strings.TrimLeft, func(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) })}
	m["rstrip"] = routine{params: "| chars", run: trim(strings.TrimRight, func(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) })}
	m["splitlines"] = routine{run: lines}
	m["join"] = routine{params: "of", run: func(c *invocation) (any, error) {
		return routine{params: "| d attribute", run: join}.call(&invocation{run: c.run, in: c.named["of"], list: []any{c.in}, named: map[string]any{}})
	}}
	m["startswith"] = routine{params: "part", run: about(strings.HasPrefix)}
	m["endswith"] = routine{params: "part", run: about(strings.HasSuffix)}
	m["count"] = routine{params: "part", run: func(c *invocation) (any, error) {
		part, err := c.word("part", "")
		return strings.Count(c.in.(string), part), err
	}}
	m["find"] = routine{params: "part", run: func(c *invocation) (any, error) {
		part, err := c.word("part", "")
		before, _, found := strings.Cut(c.in.(string), part)
		if !found {
			return -1, err
		}
		return len([]rune(before)), err
	}}
	m["ljust"] = routine{params: "width", run: pad(0, func(s string, n int) string { return s + strings.Repeat(" ", n) })}
	m["rjust"] = routine{params: "width", run: pad(0, func(s string, n int) string { return strings.Repeat(" ", n) + s })}
	m["zfill"] = routine{params: "width", run: pad(0, zeros)}
	m["isdigit"], m["isalpha"], m["isspace"] = is(unicode.IsDigit), is(unicode.IsLetter), is(unicode.IsSpace)
	m["isalnum"] = is(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
	return m
}

func zeros(s string, n int) string {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[:1] + strings.Repeat("0", n) + s[1:]
	}
	return strings.Repeat("0", n) + s
}

func about(f func(s, part string) bool) func(c *invocation) (any, error) {
	return func(c *invocation) (any, error) {
		parts, ok := items(c.named["part"])
		if !ok {
			parts = []any{c.named["part"]}
		}
		for _, p := range parts {
			s, ok := p.(string)
			if !ok {
				return nil, fmt.Errorf("it takes a text, but this is %s", shape(p))
			}
			if f(c.in.(string), s) {
				return true, nil
			}
		}
		return false, nil
	}
}

func lines(c *invocation) (any, error) {
	s := c.in.(string)
	if err := c.text(len(s)); err != nil {
		return nil, err
	}
	return c.listed(texts(splitLines(s)))
}

// splitLines is Python's: many characters end a line there.
func splitLines(s string) []string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\x1c", "\n", "\x1d", "\n", "\x1e", "\n",
		"\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

func mapMethods() map[string]routine {
	return map[string]routine{
		"items":  {run: pairs},
		"keys":   {run: func(c *invocation) (any, error) { return c.inList() }},
		"values": {run: values},
		"get": {params: "key | default", run: func(c *invocation) (any, error) {
			key, err := c.word("key", "")
			if err == nil {
				err = c.spend(len(key) / 64)
			}
			if v, ok := c.in.(map[string]any)[key]; ok {
				return v, err
			}
			return c.named["default"], err
		}},
	}
}

func pairs(c *invocation) (any, error) {
	m, err := c.inMap()
	if err != nil {
		return nil, err
	}
	list := make([]any, 0, len(m))
	for _, key := range sorted(m) {
		list = append(list, tuple{key, m[key]})
	}
	return list, nil
}

func values(c *invocation) (any, error) {
	m, err := c.inMap()
	if err != nil {
		return nil, err
	}
	list := make([]any, 0, len(m))
	for _, key := range sorted(m) {
		list = append(list, m[key])
	}
	return list, nil
}

func listMethods() map[string]routine {
	return map[string]routine{
		"index": {params: "of", run: func(c *invocation) (any, error) {
			if err := c.walk(c.in); err != nil {
				return nil, err
			}
			list, _ := items(c.in)
			for i, item := range list {
				if equal(item, c.named["of"]) {
					return i, nil
				}
			}
			return nil, errors.New("the list does not hold it")
		}},
		"count": {params: "of", run: func(c *invocation) (any, error) {
			if err := c.walk(c.in); err != nil {
				return nil, err
			}
			n := 0
			list, _ := items(c.in)
			for _, item := range list {
				if equal(item, c.named["of"]) {
					n++
				}
			}
			return n, nil
		}},
	}
}

// globals are the functions that need no value to begin with.
func globals() map[string]func(c *invocation) (any, error) {
	return map[string]func(c *invocation) (any, error){
		"range": span,
		"dict": func(c *invocation) (any, error) {
			if len(c.list) > 0 {
				return nil, errors.New("dict takes key=value")
			}
			return c.named, nil
		},
		"namespace": func(c *invocation) (any, error) {
			if len(c.list) > 0 {
				return nil, errors.New("namespace takes key=value")
			}
			return &namespace{c.named}, nil
		},
	}
}

// span is range(): a list, so its length is known before it is made.
func span(c *invocation) (any, error) {
	var n []int
	for _, v := range c.list {
		i, ok := v.(int)
		if !ok {
			return nil, fmt.Errorf("range takes whole numbers, but this is %s", shape(v))
		}
		n = append(n, i)
	}
	lo, hi, step := 0, 0, 1
	switch len(n) {
	case 1:
		hi = n[0]
	case 2:
		lo, hi = n[0], n[1]
	case 3:
		lo, hi, step = n[0], n[1], n[2]
	}
	if len(n) < 1 || len(n) > 3 || len(c.named) > 0 {
		return nil, errors.New("range takes one to three whole numbers")
	}
	if step == 0 {
		return nil, errors.New("the step cannot be 0")
	}
	length := (float64(hi) - float64(lo)) / float64(step)
	if length > maxItems {
		return nil, tooMuch("a range over %d items", maxItems)
	}
	list := []any{}
	for i := range int(math.Ceil(max(0, length))) {
		list = append(list, lo+i*step)
	}
	return list, c.items(len(list))
}
