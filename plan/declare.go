package plan

import (
	"fmt"
	"strings"
	"time"

	"lockstep/internal/source"
	"lockstep/steps/param"
)

// Declarations are the keys of the maps that a plan file is made of. What
// stands here is what Compile reads, so schemas and reference pages are made of
// it. A key whose type is "step" or "list of steps" holds more of them.
type Declarations struct{ Plan, Stage, Group, Step, Include, Pause, Assert *param.Set }

// Declared returns the keys of a plan, a stage, a group of steps inside of one,
// a step, and the words of the language that stand in a step's place.
func Declared() Declarations {
	d := Declarations{&param.Set{}, &param.Set{}, &param.Set{}, &param.Set{}, &param.Set{}, &param.Set{}, &param.Set{}}
	new(header).declare(d.Plan)
	g := &group{order: string(InventoryOrder)}
	g.declare(d.Stage)
	g.declareStage(d.Stage, &Stage{Settle: DefaultSettle, GateTimeout: DefaultGateTimeout})
	g.declare(d.Group)
	newAttributes().declare(d.Step)
	new(inclusion).declare(d.Include)
	new(stop).declare(d.Pause)
	new(assertion).Params(d.Assert)
	return d
}

// header are the keys of a plan.
type header struct {
	name, hosts      string
	vars, steps      source.Value
	files            []string
	together, become bool
}

func (h *header) declare(set *param.Set) {
	set.String(&h.name, "name", "what the plan does, for people")
	set.String(&h.hosts, "hosts", "the inventory pattern of the hosts", param.Required())
	set.Raw(&h.vars, "vars", "map", "variables of the plan")
	set.Strings(&h.files, "vars_files", "files with more variables, counted from the plan's folder; later ones win")
	set.Raw(&h.steps, "steps", "list of steps", "what is to hold, in order", param.Required())
	set.Bool(&h.together, "together", "the plan holds only on all its hosts at once, so --limit is refused")
	set.Bool(&h.become, "become", "whether to act as root where the inventory's ansible_become says nothing")
}

// group are the keys of anything with nested steps.
type group struct {
	name                             string
	list, rescue, always, vars, when source.Value
	tags                             []string
	become, user                     source.Value
	serial, gate, failures           source.Value
	order                            string
}

func (g *group) declare(set *param.Set) {
	set.String(&g.name, "name", "what the steps do together")
	set.Raw(&g.list, "steps", "list of steps", "the steps, in order", param.Required())
	set.Raw(&g.rescue, "rescue", "list of steps", "what to do on a host where one of the steps failed")
	set.Raw(&g.always, "always", "list of steps", "what to do in any case")
	set.Raw(&g.vars, "vars", "map", "variables of the steps")
	set.Raw(&g.when, "when", "expression", "whether the host takes part")
	set.Strings(&g.tags, "tags", "tags of all the steps", param.Check(oneWord))
	set.Raw(&g.become, "become", "true or false", "whether the steps act as another user than the login's")
	set.Raw(&g.user, "become_user", "text", "that user; root when left out")
}

// declareStage declares what only a stage has.
func (g *group) declareStage(set *param.Set, s *Stage) {
	set.Raw(&g.serial, "serial", "number, percentage or list", "how many hosts at a time")
	set.String(&g.order, "order", "order of the hosts", param.Check(noShuffle), param.OneOf(orders()...))
	set.Raw(&g.gate, "gate", "step", "a kind that can judge health, with its parameters")
	set.Duration(&s.Settle, "settle", "how long the gate must stay healthy")
	set.Duration(&s.GateTimeout, "gate_timeout", "how long to wait for the gate")
	set.Raw(&g.failures, "max_failures", "number or percentage", "how many hosts may fail before the stage stops")
	set.Bool(&s.PauseEach, "approve", "ask a person before each batch of hosts but the first")
}

func orders() []string {
	return []string{string(InventoryOrder), string(ReverseOrder), string(SortedOrder), string(ReverseSortedOrder)}
}

func noShuffle(text string) error {
	if text == "shuffle" {
		return fmt.Errorf("there is no order %q: a plan takes its hosts in the same order each time", text)
	}
	return nil
}

// attributes are the keys of a step that are not its kind.
type attributes struct {
	name, when, vars, until source.Value
	become, user, delegate  source.Value
	loop                    source.Value
	loopVar                 string
	tags                    []string
	timeout, delay          time.Duration
	register                string
	retries                 int
	ignoreErrors, runOnce   bool
}

func newAttributes() *attributes { return &attributes{delay: 5 * time.Second} }

func (a *attributes) declare(set *param.Set) {
	set.Raw(&a.name, "name", "text", "what the step does")
	set.Raw(&a.when, "when", "expression", "whether the host takes part")
	set.Raw(&a.vars, "vars", "map", "variables of the step")
	set.Strings(&a.tags, "tags", "words to select steps by", param.Check(oneWord))
	set.Duration(&a.timeout, "timeout", "how long each act of the step may take")
	declareLoop(set, &a.loop, &a.loopVar)
	set.String(&a.register, "register", "the name under which later steps find what this one reports")
	set.Raw(&a.until, "until", "expression", "try the step again until this holds")
	set.Int(&a.retries, "retries", "how often to try again; 3 when there is an until", param.Check(notNegative("retries")))
	set.Duration(&a.delay, "delay", "how long to wait before trying again")
	set.Bool(&a.ignoreErrors, "ignore_errors", "go on with the next step where this one fails")
	set.Bool(&a.runOnce, "run_once", "do the step on one host, for all")
	set.Raw(&a.delegate, "delegate_to", "text", "do the step on this host of the inventory, or on `control`, in place of each host")
	set.Raw(&a.become, "become", "true or false", "whether to act as another user than the login's")
	set.Raw(&a.user, "become_user", "text", "that user; root when left out")
}

func declareLoop(set *param.Set, list *source.Value, name *string) {
	set.Raw(list, "loop", "list or expression", "do it once for each element of this list")
	set.String(name, "loop_var", "the variable that holds the element; item when left out")
}

// inclusion are the keys of an include.
type inclusion struct {
	name             string
	file, vars, when source.Value
	loop             source.Value
	loopVar          string
	tags             []string
}

func (i *inclusion) declare(set *param.Set) {
	set.Raw(&i.file, "include", "local path", "a file with a list of steps, counted from the folder of this file", param.Required())
	set.String(&i.name, "name", "what the steps do, for people who read the plan")
	set.Raw(&i.vars, "vars", "map", "parameters: variables of the file's steps")
	set.Raw(&i.when, "when", "expression", "whether the host takes part")
	set.Strings(&i.tags, "tags", "tags of all the file's steps", param.Check(oneWord))
	declareLoop(set, &i.loop, &i.loopVar)
}

// stop are the keys of a pause.
type stop struct {
	name    string
	message source.Value
	tags    []string
}

func (s *stop) declare(set *param.Set) {
	set.Raw(&s.message, "pause", "text", "what a person is to approve before the run goes on", param.Required())
	set.String(&s.name, "name", "what the pause is for")
	set.Strings(&s.tags, "tags", "words to select steps by", param.Check(oneWord))
}

func notNegative(name string) func(string) error {
	return func(text string) error {
		if strings.HasPrefix(text, "-") {
			return fmt.Errorf("%s is %s, but it cannot be less than none", name, text)
		}
		return nil
	}
}

// oneWord refuses a tag that --tags could not name.
func oneWord(tag string) error {
	if tag == "" || strings.ContainsAny(tag, ", \t\n{}") {
		return fmt.Errorf("the tag %q is not one word: write tags: [certs, restart]", tag)
	}
	return nil
}
