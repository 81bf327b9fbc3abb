package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/source"
	"lockstep/internal/spell"
	"lockstep/steps"
	"lockstep/steps/param"
)

// attributeNames are the words that any step may have, for hints.
func attributeNames() []string {
	var set param.Set
	newAttributes().declare(&set)
	names := []string{"steps", "include", "set", "assert", "pause"}
	for _, f := range set.Fields() {
		names = append(names, f.Name)
	}
	return names
}

// step compiles one step for all hosts.
func (c *compiler) step(item source.Value, at spot) {
	kind, params, attrs, ok := c.parts(item)
	if !ok {
		return
	}
	at = c.tagged(c.with(given(at, attrs.when), attrs.vars), attrs.tags)
	selected := c.selected(at.tags)
	t := &Task{Kind: kind, Pos: item.Pos, Tags: at.tags, Timeout: attrs.timeout, IgnoreErrors: attrs.ignoreErrors, Once: attrs.runOnce, Register: attrs.register,
		bound: &bound{plan: c.plan, layer: at.layer, when: at.when, params: params, make: byKind(kind)}}
	if at.loop != nil {
		t.Element, t.each = at.loop.n, at.loop.each
	}
	known := len(c.problems)
	c.word(t, item)
	c.repeats(t, item, attrs, at)
	if t.As = c.identity(attrs.become, attrs.user, at); t.word {
		t.As = nil // it acts nowhere
	}
	c.title(t, attrs.name, at)
	c.delegate(t, attrs, at)
	c.bind(t, selected)
	t.unfolds(attrs.name)
	alone := kind.OnControl || attrs.runOnce || t.delegates != nil
	if !c.placed(t, item, attrs, at) {
		return
	}
	c.registers(t, attrs, item, kind.OnControl || attrs.runOnce, !selected || at.idle || t.nobody())
	c.repeatsUntil(t, known)
	if !selected || t.nobody() {
		return
	}
	c.put(t, at, alone)
	if at.into == nil && alone {
		s := c.plan.Stages[len(c.plan.Stages)-1]
		s.Once = attrs.runOnce
		if t.delegates != nil {
			s.Width = 1
		}
	}
}

// nobody reports whether the task concerns no host.
func (t *Task) nobody() bool {
	return !t.Kind.OnControl && t.skip != nil && !slices.Contains(t.skip, false) || t.Kind.OnControl && t.skip != nil
}

// placed refuses steps that cannot be where they stand.
func (c *compiler) placed(t *Task, item source.Value, a attributes, at spot) bool {
	switch {
	case t.Kind.OnControl && at.stage != nil:
		c.fail(item.Errorf("move the step out of the stage", "%s runs on the control machine, once; it has no place in a stage of hosts", t.Kind.Name))
	case a.runOnce && t.Kind.OnControl:
		c.fail(item.Errorf("leave run_once out", "%s runs once in any case", t.Kind.Name))
	case t.delegates != nil && t.Kind.OnControl:
		c.fail(item.Errorf("leave delegate_to out", "%s runs on the control machine in any case", t.Kind.Name))
	case t.delegates != nil && at.stage != nil && (at.stage.Width != 1 || len(at.stage.Widths) > 0):
		c.fail(item.Errorf("write serial: 1 on the stage", "a step with delegate_to needs a stage that takes one host at a time: two hosts would act on one at once"))
	case t.As != nil && (t.Kind.OnControl || slices.Contains(t.delegates, ControlName)):
		c.fail(item.Errorf("leave become out, or run lockstep as that user", "the step acts on the control machine, as the user who runs lockstep"))
	default:
		return true
	}
	return false
}

// parts splits a step into its kind with parameters and its attributes.
func (c *compiler) parts(item source.Value) (steps.Kind, source.Value, attributes, bool) {
	attrs := newAttributes()
	var set param.Set
	attrs.declare(&set)
	own := item
	own.Fields = nil
	var named []source.Field
	for _, f := range item.Fields {
		if fieldOf(&set, f.Key) != nil {
			own.Fields = append(own.Fields, f)
		} else {
			named = append(named, f)
		}
	}
	good := c.filled(own, &set)
	err := set.Decode(own)
	c.fail(err)
	kind, params, ok := c.kind(item, named)
	if attrs.loopVar != "" {
		f, _ := item.Get("loop_var")
		c.fail(item.ErrorAt(f.KeyPos, "", "loop_var belongs to a loop, and there is none"))
		ok = false
	}
	return kind, params, *attrs, ok && good && err == nil
}

// kind finds the one key of a step that names a kind.
func (c *compiler) kind(item source.Value, named []source.Field) (steps.Kind, source.Value, bool) {
	if len(named) == 0 {
		c.fail(item.Errorf("the kinds are "+strings.Join(c.kinds.Names(), ", "), "the step names no kind"))
		return steps.Kind{}, item, false
	}
	known := slices.IndexFunc(named, func(f source.Field) bool { _, ok := c.lookup(f.Key); return ok })
	good := true
	for i, f := range named {
		if i == known {
			continue
		}
		good = false
		if _, isKind := c.lookup(f.Key); isKind {
			c.fail(item.ErrorAt(f.KeyPos, "make it a step of its own", "the step names a second kind, %q", f.Key))
			continue
		}
		c.fail(item.ErrorAt(f.KeyPos, c.hint(f.Key), "there is no step kind or attribute %q", f.Key))
	}
	if !good || known < 0 {
		return steps.Kind{}, item, false
	}
	k, _ := c.lookup(named[known].Key)
	return k, named[known].Value, true
}

// lookup finds a kind, or a word of the language that is used like one.
func (c *compiler) lookup(name string) (steps.Kind, bool) {
	if k, ok := wordKind(name); ok {
		return k, true
	}
	k, _, ok := c.kinds.Lookup(name)
	return k, ok
}

// isStageKey reports whether only a stage has the attribute.
func isStageKey(key string) bool {
	return slices.Contains([]string{"serial", "order", "gate", "settle", "gate_timeout", "max_failures", "approve"}, key)
}

func (c *compiler) hint(key string) string {
	switch key {
	case "rescue", "always":
		return fmt.Sprintf("%s belongs to a group: a step with nested `steps`", key)
	}
	if known := fromAnsible(key); known != "" {
		return known
	}
	if isStageKey(key) {
		return fmt.Sprintf("%s belongs to a stage: a step with nested `steps`", key)
	}
	if n := spell.Nearest(key, append(c.kinds.Names(), attributeNames()...)); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return "the kinds are " + strings.Join(c.kinds.Names(), ", ") + " (`lockstep steps` lists them)"
}

// The tags with a meaning of their own: a step with the first is left out only
// by --skip-tags, one with the second takes part only when --tags names one of
// its tags.
const (
	alwaysTag = "always"
	neverTag  = "never"
)

func (c *compiler) selected(tags []string) bool {
	has := func(want []string) bool {
		return slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(want, t) })
	}
	switch {
	case has(c.options.SkipTags):
		return false
	case has(c.options.Tags):
		return true
	case slices.Contains(tags, neverTag):
		return false
	}
	return len(c.options.Tags) == 0 || slices.Contains(tags, alwaysTag)
}

// title resolves the step's name for each host; a loop's step says which
// element it is for.
func (c *compiler) title(t *Task, name source.Value, at spot) {
	if name.Shape != source.Null && name.Shape != source.Scalar {
		c.fail(name.Errorf("", "name must be text, but this is %s", name.Shape))
		return
	}
	common, err := c.titleIn(c.common, t, name, at)
	if t.Name = cmp.Or(common, t.Kind.Name); err == nil || t.named(err) {
		return
	}
	if !isVaries(err) {
		c.fail(untimely(name, err, "a name"))
		return
	}
	t.names = make([]string, len(c.scopes))
	for i, s := range c.scopes {
		if t.names[i], err = c.titleIn(s, t, name, at); err != nil && !t.named(err) {
			c.failOn(s.host, untimely(name, err, "a name"))
		}
	}
	t.Name = cmp.Or(name.Text, t.Kind.Name)
}

func (c *compiler) titleIn(base *scope, t *Task, name source.Value, at spot) (string, error) {
	s := at.layer.scope(base)
	v, err := s.resolve(name)
	if err != nil || at.loop == nil || at.loop.each != nil || templated(name) {
		return cmp.Or(v.Text, t.Kind.Name), err
	}
	item, err := s.lookup(at.loop.name)
	if err != nil && !isVaries(err) {
		err = nil // the loop itself says what is wrong
	}
	return labelled(cmp.Or(v.Text, t.Kind.Name), at.loop.n, item), err
}

// labelled is the name of a loop's step for its n-th element.
func labelled(name string, n int, item any) string {
	label := fmt.Sprintf("#%d", n)
	switch x := item.(type) {
	case nil, []any:
	case map[string]any:
		if own, ok := x["name"].(string); ok {
			label = own
		}
	default:
		label = fmt.Sprint(x)
	}
	return fmt.Sprintf("%s (%s)", name, label)
}

// untimely says that what is needed before the run is known only during it.
func untimely(v source.Value, err error, what string) error {
	if delayed(err) {
		return v.Errorf("use variables of the plan or the inventory", "%s is needed before the run: %v", what, err)
	}
	return err
}

func (c *compiler) checkTags(root source.Value) {
	for _, tag := range slices.Concat(c.options.Tags, c.options.SkipTags) {
		if !c.tagSeen[tag] && len(c.problems) == 0 {
			c.fail(fmt.Errorf("no step of %s has the tag %q%s", root.Pos.File, tag, didYouMean(tag, c.tagSeen)))
		}
	}
}

func didYouMean(tag string, seen map[string]bool) string {
	var known []string
	for t := range seen {
		known = append(known, t)
	}
	slices.Sort(known)
	if n := spell.Nearest(tag, known); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}
