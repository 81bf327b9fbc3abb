package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// maxNesting bounds how deep lists and maps may stand in each other.
const maxNesting = 1000

// ParseJSON reads one JSON document with the place of every value. Unlike
// ParseYAML it takes tabs and all of JSON's escapes. Keys that repeat are an
// error; all problems that can be found are in the one error.
func ParseJSON(file string, data []byte) (Value, error) {
	text, err := NewText(file, data, false)
	if err != nil {
		return Value{}, err
	}
	r := &jsonReader{text: text, data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	v, err := r.value(0)
	if err != nil {
		return Value{}, r.syntax(err)
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return Value{}, r.here().Errorf("", "this is not valid JSON: more follows after the end")
	}
	return v, r.problems.ErrorOrNil()
}

type jsonReader struct {
	text     *Text
	data     []byte
	dec      *json.Decoder
	problems *multierror.Error
}

// here is the place of the token that comes next.
func (r *jsonReader) here() Value {
	at := int(r.dec.InputOffset())
	for at < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[at]) >= 0 {
		at++
	}
	return r.text.At(place(r.data, at))
}

func (r *jsonReader) syntax(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.text.At(place(r.data, len(r.data))).Errorf("", "this is not valid JSON: it ends too early")
	}
	return r.here().Errorf("", "this is not valid JSON: %v", err)
}

func (r *jsonReader) value(depth int) (Value, error) {
	v := r.here()
	if depth > maxNesting {
		return v, fmt.Errorf("lists and maps stand more than %d deep in each other", maxNesting)
	}
	token, err := r.dec.Token()
	if err != nil {
		return v, err
	}
	switch x := token.(type) {
	case json.Delim:
		if x == '[' {
			return r.list(v, depth)
		}
		return r.fields(v, depth)
	case json.Number:
		return v.number(x), nil
	default:
		return v.WithScalar(token), nil
	}
}

// number keeps a whole number that is too big as its text.
func (v Value) number(n json.Number) Value {
	if !strings.ContainsAny(n.String(), ".eE") {
		if i, err := n.Int64(); err == nil {
			return v.WithScalar(int(i))
		}
		return v.WithScalar(n.String())
	}
	f, err := n.Float64()
	if err != nil {
		return v.WithScalar(n.String())
	}
	return v.WithScalar(f)
}

func (r *jsonReader) list(v Value, depth int) (Value, error) {
	v.Shape = List
	for r.dec.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
	}
	_, err := r.dec.Token()
	return v, err
}

func (r *jsonReader) fields(v Value, depth int) (Value, error) {
	v.Shape = Map
	seen := map[string]int{}
	for r.dec.More() {
		at := r.here()
		token, err := r.dec.Token()
		if err != nil {
			return v, err
		}
		key, _ := token.(string) // the decoder lets nothing else be a key
		val, err := r.value(depth + 1)
		if err != nil {
			return v, err
		}
		if line, dup := seen[key]; dup {
			r.problems = multierror.Append(r.problems, at.Errorf("", "the key %q stands here a second time; the first is on line %d", key, line))
			continue
		}
		seen[key] = at.Pos.Line
		v.Fields = append(v.Fields, Field{Key: key, KeyPos: at.Pos, Value: val})
	}
	_, err := r.dec.Token()
	return v, err
}
