package jinja

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// dataFilters write and read values as JSON and YAML. Keys come in their order
// as bytes.
func dataFilters() map[string]routine {
	compact := routine{params: "| indent sort_keys ensure_ascii", run: toJSON(0)}
	return map[string]routine{
		"to_json": compact,
		"tojson": {params: "| indent", run: func(c *invocation) (any, error) {
			v, err := toJSON(0)(c)
			s, _ := v.(string)
			if err != nil {
				return nil, err
			}
			return c.made(strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`).Replace(s))
		}},
		"to_nice_json": {params: "| indent sort_keys ensure_ascii", run: toJSON(4)},
		"to_yaml":      {params: "| indent sort_keys", run: toYAML(true)},
		"to_nice_yaml": {params: "| indent sort_keys", run: toYAML(false)},
		"from_json":    {run: fromJSON},
	}
}

// writer builds a text piece by piece within the budget.
type writer struct {
	*budget
	b   strings.Builder
	err error
}

func (w *writer) put(parts ...string) {
	for _, p := range parts {
		if w.err == nil {
			w.err = w.spend(1 + len(p)/64)
		}
		if w.err == nil && w.b.Len()+len(p) > maxText {
			w.err = w.text(-1)
		}
		if w.err == nil {
			w.b.WriteString(p)
		}
	}
}

func (w *writer) done() (any, error) {
	if w.err != nil {
		return nil, w.err
	}
	return w.b.String(), w.text(w.b.Len())
}

func toJSON(def int) func(c *invocation) (any, error) {
	return func(c *invocation) (any, error) {
		n, err := c.whole("indent", def)
		if err != nil {
			return nil, err
		}
		if n < 0 || n > 16 {
			return nil, fmt.Errorf("indent must be between 0 and 16")
		}
		if err := c.walk(c.in); err != nil {
			return nil, err
		}
		w := &writer{budget: &c.budget}
		w.json(c.in, strings.Repeat(" ", n), "\n", c.flag("ensure_ascii", true))
		return w.done()
	}
}

// json writes v as Python's json.dumps does. Without indent all is on one line.
func (w *writer) json(v any, indent, line string, ascii bool) {
	switch x := v.(type) {
	case nil:
		w.put("null")
	case bool:
		w.put(strconv.FormatBool(x))
	case int:
		w.put(strconv.Itoa(x))
	case float64:
		w.put(decimal(x))
	case string:
		w.put(jsonText(x, ascii))
	case tuple:
		w.json([]any(x), indent, line, ascii)
	case []any:
		w.group("[", "]", len(x), indent, line, func(i int) { w.json(x[i], indent, line+indent, ascii) })
	case map[string]any:
		keys := sorted(x)
		w.group("{", "}", len(keys), indent, line, func(i int) {
			w.put(jsonText(keys[i], ascii), ": ")
			w.json(x[keys[i]], indent, line+indent, ascii)
		})
	default:
		w.err = fmt.Errorf("%s cannot be written as data", shape(v))
	}
}

func (w *writer) group(open, shut string, n int, indent, line string, one func(i int)) {
	w.put(open)
	for i := 0; i < n && w.err == nil; i++ {
		switch {
		case indent != "" && i > 0:
			w.put(",")
		case i > 0:
			w.put(", ")
		}
		if indent != "" {
			w.put(line + indent)
		}
		one(i)
	}
	if indent != "" && n > 0 {
		w.put(line)
	}
	w.put(shut)
}

func jsonText(s string, ascii bool) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case strings.ContainsRune("\n\r\t\b\f", r):
			b.WriteByte('\\')
			b.WriteByte("nrtbf"[strings.IndexRune("\n\r\t\b\f", r)])
		case r > 0xffff && ascii:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		case r < ' ' || r == 0x7f && !ascii || r > '~' && ascii && r != 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func fromJSON(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	if err := c.spend(len(s)); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil || dec.More() {
		return nil, fmt.Errorf("the text is not JSON")
	}
	return numbers(v), nil
}

func numbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		if n, err := strconv.Atoi(x.String()); err == nil {
			return n
		}
		f, _ := x.Float64()
		return f
	case []any:
		for i := range x {
			x[i] = numbers(x[i])
		}
	case map[string]any:
		for key := range x {
			x[key] = numbers(x[key])
		}
	}
	return v
}
