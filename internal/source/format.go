package source

import (
	"bytes"

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
		return n, n.Encode(v.Any)
	}
}
