package plan

import (
	"fmt"
	"reflect"
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
	} else if !t.word {
		c.fail(checkShape(t.Kind, t.params))
	}
	t.facts = c.usedFacts
}

// bindWhen decides which hosts take part. It reports whether any may.
func (c *compiler) bindWhen(t *Task) bool {
	for _, w := range t.when { // also those that others leave no say
		var err error
		if text, ok := w.value.Any.(string); ok {
			_, err = c.common.exprs.get(text)
		} else {
			_, err = c.common.condition(w.value)
		}
		c.fail(place(w.value, err))
	}
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
	if t.word || isScoped(t.Kind) {
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
	c.globalList(t)
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
		var step steps.Step
		if err = c.global(t, err); err == nil {
			step, err = earlyStep(t.Kind, s, t.params)
		}
		c.failOn(base.host, err)
		if local, ok := step.(steps.Local); ok && selected {
			c.makes(local) // a passphrase is not yet known, and decides on no path
		}
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
	t.wait(err)
	for _, name := range later.names {
		if r := c.registered[name]; r == nil || !r.global {
			return t.params.Errorf("register it in a step with run_once", "%s runs once on the control machine, but each host has its own %q", t.Kind.Name, name)
		}
	}
	return nil
}

// repeats takes over what a step says of its repetition.
func (c *compiler) repeats(t *Task, item source.Value, a attributes, at spot) {
	t.Retries, t.Delay = a.retries, a.delay
	if a.until.Shape == source.Null {
		return
	}
	t.until = condition{a.until, at.layer}
	if _, waits := t.Kind.New().(steps.Waiter); waits {
		c.patient(t, item)
		return
	}
	if t.Retries == 0 {
		t.Retries = 3
	}
}

// patient refuses to bound the `until` of a step that has a patience of its own.
func (c *compiler) patient(t *Task, item source.Value) {
	for _, key := range []string{"retries", "delay"} {
		if f, ok := item.Get(key); ok {
			c.fail(item.ErrorAt(f.KeyPos, fmt.Sprintf("leave it out; `lockstep steps %s` tells how its patience is set", t.Kind.Name),
				"%s looks until its `until` holds, as long as its own patience lasts, and has no %s", t.Kind.Name, key))
		}
	}
}

// repeatsUntil checks a step's `until`, which has to use what the step itself
// reports, or facts: all else stays as it is from try to try.
func (c *compiler) repeatsUntil(t *Task, known int) {
	if !t.HasUntil() || len(c.problems) > known {
		return
	}
	changes := false
	for i, base := range c.scopes {
		if !t.takes(i) {
			continue
		}
		_, err := t.all(base, []condition{t.until})
		if err != nil && !delayed(err) {
			c.failOn(base.host, err)
			changes = true // or not: nobody knows
		}
		if late, ok := err.(*laterError); ok {
			facts := slices.Contains(late.names, factsName)
			t.facts = t.facts || facts
			changes = changes || facts || slices.Contains(late.names, t.Register)
		}
	}
	if !changes && !t.nobody() {
		c.fail(t.until.value.Errorf("register a name on this step, and ask for what it holds", "`until` does not change from try to try: it uses nothing that this step reports"))
	}
}
