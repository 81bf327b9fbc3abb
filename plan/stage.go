package plan

import (
	"cmp"
	"strconv"
	"strings"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// stage compiles nested steps at the top of the plan.
func (c *compiler) stage(item source.Value, at spot) {
	s := c.newStage(item.Pos)
	g := group{order: string(InventoryOrder)}
	var set param.Set
	g.declare(&set)
	g.declareStage(&set, s)
	if err := set.Decode(item); err != nil || !c.filled(item, &set) {
		c.fail(err)
		return
	}
	s.Name = c.groupName(item, g, at)
	s.Order = Order(g.order)
	c.widths(s, g.serial)
	s.MaxFailures = c.failures(g.failures)
	at.stage, at.into = s, &s.Tasks
	c.group(item, g, at)
	if g.gate.Shape != source.Null {
		c.gate(s, g.gate)
	}
}

// block compiles nested steps inside of a stage.
func (c *compiler) block(item source.Value, at spot) {
	for _, f := range item.Fields {
		if isStageKey(f.Key) {
			c.fail(item.ErrorAt(f.KeyPos, "write the steps as a stage of their own, at the top", "%s belongs to a stage, and this is a group of steps inside of one", f.Key))
			return
		}
	}
	var g group
	var set param.Set
	g.declare(&set)
	if err := set.Decode(item); err != nil || !c.filled(item, &set) {
		c.fail(err)
		return
	}
	c.group(item, g, at)
}

// group compiles nested steps. Those without rescue and always simply follow
// the steps before them.
func (c *compiler) group(item source.Value, g group, at spot) {
	at = c.tagged(c.with(given(at, g.when), g.vars), g.tags)
	at.as = c.identity(g.become, g.user, at)
	if !c.isList(g.list) {
		return
	}
	if g.rescue.Shape == source.Null && g.always.Shape == source.Null {
		c.list(g.list, at)
		return
	}
	t := &Task{Name: cmp.Or(c.groupName(item, g, at), "steps"), Pos: item.Pos, Block: &Block{}}
	for _, p := range []struct {
		list source.Value
		into *[]*Task
	}{{g.list, &t.Block.Steps}, {g.rescue, &t.Block.Rescue}, {g.always, &t.Block.Always}} {
		if p.list.Shape == source.Null || !c.isList(p.list) {
			continue
		}
		inner := at
		inner.into = p.into
		c.list(p.list, inner)
	}
	if len(t.Block.Steps)+len(t.Block.Always) > 0 {
		*at.into = append(*at.into, t)
	}
}

// groupName is the name of nested steps, which is one for all hosts.
func (c *compiler) groupName(item source.Value, g group, at spot) string {
	f, ok := item.Get("name")
	if !ok || !templated(f.Value) {
		return g.name
	}
	name, _ := c.constant(f.Value, at, "the name of a stage or group")
	return name
}

// pause compiles a stop until a person approves.
func (c *compiler) pause(item source.Value, at spot) {
	var p stop
	var set param.Set
	p.declare(&set)
	if err := set.Decode(item); err != nil {
		c.fail(err)
		return
	}
	if at.stage != nil {
		c.fail(item.Errorf("write it between stages, or `approve: true` on the stage", "a pause has no place inside a stage"))
		return
	}
	text, ok := c.constant(p.message, at, "the message of a pause")
	if !ok {
		return
	}
	if at = c.tagged(at, p.tags); !c.selected(at.tags) {
		return
	}
	s := c.newStage(item.Pos)
	s.Name, s.Pause = cmp.Or(p.name, "pause"), text
	c.open = nil
}

// widths reads serial: one width, or a list of them for the batches in order.
func (c *compiler) widths(s *Stage, v source.Value) {
	switch {
	case v.Shape == source.Null:
	case v.Shape != source.List:
		s.Width = c.width(v)
	case len(v.Items) == 0:
		c.fail(v.Errorf("write serial: [1, 25%, 100%]", "serial is a list of nothing"))
	default:
		for _, item := range v.Items {
			s.Widths = append(s.Widths, c.width(item))
		}
		s.Width = s.Widths[0]
	}
}

// width reads a number of hosts or a percentage of them, at least one.
func (c *compiler) width(v source.Value) int {
	if p, ok := percent(v.Text); ok && p > 0 {
		return max(1, len(c.plan.Hosts)*p/100)
	}
	if n, err := strconv.Atoi(v.Text); err == nil && n > 0 {
		return n
	}
	c.fail(v.Errorf("write serial: 1, serial: 25% or serial: [1, 25%, 100%]", "serial is %q, which is neither a number of hosts nor a percentage", v.Text))
	return 1
}

func percent(text string) (int, bool) {
	digits, ok := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 0 && n <= 100
}

// failures reads max_failures; a percentage is rounded down.
func (c *compiler) failures(v source.Value) int {
	if v.Shape == source.Null {
		return 0
	}
	if p, ok := percent(v.Text); ok {
		return len(c.plan.Hosts) * p / 100
	}
	if n, err := strconv.Atoi(v.Text); err == nil && n >= 0 {
		return n
	}
	c.fail(v.Errorf("write max_failures: 1 or max_failures: 10%", "max_failures is %q, which is neither a number of hosts nor a percentage", v.Text))
	return 0
}

// gate compiles a stage's gate for every host of the stage.
func (c *compiler) gate(s *Stage, v source.Value) {
	params := v
	var kind steps.Kind
	var ok bool
	switch v.Shape {
	case source.Scalar: // the kind's name alone: all its defaults
		empty := v
		empty.Shape, empty.Any, empty.Text = source.Null, nil, ""
		kind, params, ok = c.kind(v, []source.Field{{Key: v.Text, KeyPos: v.Pos, Value: empty}})
	case source.Map:
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
	s.Gate = &Task{Name: "gate", Kind: kind, Pos: v.Pos, bound: &bound{plan: c.plan, params: params, make: byKind(kind)}}
	c.bind(s.Gate, true)
	if s.Gate.later {
		c.fail(params.Errorf("", "a gate cannot depend on what steps report"))
	}
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
