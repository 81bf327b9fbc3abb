package jinja

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// toYAML writes YAML as PyYAML lays it out: with flow, collections that hold
// only single values stand on one line.
func toYAML(flow bool) func(c *invocation) (any, error) {
	return func(c *invocation) (any, error) {
		n, err := c.whole("indent", map[bool]int{true: 2, false: 4}[flow])
		if err != nil {
			return nil, err
		}
		if n < 2 || n > 9 {
			return nil, fmt.Errorf("indent must be between 2 and 9")
		}
		if err := c.walk(c.in); err != nil {
			return nil, err
		}
		w := &yamlWriter{writer{budget: &c.budget}, n, flow}
		w.value(lists(c.in), 0, false)
		if w.b.Len() == 0 || !strings.HasSuffix(w.b.String(), "\n") {
			w.put("\n")
		}
		return w.done()
	}
}

// lists is v with lists for tuples, which YAML does not tell apart.
func lists(v any) any {
	if l, ok := items(v); ok {
		out := make([]any, len(l))
		for i := range l {
			out[i] = lists(l[i])
		}
		return out
	}
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(m))
	for key := range m {
		out[key] = lists(m[key])
	}
	return out
}

type yamlWriter struct {
	writer
	indent int
	flow   bool
}

// value writes v, which stands behind something on its line unless opened is
// false; margin is where its own lines begin.
func (w *yamlWriter) value(v any, margin int, opened bool) {
	if w.onOneLine(v) {
		if opened {
			w.put(" ")
		}
		w.inline(v)
		w.put("\n")
		return
	}
	switch x := v.(type) {
	case []any:
		for i, item := range x {
			w.begin(margin, opened || i > 0)
			w.put("-")
			if w.onOneLine(item) {
				w.value(item, 0, true)
				continue
			}
			w.put(strings.Repeat(" ", w.indent-1))
			w.value(item, margin+w.indent, false)
		}
	case map[string]any:
		for i, key := range sorted(x) {
			w.begin(margin, opened || i > 0)
			w.put(yamlText(key), ":")
			inner := margin + w.indent
			if _, ok := x[key].([]any); ok {
				inner = margin // PyYAML leaves lists below a key at the key's column
			}
			if !w.onOneLine(x[key]) {
				w.put("\n")
			}
			w.nested(x[key], inner)
		}
	}
}

// nested writes what stands behind a key.
func (w *yamlWriter) nested(v any, margin int) {
	if w.onOneLine(v) {
		w.value(v, 0, true)
		return
	}
	w.put(strings.Repeat(" ", margin))
	w.value(v, margin, false)
}

// begin starts a line at margin; the first of a collection is started already.
func (w *yamlWriter) begin(margin int, fresh bool) {
	if fresh {
		w.put(strings.Repeat(" ", margin))
	}
}

func (w *yamlWriter) onOneLine(v any) bool {
	single := func(v any) bool {
		switch v.(type) {
		case []any, map[string]any:
			return false
		}
		return true
	}
	switch x := v.(type) {
	case []any:
		return len(x) == 0 || w.flow && !slices.ContainsFunc(x, func(v any) bool { return !single(v) })
	case map[string]any:
		for _, v := range x {
			if !w.flow || !single(v) {
				return false
			}
		}
	}
	return true
}

// inline writes v on the line.
func (w *yamlWriter) inline(v any) {
	switch x := v.(type) {
	case string:
		w.put(yamlText(x))
	case float64:
		w.put(yamlNumber(x))
	case []any:
		w.group("[", "]", len(x), "", "", func(i int) { w.inline(x[i]) })
	case map[string]any:
		keys := sorted(x)
		w.group("{", "}", len(keys), "", "", func(i int) {
			w.put(yamlText(keys[i]), ": ")
			w.inline(x[keys[i]])
		})
	default:
		w.json(v, "", "", true)
	}
}

// yamlNumber is decimal with the point that YAML 1.1 wants: 1.0e+20.
func yamlNumber(f float64) string {
	s := decimal(f)
	if strings.Contains(s, "e") && !strings.Contains(s, ".") {
		s = strings.Replace(s, "e", ".0e", 1)
	}
	return s
}

var (
	yamlPlain = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./@+=%()~-]*( [A-Za-z0-9_./@+=%()~-]+)*$`)
	yamlWord  = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|null|\.inf|\.nan)$`)
)

// yamlText writes a text bare where no reader takes it for something else.
func yamlText(s string) string {
	switch {
	case yamlPlain.MatchString(s) && !yamlWord.MatchString(s):
		return s
	case strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff
	}) >= 0:
		return jsonText(s, true)
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
