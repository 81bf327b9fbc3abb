package adopt

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"lockstep/internal/source"
)

// typeOfKey is the type of a key of steps and plans whose value is written in
// another way than Ansible's.
func typeOfKey(key string) string {
	switch key {
	case "when", "until", "failed_when", "changed_when":
		return "expression"
	case "timeout", "delay":
		return "duration"
	case "become", "run_once", "ignore_errors":
		return "true or false"
	case "serial":
		return "number or percentage"
	}
	return ""
}

// same notes what runs as it is, unless its value is written in another way.
func (r *reader) same(f source.Field, what, typ string) {
	before := len(r.report.Findings)
	if r.value(f, typ); len(r.report.Findings) == before {
		r.note(f.KeyPos, Same, what, "")
	}
}

// value judges how the value of f is written, by its type here.
func (r *reader) value(f source.Field, typ string) {
	v := f.Value
	switch {
	case typ == "expression":
		r.condition(f)
		return
	case strings.Contains(v.Text, "{{") || v.Shape != source.Scalar:
	case typ == "duration":
		if n, ok := v.Any.(int); ok {
			r.note(v.Pos, Spelled, fmt.Sprintf("%s: %d", f.Key, n), fmt.Sprintf("%s: %ds", f.Key, n))
		}
	case typ == "true or false":
		if word, ok := truth(v); ok {
			r.note(v.Pos, Spelled, f.Key+": "+v.Text, f.Key+": "+word)
		}
	case typ == "mode":
		r.mode(f)
	}
	r.templates(v)
}

// truth is the spelling of a truth value that is not written true or false.
func truth(v source.Value) (string, bool) {
	if _, ok := v.Any.(bool); ok && !v.Quoted {
		return "", false
	}
	switch strings.ToLower(v.Text) {
	case "yes", "on", "true", "y", "1":
		return "true", true
	case "no", "off", "false", "n", "0":
		return "false", true
	}
	return "", false
}

func (r *reader) mode(f source.Field) {
	v := f.Value
	n, decimal := v.Any.(int)
	switch {
	case decimal && v.Text[0] != '0':
		r.note(v.Pos, Spelled, "mode: "+v.Text, fmt.Sprintf("mode: \"0%s\": without the zero Ansible takes it for %04o", v.Text, n&0o7777))
	case !regexp.MustCompile(`^(0o)?[0-7]+$`).MatchString(v.Text):
		r.note(v.Pos, Missing, "mode: "+v.Text, `write octal digits: "0640"`)
	}
}

// templates judges the expressions in all texts of v.
func (r *reader) templates(v source.Value) {
	if v.Tag == "!vault" {
		r.note(v.Pos, Missing, "!vault", "a plan holds nothing that is encrypted: keep the value in group_vars")
		return
	}
	for _, item := range v.Items {
		r.templates(item)
	}
	for _, f := range v.Fields {
		r.templates(f.Value)
	}
	if v.Shape != source.Scalar || v.Tag != "" {
		return
	}
	if strings.Contains(v.Text, "{%") {
		r.note(v.Pos, Missing, "{% %}", "a plan has expressions in {{ }} only")
		return
	}
	for _, text := range templated(v.Text) {
		r.expression(v, text)
	}
}

// templated returns the texts between {{ and }}.
func templated(text string) []string {
	var out []string
	for _, part := range strings.Split(text, "{{")[1:] {
		inner, _, closed := strings.Cut(part, "}}")
		if closed {
			out = append(out, strings.Trim(inner, " -\n"))
		}
	}
	return out
}

// expression judges one text between {{ and }}.
func (r *reader) expression(v source.Value, text string) {
	switch spelling, why := r.spell(text); {
	case why != "":
		r.note(v.Pos, Missing, "{{ "+shownExpr(text)+" }}", why)
	case spelling != text || mustExist(text) != "":
		r.note(v.Pos, Spelled, "{{ "+shownExpr(text)+" }}", "{{ "+shownExpr(spelling)+" }}"+mustExist(text))
	}
}

// mustExist says so of a variable that the expression has a default for:
// default is about null here, and a variable that is nowhere is a mistake.
func mustExist(text string) string {
	m := regexp.MustCompile(`([A-Za-z_]\w*)\s*\|\s*(d|default)\s*\(`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return fmt.Sprintf(", and `%s: null` for all hosts in group_vars/all.yml", m[1])
}

// condition judges a condition, or a list of them that must all hold.
func (r *reader) condition(f source.Field) {
	conditions := f.Value.Items
	if f.Value.Shape == source.Scalar {
		conditions = []source.Value{f.Value}
	}
	var spelled []string
	exist := ""
	changed := f.Value.Shape == source.List && f.Key != "when"
	for _, c := range conditions {
		text := strings.TrimSpace(c.Text)
		if inner := templated(text); len(inner) == 1 && strings.HasPrefix(text, "{{") && strings.HasSuffix(text, "}}") {
			text = inner[0]
		}
		if word, ok := truth(c); ok {
			text = word
		}
		spelling, why := r.spell(text)
		if why != "" {
			r.note(c.Pos, Missing, f.Key+": "+shownExpr(c.Text), why)
			return
		}
		exist = cmp.Or(exist, mustExist(text))
		changed = changed || spelling != c.Text || exist != ""
		spelled = append(spelled, spelling)
	}
	if !changed {
		return
	}
	if f.Key == "when" && f.Value.Shape == source.List {
		for i, s := range spelled {
			spelled[i] = quote(s)
		}
		r.note(f.Value.Pos, Spelled, f.Key, "when: ["+shownExpr(strings.Join(spelled, ", "))+"]"+exist)
		return
	}
	if len(spelled) > 1 {
		for i, s := range spelled {
			if strings.Contains(s, " or ") || strings.Contains(s, "?") {
				spelled[i] = "(" + s + ")"
			}
		}
	}
	r.note(f.Value.Pos, Spelled, f.Key, f.Key+": "+shownExpr(strings.Join(spelled, " and "))+exist)
}
