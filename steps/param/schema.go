package param

import (
	"strconv"
	"strings"
)

// Schema is a JSON Schema of draft 2020-12. encoding/json sorts its keys, so
// that it is always written as the same bytes.
type Schema map[string]any

// templated is what a text must hold to be an expression: {{ }} may stand
// wherever a value of another type is wanted, and gives one of that type.
const templated = `\{\{`

// Definitions are the schemas to which those of parameters refer. A document
// has them below "$defs".
func Definitions() Schema {
	return Schema{
		"text":       Schema{"type": []string{"string", "number", "boolean"}},
		"path":       Schema{"type": "string", "pattern": `^/|` + templated, "description": "an absolute path on the host"},
		"localPath":  Schema{"type": []string{"string", "number", "boolean"}, "minLength": 1, "description": "a path on the control machine; a relative one counts from the folder of the file"},
		"duration":   Schema{"type": "string", "pattern": durations + `|` + templated, "description": "a number with its unit: 30s, 10m, 12h, 90d"},
		"mode":       Schema{"type": "string", "pattern": `^(0o)?0*[0-7]{1,4}$|` + templated, "description": `permission bits, as octal digits in quotes: "0640"`},
		"truth":      Schema{"type": []string{"boolean", "string"}, "pattern": templated},
		"number":     Schema{"type": []string{"integer", "string"}, "pattern": templated},
		"condition":  Schema{"type": []string{"string", "boolean"}, "description": "an expression without {{ }} that gives true or false"},
		"expression": Schema{"type": "string", "pattern": templated},
	}
}

const durations = `^[0-9]+[dw]$|^(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h))+$`

// Refer returns a schema that stands for the definition called name.
func Refer(name string) Schema { return Schema{"$ref": "#/$defs/" + name} }

// Schema describes a map with the declared keys and no others.
func (s *Set) Schema() Schema {
	properties, required := Schema{}, []string{}
	for _, f := range s.fields {
		properties[f.Name] = f.Schema()
		if f.Required {
			required = append(required, f.Name)
		}
	}
	types := []string{"object", "string"}
	if len(required) == 0 {
		types = append(types, "null")
	}
	schema := Schema{"type": types, "pattern": templated, "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

// Schema describes the value of the parameter. A type that it does not know
// may be anything.
func (f *Field) Schema() Schema {
	schema := f.shape()
	if len(f.Enum) > 0 {
		schema = f.words(schema)
	}
	schema["description"] = f.Doc
	if f.Default != "" {
		schema["default"] = f.standard()
	}
	return schema
}

func (f *Field) shape() Schema {
	text := Refer("text")
	switch f.Type {
	case "text":
		return text
	case "path":
		return Refer("path")
	case "local path":
		return Refer("localPath")
	case "duration":
		return Refer("duration")
	case "mode":
		return Refer("mode")
	case "true or false":
		return Refer("truth")
	case "number":
		return Refer("number")
	case "expression":
		return Refer("condition")
	case "list of text", "list or text":
		return Schema{"type": []string{"array", "string", "number", "boolean"}, "items": text}
	case "list of paths":
		return Schema{"type": []string{"array", "string"}, "pattern": "^/|" + templated, "items": Refer("path")}
	case "list of maps":
		return Schema{"type": []string{"array", "string"}, "pattern": templated, "items": f.Sub.Schema()}
	case "map", "map of text", "map of maps", "map of lists":
		return f.fields()
	default:
		return Schema{}
	}
}

// fields describes a map, whose keys are the user's own unless Sub has them.
func (f *Field) fields() Schema {
	if f.Sub != nil {
		return f.Sub.Schema()
	}
	open := func(value any) Schema {
		return Schema{"type": []string{"object", "string", "null"}, "pattern": templated, "additionalProperties": value}
	}
	switch f.Type {
	case "map of text":
		return open(Schema{"type": []string{"string", "number", "boolean", "null"}})
	case "map of maps":
		return open(open(Refer("text")))
	case "map of lists":
		return open(Schema{"type": []string{"array", "string"}, "pattern": templated, "items": Refer("text")})
	default:
		return open(Schema{})
	}
}

// words narrows a text, or each of a list of texts, to the allowed ones.
func (f *Field) words(schema Schema) Schema {
	one := Schema{"anyOf": []any{Schema{"enum": f.Enum}, Refer("expression")}}
	if _, list := schema["items"]; !list {
		return one
	}
	return Schema{"anyOf": append(one["anyOf"].([]any), Schema{"type": "array", "items": one})}
}

// standard is the default in the type that it is written in.
func (f *Field) standard() any {
	switch f.Type {
	case "true or false":
		return f.Default == "true"
	case "number":
		if n, err := strconv.Atoi(f.Default); err == nil {
			return n
		}
	case "list of text", "list of paths":
		return strings.Split(f.Default, ", ")
	}
	return f.Default
}
