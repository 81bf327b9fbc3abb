package plan

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"lockstep/internal/source"
	"lockstep/steps"
)

// bind finds the hosts that a task concerns and checks its parameters for each
// of them: once where they are equal. Local files matter only for a step that
// is selected.
func (c *compiler) bind(t *Task, selected bool) {
	c.usedFacts = false
	if t.Kind.OnControl {
		c.bindOnce(t, selected)
	} else if c.bindWhen(t) {
		c.bindParams(t, selected)
	}
	t.facts = c.usedFacts
}

// bindWhen decides which hosts take part. It reports whether any may.
func (c *compiler) bindWhen(t *Task) bool {
	yes, err := t.all(c.common, t.when)
	switch {
	case err == nil && yes:
		return true
	case err == nil:
		t.skip = slices.Repeat([]bool{true}, len(c.scopes))
		return false
	case isLater(err):
		t.later = true
		return true
	}
	t.skip = make([]bool, len(c.scopes))
	for i, s := range c.scopes {
		yes, err := t.all(s, t.when)
		if isLater(err) {
			t.later, yes, err = true, true, nil
		}
		c.failOn(s.host, err)
		t.skip[i] = !yes && err == nil // a mistake hides no others
	}
	return slices.Contains(t.skip, false)
}

func isLater(err error) bool { _, ok := err.(*laterError); return ok }

func (c *compiler) bindParams(t *Task, selected bool) {
	if t.word {
		c.bindHosts(t, selected)
		return
	}
	s := t.layer.scope(c.common)
	v, err := s.resolve(t.params)
	if isLater(err) {
		t.wait(err)
		err = checkEarly(t.Kind, s, t.params)
		if err == nil {
			return
		}
	}
	if err == nil {
		var step steps.Step
		if step, err = decode(t.Kind, v); err == nil {
			t.shared = &v
			c.localFilesOf(t, v, step, selected)
			return
		}
	}
	if isVaries(err) {
		c.bindHosts(t, selected)
		return
	}
	for i, s := range c.scopes {
		if t.takes(i) {
			c.failOn(s.host, err)
		}
	}
}

func (b *bound) takes(i int) bool { return b.skip == nil || !b.skip[i] }

// localFilesOf checks the local files of a step that is equal on all hosts.
func (c *compiler) localFilesOf(t *Task, v source.Value, step steps.Step, selected bool) {
	known := len(c.problems)
	for i, s := range c.scopes {
		if !selected || !t.takes(i) {
			continue
		}
		if c.localFiles(s.host, v, step); len(c.problems) == known {
			return
		}
	}
}

// bindHosts checks the parameters on each host by itself.
func (c *compiler) bindHosts(t *Task, selected bool) {
	for i, base := range c.scopes {
		if !t.takes(i) {
			continue
		}
		s := t.layer.scope(base)
		step, err := t.make(s, t.params)
		if isLater(err) {
			t.wait(err)
			if err = nil; !t.word {
				err = checkEarly(t.Kind, s, t.params)
			}
		}
		c.failOn(base.host, err)
		if err == nil && step != nil && selected {
			c.localFiles(base.host, t.params, step)
		}
	}
}

// bindOnce resolves the parameters of a step on the control machine, which
// must come out equal whichever host is asked.
func (c *compiler) bindOnce(t *Task, selected bool) {
	known := len(c.problems)
	var first any
	for i, base := range c.scopes {
		yes, err := t.all(base, t.when)
		c.failOn(base.host, c.global(t, err))
		if isLater(err) {
			yes = true
		}
		var v source.Value
		if yes {
			v = c.once(t, base, selected)
		}
		if len(c.problems) > known {
			continue // to meet the same problem on the other hosts
		}
		if i == 0 {
			first = []any{yes, v.Plain()}
			if !yes {
				t.skip = slices.Repeat([]bool{true}, len(c.scopes))
			}
		} else if !reflect.DeepEqual(first, []any{yes, v.Plain()}) {
			c.fail(t.params.Errorf("use only variables that are equal on all hosts", "%s runs once on the control machine, but its parameters differ between %s and %s",
				t.Kind.Name, c.plan.Hosts[0].Name, base.host))
			return
		}
	}
}

// once checks the parameters of a step on the control machine as host sees them.
func (c *compiler) once(t *Task, base *scope, selected bool) source.Value {
	s := t.layer.scope(base)
	v, err := s.resolve(t.params)
	if isLater(err) {
		if err = c.global(t, err); err == nil {
			err = checkEarly(t.Kind, s, t.params)
		}
		c.failOn(base.host, err)
		return t.params
	}
	step, err := steps.Step(nil), err
	if err == nil {
		step, err = decode(t.Kind, v)
	}
	c.failOn(base.host, err)
	if err == nil && selected {
		c.localFiles(base.host, v, step)
	}
	return v
}

// global refuses values that each host has its own of.
func (c *compiler) global(t *Task, err error) error {
	later, ok := err.(*laterError)
	if !ok {
		return err
	}
	if t.wait(err); t.sealed {
		return nil
	}
	if r := c.registered[later.name]; r != nil && r.global {
		return nil
	}
	return t.params.Errorf("register it in a step with run_once", "%s runs once on the control machine, but each host has its own %q", t.Kind.Name, later.name)
}

// identifier is how names look that expressions can use.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// registers makes the names known that the step's report goes by.
func (c *compiler) registers(t *Task, a attributes, item source.Value, global bool) {
	if t.Kind.Name == "set" && t.word {
		for _, f := range t.params.Fields {
			c.name(f.Key, item, f.KeyPos, &register{step: t.Name, global: global})
		}
	}
	if a.register == "" {
		return
	}
	fields := reported()
	if r, ok := t.Kind.New().(steps.Reporter); ok {
		fields = append(fields, r.Reports()...)
	}
	if t.Element > 0 {
		fields = append(reported(), "results")
	}
	slices.Sort(fields)
	f, _ := item.Get("register")
	c.name(a.register, item, f.Value.Pos, &register{step: t.Name, fields: fields, global: global})
}

func (c *compiler) name(name string, item source.Value, pos source.Pos, r *register) {
	if !identifier.MatchString(name) || slices.Contains([]string{"true", "false", "nil", "null", "in", "not", "and", "or", "let", "if", "else", "matches", "contains", "startsWith", "endsWith"}, name) {
		c.fail(item.ErrorAt(pos, "write a word of letters, digits and _", "%q cannot be the name of a variable", name))
		return
	}
	if c.taken(name) {
		c.fail(item.ErrorAt(pos, "choose another name", "the name %q is taken: it is a variable or a function already", name))
		return
	}
	if old, ok := c.registered[name]; ok && old.fields != nil && r.fields != nil {
		r.fields = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(old.fields), r.fields...))))
	}
	c.registered[name] = r
}

func (c *compiler) taken(name string) bool {
	if slices.Contains([]string{"host", "address", "hosts", factsName}, name) || slices.Contains(c.exprs.words, name) {
		return true
	}
	for _, s := range c.scopes {
		if _, ok := s.written(name); ok {
			return true
		}
	}
	return false
}

// delegate finds the host that each host's work is done on.
func (c *compiler) delegate(t *Task, a attributes, at spot) {
	if a.delegate.Shape == source.Null {
		return
	}
	t.delegates = make([]string, len(c.scopes))
	found := map[string]string{}
	for i, base := range c.scopes {
		v, err := at.layer.scope(base).resolve(a.delegate)
		if err != nil {
			c.failOn(base.host, untimely(a.delegate, err, "the host of delegate_to"))
			continue
		}
		name, ok := found[v.Text]
		if !ok {
			name = c.helper(v)
			found[v.Text] = name
		}
		t.delegates[i] = name
	}
}

// helper finds the host that v names, which may stand outside of the plan's.
func (c *compiler) helper(v source.Value) string {
	if v.Text == ControlName {
		return v.Text
	}
	targets, err := c.inv.Match(v.Text)
	if err != nil || len(targets) != 1 || targets[0].Name != v.Text {
		c.fail(v.Errorf("name one host of the inventory, or `control`", "delegate_to is %q, which is not a host", v.Text))
		return v.Text
	}
	known := func(h Host) bool { return h.Name == v.Text }
	if !slices.ContainsFunc(c.plan.Peers, known) && !slices.ContainsFunc(c.plan.Helpers, known) {
		c.plan.Helpers = append(c.plan.Helpers, targets[0].Host)
	}
	return v.Text
}

// identity reads become and become_user; without either, what stands around the
// step holds.
func (c *compiler) identity(become, user source.Value, at spot) *Identity {
	if become.Shape == source.Null && user.Shape == source.Null {
		return at.as
	}
	who := Identity{Become: true}
	if become.Shape != source.Null {
		yes, ok := become.Any.(bool)
		if !ok {
			c.fail(become.Errorf("write true or false", "become must be true or false, but this is %q", become.Text))
		}
		who.Become = yes
	}
	if user.Shape != source.Null {
		name, ok := c.constant(user, at, "become_user")
		if ok && !who.Become {
			c.fail(user.Errorf("leave one of them out", "become_user is %q, but become is false", name))
		}
		who.User = name
	}
	return &who
}

// repeats takes over what a step says of its repetition.
func (c *compiler) repeats(t *Task, a attributes, at spot) {
	t.Retries, t.Delay = a.retries, a.delay
	if a.until.Shape == source.Null {
		return
	}
	t.until = condition{a.until, at.layer}
	if t.Retries == 0 {
		t.Retries = 3
	}
}

// repeatsUntil checks a step's `until`, which may use what the step itself
// reports.
func (c *compiler) repeatsUntil(t *Task, known int) {
	if !t.HasUntil() || len(c.problems) > known {
		return
	}
	c.usedFacts = false
	for i, base := range c.scopes {
		if !t.takes(i) {
			continue
		}
		_, err := t.all(base, []condition{t.until})
		if err == nil {
			err = t.until.value.Errorf("register a name on this step, and ask for what it holds", "`until` does not change from try to try: it uses nothing that a step reports")
		}
		if !delayed(err) {
			c.failOn(base.host, err)
		}
	}
	t.facts = t.facts || c.usedFacts
}

// loop compiles a step once for each element of a list.
func (c *compiler) loop(item source.Value, at spot) {
	rest := item
	rest.Fields = nil
	name, list := "item", source.Value{}
	for _, f := range item.Fields {
		switch f.Key {
		case "loop":
			list = f.Value
		case "loop_var":
			name = f.Value.Text
			if !identifier.MatchString(name) || c.taken(name) {
				c.fail(f.Value.Errorf("choose another name", "%q cannot be the name of a loop's variable", name))
				return
			}
		default:
			rest.Fields = append(rest.Fields, f)
		}
	}
	if _, nested := item.Get("steps"); nested {
		c.fail(item.Errorf("put the steps into a file, and loop over `include`", "a group of steps has no loop"))
		return
	}
	n, ok := c.elements(list, at)
	if !ok {
		return
	}
	for i := range n {
		c.element(rest, at, list, name, i)
	}
}

// element compiles the step of one element. Where the list is an expression,
// each host takes the element of its own, as far as it has one.
func (c *compiler) element(item source.Value, at spot, list source.Value, name string, i int) {
	value := source.Value{}
	if list.Shape == source.List {
		value = list.Items[i]
	} else {
		parts, _ := split(list.Text)
		value = list.WithScalar(fmt.Sprintf("{{ (%s)[%d] }}", parts[0].text, i))
		at = given(at, list.WithScalar(fmt.Sprintf("len(%s) > %d", parts[0].text, i)))
	}
	at.layer = &layer{parent: at.layer, vars: map[string]source.Value{name: value}}
	at.loop = &element{i + 1, name}
	c.item(item, at)
}

// elements counts the elements of a loop's list: of the longest one, where
// hosts differ.
func (c *compiler) elements(list source.Value, at spot) (int, bool) {
	if list.Shape == source.List {
		return len(list.Items), true
	}
	parts, err := split(list.Text)
	if text, isText := list.Any.(string); !isText || err != nil || len(parts) != 1 || !parts[0].isExpr {
		c.fail(list.Errorf(`write a list, or one expression: loop: "{{ users }}"`, "loop must be a list, but this is %s", describe(list, text)))
		return 0, false
	}
	n, err := c.length(c.common, list, at)
	if err == nil || !isVaries(err) {
		return n, !c.failed(err)
	}
	longest, good := 0, true
	for _, base := range c.scopes {
		n, err := c.length(base, list, at)
		if err != nil {
			c.failOn(base.host, err)
			good = false
		}
		longest = max(longest, n)
	}
	return longest, good
}

func describe(v source.Value, text string) string {
	if v.Shape == source.Scalar {
		return fmt.Sprintf("%q", text+map[bool]string{true: v.Text}[text == ""])
	}
	return v.Shape.String()
}

func (c *compiler) failed(err error) bool {
	c.fail(err)
	return err != nil
}

// length is how many elements the list has as base sees it.
func (c *compiler) length(base *scope, list source.Value, at spot) (int, error) {
	v, err := at.layer.scope(base).resolve(list)
	if isLater(err) {
		return 0, list.Errorf("loop over a list of the plan or the inventory", "the list of a loop is needed before the run: %v", err)
	}
	if err == nil && v.Shape != source.List {
		err = list.Errorf("", "loop must be a list, but %s gives %s", list.Text, v.Shape)
	}
	return len(v.Items), err
}
