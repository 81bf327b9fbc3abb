package plan

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// Target is a host of the inventory with its variables as written. Err tells why
// it cannot be reached, which is a problem of every plan that takes it.
type Target struct {
	Host
	Vars map[string]source.Value
	Err  error
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
	// Tell learns the texts that expressions make of secrets, so that nothing
	// shows them; nil hears nothing.
	Tell func(string)
}

// Defaults of a stage.
const (
	DefaultSettle      = 10 * time.Second
	DefaultGateTimeout = 15 * time.Minute
)

// maxSteps bounds what loops and includes may unfold to.
const maxSteps = 20_000

// Compile reads a plan file's content and checks all of it against the
// inventory: grammar, parameters, expressions and local files, for every host.
// All problems are in the one error; nothing is contacted.
func Compile(file string, data []byte, inv Inventory, kinds *steps.Registry, o Options) (*Plan, error) {
	root, err := source.ParseYAML(file, data, secretTag)
	if err != nil {
		return nil, err
	}
	c := &compiler{
		kinds: kinds, options: o, inv: inv,
		world:   newWorld(o.Tell),
		plan:    &Plan{File: file, Files: []source.File{source.ReadFrom(file, data)}, index: map[string]int{}},
		tagSeen: map[string]bool{}, made: map[string]bool{}, seen: map[string]*problem{}, files: map[string]source.Value{},
	}
	c.top(root, inv)
	c.checkTags(root)
	if len(c.problems) > 0 {
		return nil, c.said()
	}
	return c.plan, nil
}

type compiler struct {
	*world
	kinds    *steps.Registry
	options  Options
	inv      Inventory
	plan     *Plan
	common   *scope   // what is equal on all hosts
	scopes   []*scope // of plan.Hosts, in their order
	together bool     // no limit may leave a host out
	open     *Stage   // plain steps in a row go there
	steps    int
	tagSeen  map[string]bool
	made     map[string]bool         // local files that earlier steps make
	files    map[string]source.Value // step files, by path
	problems []*problem
	seen     map[string]*problem
}

func (c *compiler) top(root source.Value, inv Inventory) {
	h := header{name: c.plan.File}
	var set param.Set
	h.declare(&set)
	err := set.Decode(c.without(root, headerHint))
	c.fail(err)
	if h.hosts == "" || h.steps.Shape == source.Null && err != nil {
		return
	}
	c.plan.Name, c.plan.Become, c.together = h.name, h.become, h.together
	if !c.targets(root, h.hosts, inv) {
		return
	}
	if f, ok := root.Get("vars"); ok && f.Value.Shape != source.Map && f.Value.Shape != source.Null {
		c.fail(h.vars.Errorf("", "vars must be a map, but this is %s", h.vars.Shape))
		h.vars = source.Value{}
	}
	c.scope(h.vars, c.varsFiles(root, h.files))
	c.announce(h.steps)
	if c.isList(h.steps) {
		c.list(h.steps, spot{files: []string{filepath.Clean(c.plan.File)}})
	}
	c.drop()
}

// targets finds the plan's hosts and those of them that the limit leaves.
func (c *compiler) targets(root source.Value, pattern string, inv Inventory) bool {
	f, _ := root.Get("hosts")
	all, err := inv.Match(pattern)
	if err != nil {
		c.fail(f.Value.Errorf("", "hosts: %v", err))
		return false
	}
	chosen, err := c.chosen(inv)
	if err != nil {
		c.fail(fmt.Errorf("--limit: %w", err))
		return false
	}
	for _, t := range all {
		c.failOn(t.Name, t.Err)
		c.plan.Peers = append(c.plan.Peers, t.Host)
		if c.options.Limit == "" || chosen[t.Name] {
			c.plan.index[t.Name] = len(c.plan.Hosts)
			c.plan.Hosts = append(c.plan.Hosts, t.Host)
			c.scopes = append(c.scopes, &scope{world: c.world, host: t.Name, vars: []map[string]source.Value{t.Vars}})
		}
	}
	c.plan.scopes = c.scopes
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

func (c *compiler) chosen(inv Inventory) (map[string]bool, error) {
	chosen := map[string]bool{}
	if c.options.Limit == "" {
		return chosen, nil
	}
	limited, err := inv.Match(c.options.Limit)
	for _, t := range limited {
		chosen[t.Name] = true
	}
	return chosen, err
}

// scope gives each host its variables: the inventory's, then the plan's, then
// those of its files, then the command line's.
func (c *compiler) scope(vars source.Value, files []source.Value) {
	all := []any{}
	for _, h := range c.plan.Peers {
		all = append(all, map[string]any{"name": h.Name, "address": h.Address})
	}
	written := map[string]source.Value{}
	order := slices.Clone(vars.Fields)
	for _, f := range files {
		order = append(order, f.Fields...)
	}
	for _, f := range order {
		written[f.Key] = f.Value
	}
	for name, v := range c.options.ExtraVars {
		written[name] = v
	}
	c.common = &scope{world: c.world, vars: []map[string]source.Value{written}, known: map[string]any{"hosts": all}}
	for i, s := range c.scopes {
		c.reserved(s, written)
		s.vars = []map[string]source.Value{written, s.vars[0]}
		s.known = ownNames(c.plan.Hosts[i].Name)
		s.known["address"] = c.plan.Hosts[i].Address
		s.seeds = []map[string]any{c.common.known}
	}
	c.refuseConnection(order)
	c.checkVars(order)
}

// reserved refuses variables that take a name of lockstep's own.
func (c *compiler) reserved(s *scope, written map[string]source.Value) {
	if v, ok := written[longHost]; ok { // an inventory may have it: its value is no other
		c.fail(v.Errorf("choose another name", "the variable %q is lockstep's own", longHost))
	}
	for _, name := range ownVariables() {
		for _, vars := range []map[string]source.Value{written, s.vars[0]} {
			if v, ok := vars[name]; ok {
				c.failOn(s.host, v.Errorf("choose another name", "the variable %q is lockstep's own", name))
			}
		}
	}
}

// checkVars resolves the plan's variables once for all hosts, or on each where
// they differ.
func (c *compiler) checkVars(order []source.Field) {
	for _, f := range order {
		_, err := c.common.lookup(f.Key)
		if err == nil || !isVaries(err) {
			c.failEverywhere(place(f.Value, err))
			continue
		}
		for _, s := range c.scopes {
			if _, err := s.lookup(f.Key); err != nil && !delayed(err) {
				c.failOn(s.host, place(f.Value, err))
			}
		}
	}
}

// failEverywhere notes a mistake that no host in particular has.
func (c *compiler) failEverywhere(err error) {
	if err != nil && !delayed(err) {
		c.fail(err)
	}
}

// isList reports whether list can hold steps.
func (c *compiler) isList(list source.Value) bool {
	if list.Shape != source.List {
		c.fail(list.Errorf("", "steps must be a list, but this is %s", list.Shape))
	}
	return list.Shape == source.List
}

// drop removes stages that tags or conditions left without a step, and numbers
// what is left.
func (c *compiler) drop() {
	c.plan.Stages = slices.DeleteFunc(c.plan.Stages, func(s *Stage) bool { return len(s.Tasks) == 0 && s.Pause == "" })
	for i, s := range c.plan.Stages {
		s.Index = i + 1
		n := 0
		for _, t := range s.Tasks {
			t.Walk(func(t *Task) {
				n++
				t.ID = fmt.Sprintf("%d.%d", i+1, n)
			})
		}
		if s.Gate != nil {
			s.Gate.ID = fmt.Sprintf("%d.gate", i+1)
		}
	}
}
