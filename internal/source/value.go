package source

import (
	"fmt"
	"slices"
)

// Shape says what a Value holds.
type Shape int

// The shapes a YAML value can have here.
const (
	Null Shape = iota
	Scalar
	List
	Map
)

// String names the shape as error texts do.
func (s Shape) String() string {
	return [...]string{"nothing", "a single value", "a list", "a map"}[s]
}

// Value is one value of a user's file together with where it stands. Maps keep
// the order in which the user wrote their keys.
type Value struct {
	Pos   Pos
	Shape Shape

	// Text is a scalar as it was written, before any guess at its type, and
	// Quoted tells that it stood in quotes: `mode: 0644` keeps its zero here,
	// and "yes" stays apart from yes.
	Text   string
	Quoted bool
	// Tag is the scalar's local tag, if the caller of ParseYAML asked for it.
	Tag string
	// Any is a scalar's value by YAML 1.2's core schema: nil, bool, int, float64 or string.
	Any any
	// Secret says that the value was encrypted where the user keeps it: whoever
	// shows values masks it, and tells the redactor. So are all values inside it.
	Secret bool

	Items  []Value
	Fields []Field

	line func(int) string // the text of a line of the file, for excerpts
}

// Field is one key of a map with its value.
type Field struct {
	Key    string
	KeyPos Pos
	Value  Value
}

// Get returns the field called key.
func (v Value) Get(key string) (Field, bool) {
	for _, f := range v.Fields {
		if f.Key == key {
			return f, true
		}
	}
	return Field{}, false
}

// Errorf describes a problem with this value.
func (v Value) Errorf(hint, format string, args ...any) *Error {
	return v.ErrorAt(v.Pos, hint, format, args...)
}

// ErrorAt describes a problem at pos, a place in the same file as v: usually
// that of one of its keys.
func (v Value) ErrorAt(pos Pos, hint, format string, args ...any) *Error {
	e := &Error{Pos: pos, Msg: fmt.Sprintf(format, args...), Hint: hint}
	if v.line != nil && pos.File == v.Pos.File {
		e.Line = v.line(pos.Line)
	}
	return e
}

// Within returns the place of a character of v's text, counted from 0. It is
// known where the text stands in one line of the file as it was read.
func (v Value) Within(n int) (Pos, bool) {
	if v.line == nil || v.Shape != Scalar {
		return v.Pos, false
	}
	begin := v.Pos.Col - 1
	if v.Quoted {
		begin++
	}
	line, text := []rune(v.line(v.Pos.Line)), []rune(v.Text)
	if begin < 0 || begin+len(text) > len(line) || string(line[begin:begin+len(text)]) != v.Text {
		return v.Pos, false
	}
	pos := v.Pos
	pos.Col = begin + n + 1
	return pos, true
}

// WithScalar returns v with its scalar replaced by val, at the same place. It
// is how an expression's result takes the place of its text. Lists and maps
// that val holds become values at that place too.
func (v Value) WithScalar(val any) Value {
	out := Value{Pos: v.Pos, line: v.line, Secret: v.Secret}
	switch x := val.(type) {
	case nil:
		return out
	case []any:
		out.Shape = List
		for _, item := range x {
			out.Items = append(out.Items, v.WithScalar(item))
		}
	case map[string]any:
		out.Shape = Map
		for _, key := range sortedKeys(x) {
			out.Fields = append(out.Fields, Field{Key: key, KeyPos: v.Pos, Value: v.WithScalar(x[key])})
		}
	default:
		out.Shape, out.Any, out.Text, out.Quoted = Scalar, val, fmt.Sprint(val), true
		if _, isText := val.(string); !isText {
			out.Quoted = false
		}
	}
	return out
}

// Seal returns v as a secret, with all that it holds. Errors about it show no
// excerpt any more.
func (v Value) Seal() Value {
	v.Secret, v.line = true, nil
	v.Items, v.Fields = slices.Clone(v.Items), slices.Clone(v.Fields)
	for i, item := range v.Items {
		v.Items[i] = item.Seal()
	}
	for i, f := range v.Fields {
		v.Fields[i].Value = f.Value.Seal()
	}
	return v
}

// Plain returns the value as plain Go data: nil, bool, int, float64, string,
// []any or map[string]any.
func (v Value) Plain() any {
	switch v.Shape {
	case Scalar:
		return v.Any
	case List:
		out := make([]any, len(v.Items))
		for i, item := range v.Items {
			out[i] = item.Plain()
		}
		return out
	case Map:
		out := make(map[string]any, len(v.Fields))
		for _, f := range v.Fields {
			out[f.Key] = f.Value.Plain()
		}
		return out
	default:
		return nil
	}
}
