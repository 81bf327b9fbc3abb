package source

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// FormatYAML writes a value as YAML, its keys in their order, for people and
// for other programs. It is not for rewriting a user's file: comments are gone.
func FormatYAML(v Value) ([]byte, error) {
	n, err := v.node()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	enc := yaml.NewEncoder(&text)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return nil, err
	}
	return text.Bytes(), enc.Close()
}

func (v Value) node() (*yaml.Node, error) {
	n := &yaml.Node{}
	switch v.Shape {
	case Map:
		n.Kind = yaml.MappingNode
		for _, f := range v.Fields {
			key := &yaml.Node{}
			key.SetString(f.Key)
			val, err := f.Value.node()
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, key, val)
		}
		return n, nil
	case List:
		n.Kind = yaml.SequenceNode
		for _, item := range v.Items {
			val, err := item.node()
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, val)
		}
		return n, nil
	default:
		switch x := v.Any.(type) {
		case float64:
			n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!float", Float(x).String()
			return n, nil
		case Float:
			n.Kind, n.Tag, n.Value = yaml.ScalarNode, "!!float", x.String()
			return n, nil
		default:
			return n, n.Encode(v.Any)
		}
	}
}

// Float is a number that is shown as one that is not whole: 8.0 stays 8.0 in
// JSON, in YAML and as text.
type Float float64

// String is the shortest text that is read as the same number again.
func (f Float) String() string {
	text := strconv.FormatFloat(float64(f), 'f', -1, 64)
	if size := math.Abs(float64(f)); size >= 1e16 || size != 0 && size < 1e-4 {
		text = strconv.FormatFloat(float64(f), 'e', -1, 64)
	}
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// MarshalJSON writes the text as a number.
func (f Float) MarshalJSON() ([]byte, error) { return []byte(f.String()), nil }
