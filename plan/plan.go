// Package plan turns a plan file and an inventory into ordered, checked, plain
// data: which step with which parameters on which host, stage after stage. It
// knows the grammar of the file and the contract of steps; it never dials.
package plan

import (
	"fmt"
	"time"

	"lockstep/internal/source"
	"lockstep/steps"
)

// Plan is a compiled plan. It does not change after Compile and may be used by
// many goroutines.
type Plan struct {
	Name string
	File string
	// Hosts are the hosts to be changed, in the inventory's order; Peers are
	// all hosts of the plan's pattern, which a limit may leave more of.
	Hosts []Host
	Peers []Host
	// Become asks for root on the hosts, unless the inventory says otherwise.
	Become bool
	Stages []*Stage
}

// Host is a host as steps know it.
type Host struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Order is the order in which a stage takes its hosts. A step that ranks hosts
// goes before it.
type Order string

// The orders of a stage.
const (
	InventoryOrder Order = "inventory"
	ReverseOrder   Order = "reverse"
)

// Stage is a group of steps that go together through the hosts.
type Stage struct {
	Index int // from 1
	Name  string
	Pos   source.Pos
	// Width is how many hosts are worked on at a time; 0 is all.
	Width int
	Order Order
	// Gate must be healthy before the first host and after each batch, for
	// Settle without a break, and becomes so within GateTimeout.
	Gate        *Task
	Settle      time.Duration
	GateTimeout time.Duration
	// MaxFailures is how many hosts may fail before the stage stops.
	MaxFailures int
	// OnControl marks a stage of one step whose host is the control machine.
	OnControl bool
	Tasks     []*Task
}

// Task is one step of the plan for all the hosts that it concerns.
type Task struct {
	ID      string // stage.step, such as "3.1"
	Name    string
	Kind    steps.Kind
	Pos     source.Pos
	Tags    []string
	Timeout time.Duration // for each of its acts; 0 is the executor's default

	params map[string]source.Value // by host; a task on control has one, under ""
}

// Concerns reports whether the task is to be done for the host; its `when`
// decided that.
func (t *Task) Concerns(host string) bool {
	_, ok := t.params[t.key(host)]
	return ok
}

func (t *Task) key(host string) string {
	if t.Kind.OnControl {
		return ""
	}
	return host
}

// Step makes the step for a host that the task concerns.
func (t *Task) Step(host string) (steps.Step, error) {
	v, ok := t.params[t.key(host)]
	if !ok {
		return nil, fmt.Errorf("internal error: step %s does not concern %s", t.ID, host)
	}
	return decode(t.Kind, v)
}
