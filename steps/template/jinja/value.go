package jinja

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// undefined is what a name or key that is not there gives. It may be asked
// about (`is defined`, `default`); any other use is its error.
type undefined struct {
	err   *Error
	blank bool // prints as nothing: an `if` without `else` that was not met
}

// namespace is the one value that {% set ns.x = ... %} changes.
type namespace struct{ vars map[string]any }

// function is what can be called: a global function, a macro or a method.
type function struct {
	name string
	run  func(c *invocation) (any, error)
}

// tuple is a list that Python would print in round brackets: (1, 2), and what
// items(), zip and their like give. It differs from a list in that and in ==.
type tuple []any

// items is v as a list, if it is a list or a tuple.
func items(v any) ([]any, bool) {
	if t, ok := v.(tuple); ok {
		return t, true
	}
	l, ok := v.([]any)
	return l, ok
}

// shape names the type of v for error texts, never its content.
func shape(v any) string {
	switch v.(type) {
	case nil:
		return "none"
	case bool:
		return "a truth value"
	case int, float64:
		return "a number"
	case string:
		return "a text"
	case []any, tuple:
		return "a list"
	case map[string]any:
		return "a map"
	case *namespace:
		return "a namespace"
	case *progress:
		return "the loop"
	case *function:
		return "a function"
	default:
		return "undefined"
	}
}

// truth is Python's idea of it.
func truth(v any) bool {
	switch x := v.(type) {
	case nil:
		return false
	case bool:
		return x
	case int:
		return x != 0
	case float64:
		return x != 0
	case string:
		return x != ""
	case []any:
		return len(x) > 0
	case tuple:
		return len(x) > 0
	case map[string]any:
		return len(x) > 0
	default:
		return true
	}
}

// str is v as {{ v }} prints it. Containers are counted before.
func (b *budget) str(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	if err := b.walk(v); err != nil {
		return "", err
	}
	var out strings.Builder
	if err := repr(&out, v, true); err != nil {
		return "", err
	}
	return out.String(), b.text(out.Len())
}

// repr writes v as Python would; top is false inside of a container, where
// texts stand in quotes.
func repr(out *strings.Builder, v any, top bool) error {
	switch x := v.(type) {
	case nil:
		out.WriteString("None")
	case bool:
		out.WriteString(map[bool]string{true: "True", false: "False"}[x])
	case int:
		out.WriteString(strconv.Itoa(x))
	case float64:
		out.WriteString(decimal(x))
	case string:
		if top {
			out.WriteString(x)
		} else {
			out.WriteString(pyQuote(x))
		}
	case []any:
		return reprAll(out, "[", x, "]")
	case tuple:
		if len(x) == 1 {
			return reprAll(out, "(", x, ",)")
		}
		return reprAll(out, "(", x, ")")
	case map[string]any:
		out.WriteByte('{')
		for i, key := range sorted(x) {
			if i > 0 {
				out.WriteString(", ")
			}
			out.WriteString(pyQuote(key) + ": ")
			if err := repr(out, x[key], false); err != nil {
				return err
			}
		}
		out.WriteByte('}')
	default:
		return fmt.Errorf("%s cannot be printed", shape(v))
	}
	return nil
}

func reprAll(out *strings.Builder, open string, items []any, shut string) error {
	out.WriteString(open)
	for i, item := range items {
		if i > 0 {
			out.WriteString(", ")
		}
		if err := repr(out, item, false); err != nil {
			return err
		}
	}
	out.WriteString(shut)
	return nil
}

func decimal(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	case f != 0 && (math.Abs(f) >= 1e16 || math.Abs(f) < 1e-4):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func pyQuote(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	var b strings.Builder
	b.WriteString(quote)
	for _, r := range s {
		switch at := strings.IndexRune("\n\t\r\\"+quote, r); {
		case at >= 0:
			b.WriteByte('\\')
			b.WriteByte(("ntr\\" + quote)[at])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String() + quote
}

func sorted(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// equal compares as == does. Both sides were walked before.
func equal(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, equal)
	case tuple:
		y, ok := b.(tuple)
		return ok && slices.EqualFunc(x, y, equal)
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, equal)
	case nil, string:
		return a == b
	}
	return false
}

// number is the value of a number or, as in Python, of a truth value.
func number(v any) (float64, bool) {
	switch x := v.(type) {
	case bool:
		if x {
			return 1, true
		}
		return 0, true
	case int:
		return float64(x), true
	case float64:
		return x, true
	}
	return 0, false
}

// integer is the value of a whole number or, as in Python, of a truth value.
func integer(v any) (int, bool) {
	switch x := v.(type) {
	case bool:
		if x {
			return 1, true
		}
		return 0, true
	case int:
		return x, true
	}
	return 0, false
}

// order is below, equal or above zero as a stands before b.
func order(a, b any) (int, error) {
	x, ok := number(a)
	y, also := number(b)
	if ok && also {
		switch {
		case x < y:
			return -1, nil
		case x > y:
			return 1, nil
		}
		return 0, nil
	}
	s, ok := a.(string)
	t, also := b.(string)
	if ok && also {
		return strings.Compare(s, t), nil
	}
	l, ok := items(a)
	m, also := items(b)
	_, pair := a.(tuple)
	_, other := b.(tuple)
	if !ok || !also || pair != other {
		return 0, fmt.Errorf("%s and %s have no order", shape(a), shape(b))
	}
	for i := range min(len(l), len(m)) {
		if c, err := order(l[i], m[i]); c != 0 || err != nil {
			return c, err
		}
	}
	return len(l) - len(m), nil
}

// sequence is what a loop goes through: the items of a list, the keys of a
// map, the characters of a text.
func sequence(v any) ([]any, error) {
	switch x := v.(type) {
	case []any:
		return x, nil
	case tuple:
		return x, nil
	case map[string]any:
		keys := make([]any, 0, len(x))
		for _, key := range sorted(x) {
			keys = append(keys, key)
		}
		return keys, nil
	case string:
		if len(x) > maxItems {
			return nil, tooMuch("a list over %d items", maxItems)
		}
		chars := make([]any, 0, len(x))
		for _, r := range x {
			chars = append(chars, string(r))
		}
		return chars, nil
	}
	return nil, fmt.Errorf("%s is not a list", shape(v))
}
