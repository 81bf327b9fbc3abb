package adopt

import (
	"fmt"
	"regexp"
	"strings"
)

// same are the filters of Jinja that are functions of the same or another name;
// "" takes the filter away.
func same() map[string]string {
	return map[string]string{
		"upper": "upper", "lower": "lower", "trim": "trim", "int": "int", "float": "float", "string": "string", "abs": "abs",
		"first": "first", "last": "last", "min": "min", "max": "max", "sum": "sum", "reverse": "reverse", "sort": "sort",
		"flatten": "flatten", "join": "join", "split": "split", "replace": "replace", "length": "len", "count": "len",
		"unique": "uniq", "to_json": "toJSON", "tojson": "toJSON", "from_json": "fromJSON", "b64encode": "toBase64",
		"b64decode": "fromBase64", "list": "", "round": "round",
	}
}

// filters gives each filter the spelling of a function.
func (r *reader) filters(masked string, literals []string) (spelling, why string) {
	filter := regexp.MustCompile(`\s*\|\s*([\w.]+)\s*(\(([^()]*)\))?`)
	spelling = filter.ReplaceAllStringFunc(masked, func(found string) string {
		m := filter.FindStringSubmatch(found)
		name, args := m[1], strings.TrimSpace(m[3])
		out, problem := r.filter(name, args, literals)
		if problem != "" && why == "" {
			why = problem
		}
		if out == "" {
			return " "
		}
		return " " + out + " "
	})
	if spelling != masked {
		spelling = strings.ReplaceAll(strings.Join(strings.Fields(spelling), " "), " )", ")")
	}
	if m := regexp.MustCompile(`^(.+?)\s*\| ternary\((.+?),\s*(.+)\)$`).FindStringSubmatch(spelling); m != nil {
		spelling = fmt.Sprintf("%s ? %s : %s", m[1], m[2], m[3])
	}
	return spelling, why
}

func (r *reader) filter(name, args string, literals []string) (spelling, why string) {
	first, _, _ := strings.Cut(args, ",")
	switch name {
	case "ternary":
		return "| ternary(" + args + ")", ""
	case "map":
		if attr, ok := strings.CutPrefix(unmask(args, literals), "attribute="); ok {
			return "| map(." + strings.Trim(attr, `'" `) + ")", ""
		}
		return fmt.Sprintf("| map(%s(#))", strings.Trim(unmask(first, literals), `'" `)), ""
	case "default", "d":
		if !r.function("default") {
			return "", "every variable must exist: give it its default in group_vars/all.yml or in the plan's `vars`"
		}
		if strings.Contains(args, ",") {
			return "", "default takes one value: what is empty is compared with \"\""
		}
		return "| default(" + args + ")", ""
	case "selectattr", "rejectattr":
		return attribute(name, unmask(args, literals))
	case "bool":
		if r.function("bool") {
			return "| bool()", ""
		}
		return "", ""
	case "mandatory":
		return "", ""
	}
	for _, known := range []string{name, same()[name]} {
		if known != "" && r.function(known) {
			return fmt.Sprintf("| %s(%s)", known, args), ""
		}
	}
	if to, ok := same()[name]; ok && to == "" {
		return "", ""
	}
	return "", fmt.Sprintf("there is no function %s", name)
}

// attribute spells the filters that choose by an attribute of each element.
func attribute(name, args string) (spelling, why string) {
	part := mapped(strings.SplitN(args, ",", 3), strings.TrimSpace)
	field := "." + strings.Trim(part[0], `'"`)
	test := field
	if len(part) == 3 {
		compare := map[string]string{"equalto": "==", "==": "==", "eq": "==", "!=": "!=", "ne": "!=", ">": ">", "<": "<", "in": "in"}[strings.Trim(part[1], `'"`)]
		if compare == "" {
			return "", fmt.Sprintf("write filter(LIST, ...) with a condition about %s", field)
		}
		test = field + " " + compare + " " + part[2]
	}
	if name == "rejectattr" {
		test = "not (" + test + ")"
	}
	return "| filter(" + test + ")", ""
}
