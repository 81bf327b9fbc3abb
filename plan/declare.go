package plan

import (
	"fmt"
	"strings"

	"lockstep/internal/source"
	"lockstep/steps/param"
)

// Declarations are the keys of the three maps that a plan file is made of. What
// stands here is what Compile reads, so schemas and reference pages are made of
// it. A key whose type is "step" or "list of steps" holds more of them.
type Declarations struct{ Plan, Stage, Step *param.Set }

// Declared returns the keys of a plan, a stage and a step.
func Declared() Declarations {
	d := Declarations{&param.Set{}, &param.Set{}, &param.Set{}}
	new(header).declare(d.Plan)
	newStageKeys(&Stage{Order: InventoryOrder, Settle: DefaultSettle, GateTimeout: DefaultGateTimeout}).declare(d.Stage)
	new(attributes).declare(d.Step)
	return d
}

// header are the keys of a plan.
type header struct {
	name, hosts      string
	vars, steps      source.Value
	together, become bool
}

func (h *header) declare(set *param.Set) {
	set.String(&h.name, "name", "what the plan does, for people")
	set.String(&h.hosts, "hosts", "the inventory pattern of the hosts", param.Required())
	set.Raw(&h.vars, "vars", "map", "variables of the plan")
	set.Raw(&h.steps, "steps", "list of steps", "what is to hold, in order", param.Required())
	set.Bool(&h.together, "together", "the plan holds only on all its hosts at once, so --limit is refused")
	set.Bool(&h.become, "become", "whether to act as root where the inventory's ansible_become says nothing")
}

// stageKeys are the keys of a stage; those that need no more than decoding are
// the stage's own.
type stageKeys struct {
	stage                     *Stage
	steps, serial, gate, when source.Value
	order                     string
	tags                      []string
}

func newStageKeys(s *Stage) *stageKeys { return &stageKeys{stage: s, order: string(s.Order)} }

func (k *stageKeys) declare(set *param.Set) {
	set.String(&k.stage.Name, "name", "what the stage does")
	set.Raw(&k.steps, "steps", "list of steps", "the steps of the stage", param.Required())
	set.Raw(&k.serial, "serial", "number or percentage", "how many hosts at a time")
	set.String(&k.order, "order", "order of the hosts", param.OneOf(string(InventoryOrder), string(ReverseOrder)))
	set.Raw(&k.gate, "gate", "step", "a kind that can judge health, with its parameters")
	set.Duration(&k.stage.Settle, "settle", "how long the gate must stay healthy")
	set.Duration(&k.stage.GateTimeout, "gate_timeout", "how long to wait for the gate")
	set.Int(&k.stage.MaxFailures, "max_failures", "how many hosts may fail before the stage stops", param.Check(notNegative("max_failures")))
	set.Strings(&k.tags, "tags", "tags of all the stage's steps")
	set.Raw(&k.when, "when", "expression", "whether the host takes part")
}

func notNegative(name string) func(string) error {
	return func(text string) error {
		if strings.HasPrefix(text, "-") {
			return fmt.Errorf("%s is %s, but fewer than none cannot fail", name, text)
		}
		return nil
	}
}
