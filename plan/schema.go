package plan

import (
	"lockstep/inventory"
	"lockstep/steps"
	"lockstep/steps/param"
)

// Schema describes plan files whose steps are of the given kinds, as a JSON
// Schema of draft 2020-12. It is made of the declarations that Compile reads.
// What takes the inventory, a variable's value or two parameters at once is
// seen by Compile alone.
func Schema(kinds *steps.Registry) param.Schema {
	d := Declared()
	s := &schema{kinds, param.Definitions()}
	s.widths()
	for _, k := range kinds.Kinds() {
		var set param.Set
		k.New().Params(&set)
		s.defs["kind."+k.Name] = s.set(&set)
	}
	s.defs["conditions"] = param.Schema{"anyOf": []any{
		param.Refer("condition"),
		param.Schema{"type": "array", "items": param.Refer("condition"), "minItems": 1, "description": "all of them must hold"},
	}}
	s.defs["assert"] = s.assertion(d.Assert)
	s.defs["step"] = s.step(d.Step)
	s.defs["plainStep"] = s.onHosts()
	s.defs["gate"] = s.gate()
	s.defs["stage"] = s.own(d.Stage)
	s.defs["group"] = s.own(d.Group)
	s.defs["include"] = s.own(d.Include)
	s.defs["pause"] = s.own(d.Pause)
	s.defs["inner"] = choice(by{"steps", "group"}, by{"include", "include"}, by{"", "plainStep"})
	s.defs["item"] = choice(by{"steps", "stage"}, by{"include", "include"}, by{"pause", "pause"}, by{"", "step"})
	root := s.own(d.Plan)
	root["properties"].(param.Schema)["become"].(param.Schema)["not"] = param.Refer("expression")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "lockstep plan"
	root["$defs"] = s.defs
	root["properties"].(param.Schema)["steps"] = s.list("item", root["properties"].(param.Schema)["steps"].(param.Schema))
	return root
}

// oneTag is how oneWord wants a tag.
const oneTag = `^[^, \t\n{}]+$`

// by says which definition a map is of that has a key.
type by struct{ key, definition string }

// choice is the first of the definitions whose key is there.
func choice(of ...by) param.Schema {
	first := param.Refer(of[0].definition)
	if len(of) == 1 {
		return first
	}
	return param.Schema{"if": required(of[0].key), "then": first, "else": choice(of[1:]...)}
}

// widths defines how many hosts a stage takes, or lets fail.
func (s *schema) widths() {
	number := func(least int, pattern string) param.Schema {
		return param.Schema{"anyOf": []any{
			param.Schema{"type": "integer", "minimum": least},
			param.Schema{"type": "string", "pattern": pattern},
		}}
	}
	s.defs["width"] = number(1, `^(100|0*[1-9][0-9]?)%$|^0*[1-9][0-9]*$`)
	s.defs["failures"] = number(0, `^(100|[0-9]?[0-9])%$|^[0-9]+$`)
	s.defs["widths"] = param.Schema{"anyOf": []any{
		param.Refer("width"),
		param.Schema{"type": "array", "items": param.Refer("width"), "minItems": 1},
	}}
}

// assertion describes what must hold: a condition, a list of them, or both with
// a message.
func (s *schema) assertion(set *param.Set) param.Schema {
	full := s.own(set)
	full["properties"].(param.Schema)["that"] = param.Refer("conditions")
	return param.Schema{"anyOf": []any{param.Refer("conditions"), full}}
}

type schema struct {
	kinds *steps.Registry
	defs  param.Schema
}

// own describes a map of the language: it is no expression as a whole, and those
// of its keys that have a type are none either.
func (s *schema) own(set *param.Set) param.Schema {
	out := s.set(set)
	out["type"] = "object"
	delete(out, "pattern")
	properties := out["properties"].(param.Schema)
	for _, f := range set.Fields() {
		had := properties[f.Name].(param.Schema)
		switch {
		case f.Name == "vars":
			had["type"] = []string{"object", "null"}
			delete(had, "pattern")
		case f.Name == "when":
			had["$ref"] = "#/$defs/conditions"
		case f.Name == "tags":
			had["items"], had["pattern"] = param.Schema{"type": []string{"string", "number", "boolean"}, "pattern": oneTag}, oneTag
		case len(f.Enum) > 0:
			properties[f.Name] = param.Schema{"enum": f.Enum, "description": f.Doc}
		case f.Type == "true or false" && f.Name != "become", f.Type == "number", f.Type == "duration":
			had["not"] = param.Refer("expression")
		}
	}
	return out
}

// set describes the keys of set, of which some have types that only plans have.
func (s *schema) set(set *param.Set) param.Schema {
	out := set.Schema()
	properties := out["properties"].(param.Schema)
	for _, f := range set.Fields() {
		had := properties[f.Name].(param.Schema)
		if f.Name == "vars" && f.Type == "map" {
			had["propertyNames"] = param.Schema{"not": param.Schema{"enum": inventory.ConnectionVars()}}
		}
		switch f.Type {
		case "list of steps":
			properties[f.Name] = s.list("inner", had)
		case "step":
			had["$ref"] = "#/$defs/gate"
		case "number, percentage or list":
			had["$ref"] = "#/$defs/widths"
		case "number or percentage":
			had["$ref"] = "#/$defs/failures"
		case "list or expression":
			had["type"], had["pattern"] = []string{"array", "string"}, `\{\{`
		}
	}
	return out
}

// list describes a list of the definition called of.
func (s *schema) list(of string, field param.Schema) param.Schema {
	return param.Schema{"type": "array", "items": param.Refer(of), "description": field["description"]}
}

// step describes a step: its attributes, and exactly one kind.
func (s *schema) step(attributes *param.Set) param.Schema {
	out := s.own(attributes)
	var one []any
	for _, k := range s.kinds.Kinds() {
		out["properties"].(param.Schema)[k.Name] = s.kind(k)
		one = append(one, required(k.Name))
	}
	out["properties"].(param.Schema)["assert"] = param.Refer("assert")
	out["properties"].(param.Schema)["set"] = param.Schema{"type": "object", "minProperties": 1}
	out["oneOf"] = append(one, required("assert"), required("set"))
	return out
}

func (s *schema) kind(k steps.Kind) param.Schema {
	ref := param.Refer("kind." + k.Name)
	ref["description"] = k.Summary
	return ref
}

func required(name string) param.Schema { return param.Schema{"required": []string{name}} }

// onHosts describes a step inside a stage, where none runs on the control
// machine.
func (s *schema) onHosts() param.Schema {
	out := param.Refer("step")
	var control []any
	for _, k := range s.kinds.Kinds() {
		if k.OnControl {
			control = append(control, required(k.Name))
		}
	}
	if len(control) > 0 {
		out["not"] = param.Schema{"anyOf": control}
	}
	return out
}

// gate describes a kind that can judge health: its name, or a map of its name
// to its parameters.
func (s *schema) gate() param.Schema {
	var names []any
	properties := param.Schema{}
	for _, k := range s.kinds.Kinds() {
		if _, judges := k.New().(steps.Judge); judges && !k.OnControl {
			names = append(names, k.Name)
			properties[k.Name] = s.kind(k)
		}
	}
	return param.Schema{"anyOf": []any{
		param.Schema{"type": "null"},
		param.Schema{"enum": names},
		param.Schema{"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1, "maxProperties": 1},
	}}
}
