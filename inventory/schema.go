package inventory

import (
	"slices"
	"strings"

	"lockstep/steps/param"
)

// Schema describes inventories in the YAML layout, as a JSON Schema of draft
// 2020-12. Ranges, ports and what takes more than one key to judge, such as
// groups that contain each other, are seen by Load alone.
func Schema() param.Schema {
	never := param.Schema{"not": param.Schema{}}
	return param.Schema{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "lockstep inventory",
		"type":                 "object",
		"properties":           param.Schema{"hosts": never, "vars": never, "children": never, "plugin": never},
		"propertyNames":        param.Refer("groupName"),
		"additionalProperties": param.Refer("group"),
		"$defs": param.Schema{
			"groupName": param.Schema{"pattern": `^[\p{L}\p{Nd}_][\p{L}\p{Nd}_.-]*$`, "description": "letters, digits, underscores, dots and dashes"},
			"hostName":  param.Schema{"pattern": `^[\p{L}\p{Nd}_\[:][\p{L}\p{Nd}_.:\[\]-]*$`, "description": "a name or address, with ranges such as db[01:20], and a port behind a colon"},
			"group":     groupSchema(),
			"host":      hostSchema(),
			"vars":      varsSchema(),
			"value":     param.Schema{"type": []string{"string", "number", "boolean", "null"}},
			"secret":    secretSchema(),
		},
	}
}

// secretSchema describes what stands behind !secret: a schema sees no tags.
func secretSchema() param.Schema {
	text := param.Schema{"type": "string", "minLength": 1}
	return param.Schema{
		"type": "object", "additionalProperties": false, "description": "where a secret is kept, behind the tag !secret",
		"properties": param.Schema{
			"file": text, "env": text, "age": text, "identity": text,
			"command": param.Schema{"type": "array", "items": param.Schema{"type": "string"}, "minItems": 1},
		},
		"oneOf": []any{
			param.Schema{"required": []string{"file"}}, param.Schema{"required": []string{"env"}},
			param.Schema{"required": []string{"command"}}, param.Schema{"required": []string{"age", "identity"}},
		},
		"dependentRequired": param.Schema{"identity": []string{"age"}, "age": []string{"identity"}},
	}
}

func groupSchema() param.Schema {
	entries := func(name, value, doc string) param.Schema {
		return param.Schema{
			"type": []string{"object", "string", "null"}, "description": doc,
			"propertyNames": param.Refer(name), "additionalProperties": param.Refer(value),
		}
	}
	vars := param.Refer("vars")
	vars["description"] = "variables of all hosts in the group and below it"
	return param.Schema{
		"type":                 []string{"object", "null"},
		"additionalProperties": false,
		"properties": param.Schema{
			"hosts":    entries("hostName", "host", "the hosts, each a key with its variables below"),
			"children": entries("groupName", "group", "groups below this one, each a key"),
			"vars":     vars,
		},
	}
}

// hostSchema describes a host's variables, which stand directly below its name.
func hostSchema() param.Schema {
	out := param.Refer("vars")
	out["properties"] = param.Schema{"hosts": false, "vars": false, "children": false}
	return out
}

// varsSchema describes variables: the user's own, and those that are
// understood among Ansible's.
func varsSchema() param.Schema {
	properties := param.Schema{priorityVar: param.Schema{"type": "integer", "description": "which of two groups beside each other wins: the higher number"}}
	for _, name := range ConnectionVars() {
		properties[name] = connectionSchema(name)
	}
	known := append(ConnectionVars(), harmless()...)
	return param.Schema{
		"type":       []string{"object", "null"},
		"properties": properties,
		"propertyNames": param.Schema{
			"if": param.Schema{"pattern": "^ansible_"},
			"then": param.Schema{"anyOf": []any{
				param.Schema{"enum": known},
				param.Schema{"pattern": "_interpreter$"},
				param.Schema{"pattern": "^(" + strings.Join(facts(), "|") + ")"},
			}},
		},
	}
}

// connectionSchema describes the value of a variable that Connection honours.
func connectionSchema(name string) param.Schema {
	switch {
	case slices.Contains(slices.Concat(LoginPasswords(), BecomePasswords()), name):
		return param.Schema{"anyOf": []any{param.Refer("value"), param.Refer("secret")}}
	case strings.HasSuffix(name, "_port"):
		return param.Schema{"anyOf": []any{
			param.Schema{"type": "null"},
			param.Schema{"type": "integer", "minimum": 1, "maximum": 65535},
			param.Schema{"type": "string", "pattern": `^([0-9]*|.*\{\{.*)$`},
		}}
	case name == "ansible_become_method":
		methods := []any{nil, ""}
		for _, m := range BecomeMethods() {
			methods = append(methods, m)
		}
		return param.Schema{"anyOf": []any{param.Schema{"enum": methods}, param.Schema{"type": "string", "pattern": `\{\{`}}}
	case name == "ansible_become":
		words := []any{nil, true, false, 0, 1, ""}
		for _, word := range []string{"true", "yes", "y", "on", "t", "1", "false", "no", "n", "off", "f", "0"} {
			words = append(words, word, strings.ToUpper(word), strings.ToUpper(word[:1])+word[1:])
		}
		return param.Schema{"anyOf": []any{param.Schema{"enum": unique(words)}, param.Schema{"type": "string", "pattern": `\{\{`}}}
	}
	return param.Refer("value")
}

// unique drops what stands in words before: the same value twice is no enum.
func unique(words []any) []any {
	seen := map[any]bool{}
	var out []any
	for _, w := range words {
		if !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}
