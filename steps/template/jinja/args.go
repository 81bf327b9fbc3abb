package jinja

import "fmt"

// has reports whether the argument was given.
func (c *invocation) has(name string) bool {
	_, ok := c.named[name]
	return ok
}

// word is a text argument, or def.
func (c *invocation) word(name, def string) (string, error) {
	v, ok := c.named[name]
	if !ok || v == nil {
		return def, nil
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s must be a text, but this is %s", name, shape(v))
	}
	return s, nil
}

// whole is a whole number argument, or def.
func (c *invocation) whole(name string, def int) (int, error) {
	v, ok := c.named[name]
	if !ok || v == nil {
		return def, nil
	}
	n, ok := v.(int)
	if !ok {
		return 0, fmt.Errorf("%s must be a whole number, but this is %s", name, shape(v))
	}
	return n, nil
}

// flag is an argument taken as truth, or def.
func (c *invocation) flag(name string, def bool) bool {
	v, ok := c.named[name]
	if !ok {
		return def
	}
	return truth(v)
}

// inText is the input, which must be a text or something that prints as one.
func (c *invocation) inText() (string, error) {
	switch c.in.(type) {
	case string, int, float64, bool:
		s, err := c.str(c.in)
		if err == nil {
			err = c.text(len(s))
		}
		return s, err
	}
	return "", fmt.Errorf("it takes a text, but this is %s", shape(c.in))
}

// inList is the input as a list, counted.
func (c *invocation) inList() ([]any, error) {
	list, err := sequence(c.in)
	if err != nil {
		return nil, err
	}
	return list, c.items(len(list))
}

// inMap is the input, which must be a map, counted.
func (c *invocation) inMap() (map[string]any, error) {
	m, ok := c.in.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("it takes a map, but this is %s", shape(c.in))
	}
	return m, c.items(len(m))
}

// made counts a text that was made.
func (c *invocation) made(s string) (any, error) { return s, c.text(len(s)) }

// listed counts a list that was made.
func (c *invocation) listed(list []any) (any, error) {
	if list == nil {
		list = []any{}
	}
	return list, c.items(len(list))
}
