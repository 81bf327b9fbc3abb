package plan

import (
	"fmt"
	"reflect"
	"strings"

	"lockstep/internal/source"
)

// plain turns the typed lists, maps and numbers that functions return into what
// YAML would hold.
func plain(v any) any {
	switch x := v.(type) {
	case nil, string, bool, int, float64:
		return v
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = plain(x[i])
		}
		return out
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Slice, reflect.Array:
		out := make([]any, r.Len())
		for i := range out {
			out[i] = plain(r.Index(i).Interface())
		}
		return out
	case reflect.Map:
		out := make(map[string]any, r.Len())
		for _, key := range r.MapKeys() {
			out[fmt.Sprint(key.Interface())] = plain(r.MapIndex(key).Interface())
		}
		return out
	default:
		return v
	}
}

type part struct {
	text   string
	isExpr bool
}

// split cuts text into literal parts and expressions.
func split(text string) ([]part, error) {
	var parts []part
	for {
		literal, rest, found := strings.Cut(text, "{{")
		if literal != "" {
			parts = append(parts, part{literal, false})
		}
		if !found {
			return parts, nil
		}
		end := closing(rest)
		if end < 0 {
			return nil, &exprError{"{{ has no matching }}", ""}
		}
		parts = append(parts, part{strings.TrimSpace(rest[:end]), true})
		text = rest[end+2:]
	}
}

// closing finds the }} that ends an expression, past strings and {} literals.
func closing(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"', '\'', '`':
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' && c != '`' {
					i++
				}
			}
		case '{':
			depth++
		case '}':
			if depth == 0 {
				if strings.HasPrefix(text[i:], "}}") {
					return i
				}
				return -1
			}
			depth--
		}
	}
	return -1
}

// resolver replaces every {{ }} of a value, and notes all that stands in the
// way rather than the first of it.
type resolver struct {
	*scope
	problems []error
	later    *laterError  // something is known only to a run
	varies   *variesError // something differs from host to host
}

// err is what keeps the value from being used: a mistake before a delay.
func (r *resolver) err() error {
	switch {
	case r.varies != nil:
		return r.varies
	case len(r.problems) == 1:
		return r.problems[0]
	case len(r.problems) > 1:
		return joined(r.problems)
	case r.later != nil:
		return r.later
	}
	return nil
}

// note sorts an error of the expression layer. It reports whether there was one.
func (r *resolver) note(err error) bool {
	switch x := err.(type) {
	case nil:
		return false
	case *laterError:
		r.later = r.later.and(x)
	case *variesError:
		r.varies = x
	default:
		r.problems = append(r.problems, err)
	}
	return true
}

// value replaces every {{ }} in v and below it. What cannot be replaced stays.
func (r *resolver) value(v source.Value) source.Value {
	if v.Secret && v.Shape == source.Scalar {
		r.derived.add(v.Any)
	}
	if !templated(v) {
		return v
	}
	if v.Tag == secretTag {
		out, err := r.secret(v)
		r.note(err)
		return out
	}
	if v.Tag == elementTag {
		out, err := r.loopElement(v)
		r.note(err)
		return out
	}
	switch v.Shape {
	case source.Scalar:
		out, err := r.template(v, v.Any.(string))
		if r.note(err) {
			return v
		}
		return out
	case source.List:
		items := make([]source.Value, len(v.Items))
		for i, item := range v.Items {
			items[i] = r.value(item)
		}
		v.Items = items
	case source.Map:
		fields := make([]source.Field, len(v.Fields))
		for i, f := range v.Fields {
			if strings.Contains(f.Key, "{{") {
				r.note(v.ErrorAt(f.KeyPos, "write the key out", "a key cannot be an expression"))
			}
			f.Value = r.value(f.Value)
			fields[i] = f
		}
		v.Fields = fields
	}
	return v
}

// templated reports whether v or anything below it needs resolving.
func templated(v source.Value) bool {
	if v.Tag == secretTag || v.Tag == elementTag {
		return true
	}
	switch v.Shape {
	case source.Scalar:
		text, ok := v.Any.(string)
		return ok && strings.Contains(text, "{{")
	case source.List:
		for _, item := range v.Items {
			if templated(item) {
				return true
			}
		}
	case source.Map:
		for _, f := range v.Fields {
			if strings.Contains(f.Key, "{{") || templated(f.Value) {
				return true
			}
		}
	}
	return false
}

// resolve replaces every {{ }} in v and below it.
func (s *scope) resolve(v source.Value) (source.Value, error) {
	r := &resolver{scope: s}
	out := r.value(v)
	return out, r.err()
}

// template evaluates text with its {{ }}. A text that is one expression gives
// the expression's own type; any other gives text.
func (s *scope) template(v source.Value, text string) (source.Value, error) {
	parts, err := split(text)
	if err != nil {
		return v, place(v, err)
	}
	if len(parts) == 1 && parts[0].isExpr {
		out, err := s.eval(v, parts[0].text)
		if err != nil {
			return v, err
		}
		return v.WithScalar(out), nil
	}
	var b strings.Builder
	r := &resolver{scope: s}
	for _, p := range parts {
		if !p.isExpr {
			b.WriteString(p.text)
			continue
		}
		out, err := s.inText(v, p.text)
		if !r.note(err) {
			fmt.Fprint(&b, out)
		}
	}
	return v.WithScalar(b.String()), r.err()
}

// inText computes an expression whose result stands inside a text.
func (s *scope) inText(v source.Value, text string) (any, error) {
	out, err := s.eval(v, text)
	if err != nil {
		return nil, err
	}
	switch out.(type) {
	case nil, []any, map[string]any:
		return nil, v.Errorf("use join() or pick one element", "{{ %s }} gives %s, which cannot stand inside a text", text, v.WithScalar(out).Shape)
	}
	return out, nil
}
