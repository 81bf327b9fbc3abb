package plan

import (
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
	s.defs["width"] = param.Schema{
		"anyOf": []any{
			param.Schema{"type": "integer", "minimum": 1},
			param.Schema{"type": "string", "pattern": `^(100|0*[1-9][0-9]?)%$|^0*[1-9][0-9]*$`},
		},
	}
	for _, k := range kinds.Kinds() {
		var set param.Set
		k.New().Params(&set)
		s.defs["kind."+k.Name] = s.set(&set)
	}
	s.defs["step"] = s.step(d.Step)
	s.defs["inner"] = s.inner()
	s.defs["gate"] = s.gate()
	s.defs["stage"] = s.set(d.Stage)
	s.defs["item"] = param.Schema{
		"if":   param.Schema{"required": []string{"steps"}},
		"then": param.Refer("stage"), "else": param.Refer("step"),
	}
	root := s.set(d.Plan)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "lockstep plan"
	root["type"] = "object"
	root["$defs"] = s.defs
	root["properties"].(param.Schema)["steps"] = s.list("item", root["properties"].(param.Schema)["steps"].(param.Schema))
	return root
}

type schema struct {
	kinds *steps.Registry
	defs  param.Schema
}

// set describes the keys of set, of which some have types that only plans have.
func (s *schema) set(set *param.Set) param.Schema {
	out := set.Schema()
	properties := out["properties"].(param.Schema)
	for _, f := range set.Fields() {
		had := properties[f.Name].(param.Schema)
		switch f.Type {
		case "list of steps":
			properties[f.Name] = s.list("inner", had)
		case "step":
			had["$ref"] = "#/$defs/gate"
		case "number or percentage":
			had["$ref"] = "#/$defs/width"
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
	out := s.set(attributes)
	out["type"] = "object"
	delete(out, "pattern")
	var one []any
	for _, k := range s.kinds.Kinds() {
		out["properties"].(param.Schema)[k.Name] = s.kind(k)
		one = append(one, required(k.Name))
	}
	out["oneOf"] = one
	return out
}

func (s *schema) kind(k steps.Kind) param.Schema {
	ref := param.Refer("kind." + k.Name)
	ref["description"] = k.Summary
	return ref
}

func required(name string) param.Schema { return param.Schema{"required": []string{name}} }

// inner describes a step inside a stage, where none runs on the control machine.
func (s *schema) inner() param.Schema {
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
