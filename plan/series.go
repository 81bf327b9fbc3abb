package plan

import (
	"cmp"
	"fmt"
	"strings"

	"lockstep/internal/source"
)

// series is the list of a loop that only a run knows. Its step is compiled once;
// the run makes it anew for each element.
type series struct {
	list   source.Value
	layer  *layer
	rests  []string     // names that only a run knows, and the list rests on
	varies bool         // it rests on what differs from host to host, too
	facts  bool         // it rests on facts
	name   source.Value // of the step, as written
}

// elementTag marks the variable of such a loop, and is where the values of a run
// hold the element: no name looks so.
const elementTag = "!element"

// loopElement resolves the variable of a loop whose list only a run knows.
func (s *scope) loopElement(v source.Value) (source.Value, error) {
	if k, ok := s.values[elementTag]; ok {
		return v.WithScalar(k.Value), nil
	}
	return v, &laterError{names: strings.Fields(v.Text)}
}

// unfold compiles the one step of a loop whose list only a run knows.
func (c *compiler) unfold(item source.Value, at spot, late *series, name string) {
	for _, key := range []string{"include", "pause"} {
		if _, ok := item.Get(key); ok {
			c.fail(late.list.Errorf("loop over a list of the plan or the inventory, or write the loop on the steps themselves",
				"the list of a loop over %s is needed before the run: %v", key, &laterError{names: late.rests}))
			return
		}
	}
	variable := late.list
	variable.Tag, variable.Text = elementTag, strings.Join(late.rests, " ")
	at.layer = &layer{parent: at.layer, vars: map[string]source.Value{name: variable}}
	at.loop = &element{name: name, each: late}
	c.item(item, at)
}

// unfolds takes over what a run needs to unfold a loop's step.
func (t *Task) unfolds(name source.Value) {
	if t.each == nil {
		return
	}
	t.each.name = name
	t.later = true
	t.facts = t.facts || t.each.facts
}

// named reports whether err only says that the run names each element.
func (t *Task) named(err error) bool {
	late, ok := err.(*laterError)
	return ok && t.each != nil && !late.sealed
}

// globalList refuses a loop on the control machine over a list that each host
// has its own of.
func (c *compiler) globalList(t *Task) {
	switch {
	case t.each == nil:
	case t.each.varies:
		c.fail(t.each.list.Errorf("use only variables that are equal on all hosts", "%s runs once on the control machine, but its list differs from host to host", t.Kind.Name))
	default:
		c.fail(c.global(t, &laterError{names: t.each.rests}))
	}
}

// Loops reports whether the task stands for as many as a list has elements that
// only a run knows. See Elements.
func (t *Task) Loops() bool { return t.bound != nil && t.each != nil }

// Elements are the tasks that a task which Loops stands for, one for each
// element of its list, by what a run knows. There are none where the task's
// condition does not hold, whatever the element. Its error wraps a
// *steps.Unforeseen where a dry run cannot know.
func (t *Task) Elements(host string, v Values) ([]*Task, error) {
	base := t.base(host, v)
	yes, wait := t.all(base, t.when)
	if wait == nil && !yes {
		return nil, nil
	}
	if wait != nil && !delayed(wait) {
		return nil, wait
	}
	list, err := t.each.layer.scope(base).resolve(t.each.list)
	if err == nil {
		err = mustList(t.each.list, list)
	}
	if err == nil && len(list.Items) > maxSteps {
		err = t.each.list.Errorf("", "the loop unfolds to %d steps, which is more than %d", len(list.Items), maxSteps)
	}
	if err != nil && !delayed(err) && unforeseen(wait) {
		return nil, wait // what the condition rests on may make up for it
	}
	if err != nil {
		return nil, err
	}
	all := make([]*Task, len(list.Items))
	for i, item := range list.Items {
		all[i] = t.element(host, v, i+1, item.Plain())
	}
	return all, nil
}

// element is the task for the n-th element.
func (t *Task) element(host string, v Values, n int, item any) *Task {
	one, own := *t, *t.bound
	one.bound = &own
	own.each, own.names, own.element = nil, nil, &Known{Value: item}
	one.ID, one.Element = fmt.Sprintf("%s.%d", t.ID, n), n
	name, err := t.layer.scope(own.base(host, v)).resolve(t.each.name)
	one.Name = cmp.Or(name.Text, t.Kind.Name)
	if err == nil && !templated(t.each.name) {
		one.Name = labelled(one.Name, n, item)
	}
	return &one
}
