package jinja

import "errors"

// progress is the variable loop.
type progress struct {
	items []any
	i     int
}

func (l *progress) get(key string) (any, bool) {
	n := len(l.items)
	switch key {
	case "index":
		return l.i + 1, true
	case "index0":
		return l.i, true
	case "revindex":
		return n - l.i, true
	case "revindex0":
		return n - l.i - 1, true
	case "first":
		return l.i == 0, true
	case "last":
		return l.i == n-1, true
	case "length":
		return n, true
	case "cycle":
		return &function{"cycle", l.cycle}, true
	case "previtem":
		if l.i > 0 {
			return l.items[l.i-1], true
		}
	case "nextitem":
		if l.i+1 < n {
			return l.items[l.i+1], true
		}
	}
	return nil, false
}

func (l *progress) cycle(c *invocation) (any, error) {
	if len(c.list) == 0 {
		return nil, errors.New("cycle needs values")
	}
	return c.list[l.i%len(c.list)], nil
}

// keys are what loop has, for suggestions.
func (l *progress) keys() []string {
	return []string{"cycle", "first", "index", "index0", "last", "length", "nextitem", "previtem", "revindex", "revindex0"}
}
