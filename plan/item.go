package plan

import (
	"path/filepath"
	"slices"

	"lockstep/internal/source"
	"lockstep/steps/param"
)

// spot is where in the plan a step stands, and what it has from there.
type spot struct {
	into  *[]*Task // the steps of the stage or block around it; nil at the top
	stage *Stage   // nil at the top
	layer *layer
	tags  []string
	when  []condition
	as    *Identity
	files []string // step files that are being read, the plan first
	loop  *element
	idle  bool // it is checked, but never runs
}

// element is one of a loop's.
type element struct {
	n    int // from 1; 0 where only a run knows how many there are
	name string
	each *series
}

// list compiles steps in order.
func (c *compiler) list(list source.Value, at spot) {
	for _, item := range list.Items {
		c.item(item, at)
	}
}

// item compiles one element of a list of steps: a step, a group of steps, or a
// word of the language that stands for some.
func (c *compiler) item(item source.Value, at spot) {
	if item.Shape != source.Map {
		c.fail(item.Errorf("", "a step must be a map, but this is %s", item.Shape))
		return
	}
	if c.steps++; c.steps > maxSteps {
		if c.steps == maxSteps+1 {
			c.fail(item.Errorf("", "the plan unfolds to more than %d steps", maxSteps))
		}
		return
	}
	has := func(key string) bool { _, ok := item.Get(key); return ok }
	switch {
	case has("loop"):
		c.loop(item, at)
	case has("include"):
		c.include(item, at)
	case has("pause"):
		c.pause(item, at)
	case has("steps") && at.stage == nil:
		c.stage(item, at)
		c.open = nil
	case has("steps"):
		c.block(item, at)
	default:
		c.step(item, at)
	}
}

// put adds a task where it belongs. At the top, one whose place is a stage of
// its own gets that, and others join the plain steps before them.
func (c *compiler) put(t *Task, at spot, alone bool) {
	if at.into != nil {
		*at.into = append(*at.into, t)
		return
	}
	if c.open == nil || alone && len(c.open.Tasks) > 0 {
		c.open = c.newStage(t.Pos)
	}
	c.open.Tasks = append(c.open.Tasks, t)
	if !alone {
		return
	}
	c.open.Name, c.open.OnControl = t.Name, t.Kind.OnControl
	c.open = nil
}

func (c *compiler) newStage(pos source.Pos) *Stage {
	s := &Stage{Index: len(c.plan.Stages) + 1, Pos: pos, Order: InventoryOrder, Settle: DefaultSettle, GateTimeout: DefaultGateTimeout}
	c.plan.Stages = append(c.plan.Stages, s)
	return s
}

// with is at with variables on top: those that the command line sets stay.
func (c *compiler) with(at spot, vars source.Value) spot {
	if vars.Shape == source.Null {
		return at
	}
	if vars.Shape != source.Map {
		c.fail(vars.Errorf("", "vars must be a map, but this is %s", vars.Shape))
		return at
	}
	l := &layer{parent: at.layer, vars: map[string]source.Value{}}
	for _, f := range vars.Fields {
		if _, extra := c.options.ExtraVars[f.Key]; !extra {
			l.vars[f.Key] = f.Value
		}
	}
	at.layer = l
	c.refuseConnection(vars.Fields)
	c.checkLayer(vars, l)
	return at
}

// checkLayer finds mistakes in variables also where no step uses them.
func (c *compiler) checkLayer(vars source.Value, l *layer) {
	s := l.scope(c.common)
	for _, f := range vars.Fields {
		if _, ok := l.vars[f.Key]; !ok {
			continue
		}
		_, err := s.lookup(f.Key)
		if err == nil || !isVaries(err) {
			c.failEverywhere(place(f.Value, err))
			continue
		}
		for _, base := range c.scopes {
			if _, err := l.scope(base).lookup(f.Key); err != nil && !delayed(err) {
				c.failOn(base.host, place(f.Value, err))
			}
		}
	}
}

// announce notes the names that steps register, so that one used too early is
// not called undefined.
func (c *compiler) announce(list source.Value) {
	for _, item := range list.Items {
		if f, ok := item.Get("register"); ok && f.Value.Shape == source.Scalar {
			c.expect(f.Value.Text, f.Value.Pos)
		}
		if f, ok := item.Get("set"); ok {
			for _, one := range f.Value.Fields {
				c.expect(one.Key, one.KeyPos)
			}
		}
		for _, key := range []string{"steps", "rescue", "always"} {
			if f, ok := item.Get(key); ok {
				c.announce(f.Value)
			}
		}
	}
}

func (c *compiler) expect(name string, pos source.Pos) {
	if _, ok := c.upcoming[name]; !ok {
		c.upcoming[name] = pos
	}
}

// beside is a path of file, counted from the folder of the file in which it
// was written.
func beside(v source.Value, file string) string {
	if filepath.IsAbs(file) {
		return filepath.Clean(file)
	}
	return filepath.Join(filepath.Dir(v.Pos.File), file)
}

// tagged is at with more tags.
func (c *compiler) tagged(at spot, tags []string) spot {
	at.tags = append(slices.Clone(at.tags), tags...)
	for _, tag := range tags {
		c.tagSeen[tag] = true
	}
	return at
}

// given is at with one more condition, or with a list of them that must all
// hold.
func given(at spot, when source.Value) spot {
	all := when.Items
	if when.Shape != source.List || len(all) == 0 {
		all = []source.Value{when}
	}
	at.when = slices.Clone(at.when)
	for _, one := range all {
		if when.Shape != source.Null {
			at.when = append(at.when, condition{one, at.layer})
		}
	}
	return at
}

// filled refuses keys of set that a map has without a value, where it would
// not be told from one that is left out. It reports whether there are none.
func (c *compiler) filled(item source.Value, set *param.Set) bool {
	good := true
	for _, f := range item.Fields {
		declared := fieldOf(set, f.Key)
		if declared == nil || f.Value.Shape != source.Null || declared.Type == "map" || declared.Type == "step" {
			continue
		}
		good = false
		c.fail(item.ErrorAt(f.KeyPos, "write one, or leave the key out", "%s has no value", f.Key))
	}
	return good
}
