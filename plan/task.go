package plan

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// inherited is what a stage gives to its steps.
type inherited struct {
	tags []string
	when source.Value
}

// attributes are the keys of a step that are not its kind.
type attributes struct {
	name    string
	when    source.Value
	tags    []string
	timeout time.Duration
}

func (a *attributes) declare(set *param.Set) {
	set.String(&a.name, "name", "what the step does")
	set.Raw(&a.when, "when", "expression", "whether the host takes part")
	set.Strings(&a.tags, "tags", "words to select steps by")
	set.Duration(&a.timeout, "timeout", "how long each act of the step may take")
}

// task compiles one step for all hosts. It returns nil when there is a problem
// or nothing to do.
func (c *compiler) task(item source.Value, s *Stage, from *inherited) *Task {
	if item.Shape != source.Map {
		c.fail(item.Errorf("", "a step must be a map, but this is %s", item.Shape))
		return nil
	}
	kind, params, attrs, ok := c.parts(item)
	if !ok {
		return nil
	}
	if from != nil {
		attrs.tags = append(slices.Clone(from.tags), attrs.tags...)
	}
	for _, tag := range attrs.tags {
		c.tagSeen[tag] = true
	}
	t := &Task{
		Name: cmp.Or(attrs.name, kind.Name), Kind: kind, Pos: item.Pos,
		Tags: attrs.tags, Timeout: attrs.timeout, params: map[string]source.Value{},
	}
	conditions := []source.Value{attrs.when}
	if from != nil {
		conditions = append(conditions, from.when)
	}
	selected := c.selected(attrs.tags)
	if kind.OnControl {
		c.bindOnce(t, params, conditions, selected)
	} else {
		c.bind(t, params, conditions, selected)
	}
	if len(t.params) == 0 || !selected {
		return nil
	}
	return t
}

// parts splits a step into its kind with parameters and its attributes.
func (c *compiler) parts(item source.Value) (steps.Kind, source.Value, attributes, bool) {
	var attrs attributes
	var set param.Set
	attrs.declare(&set)
	own := source.Value(item)
	own.Fields = nil
	var named []source.Field
	for _, f := range item.Fields {
		if set.Has(f.Key) {
			own.Fields = append(own.Fields, f)
		} else {
			named = append(named, f)
		}
	}
	if err := set.Decode(own); err != nil {
		c.fail(err)
		return steps.Kind{}, item, attrs, false
	}
	kind, params, ok := c.kind(item, named)
	return kind, params, attrs, ok
}

// kind finds the one key of a step that names a kind.
func (c *compiler) kind(item source.Value, named []source.Field) (steps.Kind, source.Value, bool) {
	if len(named) == 0 {
		c.fail(item.Errorf("the kinds are "+strings.Join(c.kinds.Names(), ", "), "the step names no kind"))
		return steps.Kind{}, item, false
	}
	known := slices.IndexFunc(named, func(f source.Field) bool { _, _, ok := c.kinds.Lookup(f.Key); return ok })
	good := true
	for i, f := range named {
		if i == known {
			continue
		}
		good = false
		if _, _, isKind := c.kinds.Lookup(f.Key); isKind {
			c.fail(item.ErrorAt(f.KeyPos, "make it a step of its own", "the step names a second kind, %q", f.Key))
			continue
		}
		c.fail(item.ErrorAt(f.KeyPos, c.hint(f.Key), "there is no step kind or attribute %q", f.Key))
	}
	if !good || known < 0 {
		return steps.Kind{}, item, false
	}
	k, _, _ := c.kinds.Lookup(named[known].Key)
	return k, named[known].Value, true
}

// isStageKey reports whether only a step with nested steps has the attribute.
func isStageKey(key string) bool {
	d := Declared()
	return d.Stage.Has(key) && !d.Step.Has(key)
}

func (c *compiler) hint(key string) string {
	if key == "steps" {
		return "a stage holds plain steps; write this one beside it"
	}
	if isStageKey(key) {
		return fmt.Sprintf("%s belongs to a stage: a step with nested `steps`", key)
	}
	words := append(c.kinds.Names(), "steps")
	for _, f := range Declared().Step.Fields() {
		words = append(words, f.Name)
	}
	if n := source.Nearest(key, words); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return "the kinds are " + strings.Join(c.kinds.Names(), ", ") + " (`lockstep steps` lists them)"
}

func (c *compiler) selected(tags []string) bool {
	has := func(want []string) bool {
		return slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(want, t) })
	}
	return (len(c.options.Tags) == 0 || has(c.options.Tags)) && !has(c.options.SkipTags)
}

// bind resolves and decodes the parameters for each host that the conditions
// leave. Local files matter only for a step that is selected.
func (c *compiler) bind(t *Task, params source.Value, conditions []source.Value, selected bool) {
	for i, s := range c.scopes {
		yes, err := s.all(conditions)
		if err != nil {
			c.failOn(s.host, err)
			continue
		}
		if !yes {
			continue
		}
		if v, ok := c.decoded(t.Kind, params, s, selected); ok {
			t.params[c.plan.Hosts[i].Name] = v
		}
	}
}

// bindOnce resolves the parameters of a step on the control machine, which
// must come out equal whichever host is asked.
func (c *compiler) bindOnce(t *Task, params source.Value, conditions []source.Value, selected bool) {
	known := len(c.problems)
	for i, s := range c.scopes {
		yes, err := s.all(conditions)
		c.failOn(s.host, err)
		v := source.Value{}
		if yes {
			v, _ = c.decoded(t.Kind, params, s, selected)
		}
		if len(c.problems) > known {
			continue // to meet the same problem on the other hosts
		}
		before, had := t.params[""]
		if i > 0 && (had != yes || !reflect.DeepEqual(before.Plain(), v.Plain())) {
			c.fail(params.Errorf("use only variables that are equal on all hosts", "%s runs once on the control machine, but its parameters differ between %s and %s",
				t.Kind.Name, c.plan.Hosts[0].Name, c.plan.Hosts[i].Name))
			return
		}
		if yes {
			t.params[""] = v
		}
	}
}

func (c *compiler) decoded(k steps.Kind, params source.Value, s *scope, selected bool) (source.Value, bool) {
	v, err := s.resolve(params)
	if err != nil {
		c.failOn(s.host, err)
		return v, false
	}
	step, err := decode(k, v)
	if err != nil {
		c.failOn(s.host, err)
		return v, false
	}
	if selected {
		c.localFiles(s.host, v, step)
	}
	return v, true
}

// decode makes a step from resolved parameters and lets it check them.
func decode(k steps.Kind, v source.Value) (steps.Step, error) {
	step := k.New()
	var set param.Set
	step.Params(&set)
	if err := set.Decode(v); err != nil {
		return nil, err
	}
	if checker, ok := step.(steps.Checker); ok {
		if err := checker.Check(); err != nil {
			if positioned(err) {
				return nil, err
			}
			return nil, v.Errorf("", "%v", err)
		}
	}
	return step, nil
}

func positioned(err error) bool {
	switch err.(type) {
	case *source.Error, *multierror.Error:
		return true
	}
	return false
}

// all reports whether every condition holds; a missing one does.
func (s *scope) all(conditions []source.Value) (bool, error) {
	for _, v := range conditions {
		if v.Shape == source.Null {
			continue
		}
		if v.Shape != source.Scalar {
			return false, v.Errorf("join conditions with && in one text", "a condition is one expression, but this is %s", v.Shape)
		}
		out := v.Any
		if text, ok := v.Any.(string); ok {
			var err error
			if out, err = s.eval(v, text); err != nil {
				return false, err
			}
		}
		yes, ok := out.(bool)
		if !ok {
			return false, v.Errorf("compare with ==, or write true or false", "the condition %q gives %v, not true or false", v.Text, out)
		}
		if !yes {
			return false, nil
		}
	}
	return true, nil
}

// gate compiles a stage's gate for every host of the stage.
func (c *compiler) gate(s *Stage, v source.Value) {
	params := v
	var kind steps.Kind
	var ok bool
	switch {
	case v.Shape == source.Scalar: // the kind's name alone: all its defaults
		empty := v
		empty.Shape, empty.Any, empty.Text = source.Null, nil, ""
		kind, params, ok = c.kind(v, []source.Field{{Key: v.Text, KeyPos: v.Pos, Value: empty}})
	case v.Shape == source.Map:
		kind, params, ok = c.kind(v, v.Fields)
	default:
		c.fail(v.Errorf("write gate: galera", "a gate is a step kind with its parameters, but this is %s", v.Shape))
	}
	if !ok {
		return
	}
	if _, judges := kind.New().(steps.Judge); !judges {
		c.fail(v.Errorf("the kinds that can are "+strings.Join(c.judges(), ", "), "%s cannot judge health, so it is no gate", kind.Name))
		return
	}
	if kind.OnControl {
		c.fail(v.Errorf("", "%s runs on the control machine, so it is no gate of hosts", kind.Name))
		return
	}
	s.Gate = &Task{Name: "gate", Kind: kind, Pos: v.Pos, params: map[string]source.Value{}}
	c.bind(s.Gate, params, nil, true)
}

func (c *compiler) judges() []string {
	var names []string
	for _, k := range c.kinds.Kinds() {
		if _, ok := k.New().(steps.Judge); ok {
			names = append(names, k.Name)
		}
	}
	return names
}
