package plan

import (
	"regexp"
	"slices"

	"lockstep/internal/source"
	"lockstep/steps"
)

// identifier is how names look that expressions can use.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// registers makes the names known that the step's report goes by.
func (c *compiler) registers(t *Task, a attributes, item source.Value, global, idle bool) {
	if t.Kind.Name == "set" && t.word {
		c.refuseConnection(t.params.Fields)
		for _, f := range t.params.Fields {
			c.name(f.Key, t, item, f.KeyPos, &register{step: t.Name, global: global, idle: idle})
		}
	}
	if a.register == "" {
		return
	}
	fields := reported()
	if r, ok := t.Kind.New().(steps.Reporter); ok {
		fields = append(fields, r.Reports()...)
	}
	if t.Element > 0 || t.each != nil {
		fields = append(reported(), "results")
	}
	slices.Sort(fields)
	f, _ := item.Get("register")
	c.name(a.register, t, item, f.Value.Pos, &register{step: t.Name, fields: fields, global: global, idle: idle})
}

func (c *compiler) name(name string, t *Task, item source.Value, pos source.Pos, r *register) {
	if !identifier.MatchString(name) || slices.Contains([]string{"true", "false", "nil", "null", "in", "not", "and", "or", "let", "if", "else", "matches", "contains", "startsWith", "endsWith"}, name) {
		c.fail(item.ErrorAt(pos, "write a word of letters, digits and _", "%q cannot be the name of a variable", name))
		return
	}
	if c.taken(name) || t.layer.has(name) {
		c.fail(item.ErrorAt(pos, "choose another name", "the name %q is taken: it is a variable or a function already", name))
		return
	}
	old := c.registered[name]
	if old != nil && old.fields != nil && r.fields != nil {
		r.fields = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(old.fields), r.fields...))))
	}
	if old != nil {
		r.idle = r.idle && old.idle
	}
	c.registered[name] = r
}

func (c *compiler) taken(name string) bool {
	if slices.Contains(append(ownVariables(), longHost), name) || slices.Contains(c.exprs.words, name) {
		return true
	}
	for _, s := range c.scopes {
		if _, ok := s.written(name); ok {
			return true
		}
	}
	return false
}
