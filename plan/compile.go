package plan

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// Target is a host of the inventory with its variables as written.
type Target struct {
	Host
	Vars map[string]source.Value
}

// Inventory finds the hosts that a pattern names, in the inventory's order. An
// element of the pattern that names none is an error.
type Inventory interface {
	Match(pattern string) ([]Target, error)
}

// Options narrow a compilation.
type Options struct {
	Limit     string                  // pattern; only these hosts are changed
	Tags      []string                // only steps with one of these tags
	SkipTags  []string                // no steps with one of these tags
	ExtraVars map[string]source.Value // win over all other variables
}

// Defaults of a stage.
const (
	DefaultSettle      = 10 * time.Second
	DefaultGateTimeout = 15 * time.Minute
)

// Compile reads a plan file's content and checks all of it against the
// inventory: grammar, parameters, expressions and local files, for every host.
// All problems are in the one error; nothing is contacted.
func Compile(file string, data []byte, inv Inventory, kinds *steps.Registry, o Options) (*Plan, error) {
	root, err := source.ParseYAML(file, data)
	if err != nil {
		return nil, err
	}
	c := &compiler{
		kinds: kinds, options: o,
		exprs:   &expressions{map[string]*expression{}},
		plan:    &Plan{File: file},
		tagSeen: map[string]bool{}, made: map[string]bool{},
	}
	c.top(root, inv)
	c.checkTags(root)
	if len(c.problems) > 0 {
		return nil, c.said()
	}
	return c.plan, nil
}

type compiler struct {
	kinds    *steps.Registry
	options  Options
	exprs    *expressions
	plan     *Plan
	scopes   []*scope // of plan.Hosts, in their order
	together bool     // no limit may leave a host out
	tagSeen  map[string]bool
	made     map[string]bool // local files that earlier steps make
	problems []*problem
}

func (c *compiler) top(root source.Value, inv Inventory) {
	h := header{name: c.plan.File}
	var set param.Set
	h.declare(&set)
	if err := set.Decode(root); err != nil {
		c.fail(err)
		return
	}
	c.plan.Name, c.plan.Become, c.together = h.name, h.become, h.together
	if !c.targets(root, h.hosts, inv) {
		return
	}
	if f, ok := root.Get("vars"); ok && f.Value.Shape != source.Map && f.Value.Shape != source.Null {
		c.fail(h.vars.Errorf("", "vars must be a map, but this is %s", h.vars.Shape))
		return
	}
	c.scope(h.vars)
	c.stages(h.steps)
}

// targets finds the plan's hosts and those of them that the limit leaves.
func (c *compiler) targets(root source.Value, pattern string, inv Inventory) bool {
	f, _ := root.Get("hosts")
	all, err := inv.Match(pattern)
	if err != nil {
		c.fail(f.Value.Errorf("", "hosts: %v", err))
		return false
	}
	chosen := map[string]bool{}
	if c.options.Limit != "" {
		limited, err := inv.Match(c.options.Limit)
		if err != nil {
			c.fail(fmt.Errorf("--limit: %w", err))
			return false
		}
		for _, t := range limited {
			chosen[t.Name] = true
		}
	}
	for _, t := range all {
		c.plan.Peers = append(c.plan.Peers, t.Host)
		if c.options.Limit == "" || chosen[t.Name] {
			c.plan.Hosts = append(c.plan.Hosts, t.Host)
			c.scopes = append(c.scopes, &scope{exprs: c.exprs, host: t.Name, vars: t.Vars})
		}
	}
	if len(c.plan.Hosts) == 0 {
		c.fail(fmt.Errorf("--limit %s leaves none of the plan's hosts (%s)", c.options.Limit, pattern))
	}
	if c.together && len(c.plan.Hosts) < len(c.plan.Peers) {
		f, _ := root.Get("together")
		c.fail(f.Value.Errorf("leave --limit out: what holds already is not touched", "--limit %s leaves hosts out, but the plan holds only on all of them together", c.options.Limit))
		return false
	}
	return len(c.plan.Hosts) > 0
}

// scope gives each host its variables: the inventory's, then the plan's, then
// the command line's.
func (c *compiler) scope(planVars source.Value) {
	var hosts []any
	for _, h := range c.plan.Peers {
		hosts = append(hosts, map[string]any{"name": h.Name, "address": h.Address})
	}
	for i, s := range c.scopes {
		merged := map[string]source.Value{}
		for name, v := range s.vars {
			merged[name] = v
		}
		for _, f := range planVars.Fields {
			merged[f.Key] = f.Value
		}
		for name, v := range c.options.ExtraVars {
			merged[name] = v
		}
		s.vars = merged
		s.known = map[string]any{"host": c.plan.Hosts[i].Name, "address": c.plan.Hosts[i].Address, "hosts": hosts}
		for _, name := range []string{"host", "address", "hosts"} {
			if v, ok := merged[name]; ok {
				c.failOn(s.host, v.Errorf("choose another name", "the variable %q is lockstep's own", name))
			}
		}
	}
	for _, f := range planVars.Fields {
		for _, s := range c.scopes {
			if _, err := s.lookup(f.Key); err != nil {
				c.failOn(s.host, place(f.Value, err))
			}
		}
	}
}

// stages reads the top list: each nested step is a stage of its own, and plain
// steps in a row form one stage without a width or gate.
func (c *compiler) stages(list source.Value) {
	if !c.isList(list) {
		return
	}
	var open *Stage
	for _, item := range list.Items {
		if item.Shape != source.Map {
			c.fail(item.Errorf("", "a step must be a map, but this is %s", item.Shape))
			continue
		}
		if _, nested := item.Get("steps"); nested {
			c.nested(item)
			open = nil
			continue
		}
		if open == nil {
			open = c.newStage(item.Pos)
		}
		t := c.task(item, open, nil)
		if t == nil {
			continue
		}
		if t.Kind.OnControl {
			open = c.control(open, t)
			continue
		}
		open.Tasks = append(open.Tasks, t)
	}
	c.drop()
}

// isList reports whether list can hold steps.
func (c *compiler) isList(list source.Value) bool {
	if list.Shape != source.List {
		c.fail(list.Errorf("", "steps must be a list, but this is %s", list.Shape))
	}
	return list.Shape == source.List
}

func (c *compiler) newStage(pos source.Pos) *Stage {
	s := &Stage{Index: len(c.plan.Stages) + 1, Pos: pos, Order: InventoryOrder, Settle: DefaultSettle, GateTimeout: DefaultGateTimeout}
	c.plan.Stages = append(c.plan.Stages, s)
	return s
}

// control puts t into a stage of its own: the open one when it is still empty.
func (c *compiler) control(open *Stage, t *Task) *Stage {
	if len(open.Tasks) > 0 {
		open = c.newStage(t.Pos)
	}
	open.OnControl, open.Name = true, t.Name
	t.ID = fmt.Sprintf("%d.1", open.Index)
	open.Tasks = []*Task{t}
	return nil
}

// drop removes stages that tags or conditions left without a step.
func (c *compiler) drop() {
	c.plan.Stages = slices.DeleteFunc(c.plan.Stages, func(s *Stage) bool { return len(s.Tasks) == 0 })
	for i, s := range c.plan.Stages {
		s.Index = i + 1
		for j, t := range s.Tasks {
			t.ID = fmt.Sprintf("%d.%d", i+1, j+1)
		}
		if s.Gate != nil {
			s.Gate.ID = fmt.Sprintf("%d.gate", i+1)
		}
	}
}

func (c *compiler) nested(item source.Value) {
	s := c.newStage(item.Pos)
	k := newStageKeys(s)
	var set param.Set
	k.declare(&set)
	if err := set.Decode(item); err != nil {
		c.fail(err)
		return
	}
	s.Order = Order(k.order)
	s.Width = c.width(k.serial)
	if !c.isList(k.steps) {
		return
	}
	for _, inner := range k.steps.Items {
		if t := c.task(inner, s, &inherited{k.tags, k.when}); t != nil {
			if t.Kind.OnControl {
				c.fail(inner.Errorf("move the step out of the stage", "%s runs on the control machine, once; it has no place in a stage of hosts", t.Kind.Name))
				continue
			}
			s.Tasks = append(s.Tasks, t)
		}
	}
	if k.gate.Shape != source.Null {
		c.gate(s, k.gate)
	}
}

// width reads serial: a number of hosts or a percentage of them, at least one.
func (c *compiler) width(v source.Value) int {
	if v.Shape == source.Null {
		return 0
	}
	text := v.Text
	if len(text) > 1 && text[len(text)-1] == '%' {
		if p, err := strconv.Atoi(text[:len(text)-1]); err == nil && p > 0 && p <= 100 {
			return max(1, len(c.plan.Hosts)*p/100)
		}
	} else if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n
	}
	c.fail(v.Errorf("write serial: 1 or serial: 25%", "serial is %q, which is neither a number of hosts nor a percentage", text))
	return 1
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
	if n := source.Nearest(tag, known); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

// localFiles checks that what a step needs on the control machine is there or
// will be.
func (c *compiler) localFiles(host string, at source.Value, step steps.Step) {
	local, ok := step.(steps.Local)
	if !ok {
		return
	}
	for _, file := range local.Needs() {
		if c.made[file] {
			continue
		}
		if info, err := os.Stat(file); err != nil {
			c.failOn(host, at.Errorf("check the path; no earlier step makes it", "the local file %s cannot be read: %v", file, cause(err)))
		} else if info.IsDir() {
			c.failOn(host, at.Errorf("", "the local file %s is a directory", file))
		}
	}
	for _, file := range local.Makes() {
		c.made[file] = true
	}
}

func cause(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
