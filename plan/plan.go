// Package plan turns a plan file and an inventory into ordered, checked, plain
// data: which step with which parameters on which host, stage after stage. It
// knows the grammar of the file and the contract of steps; it never dials.
package plan

import (
	"time"

	"lockstep/internal/source"
)

// Plan is a compiled plan. It does not change after Compile and may be used by
// many goroutines.
type Plan struct {
	Name string
	File string
	// Files are the plan's file, those that it includes and its files of
	// variables, as they were read.
	Files []source.File
	// Hosts are the hosts to be changed, in the inventory's order; Peers are
	// all hosts of the plan's pattern, which a limit may leave more of.
	Hosts []Host
	Peers []Host
	// Helpers are hosts outside of the pattern that steps are delegated to.
	Helpers []Host
	// Become asks for root on the hosts, unless the inventory says otherwise.
	Become bool
	Stages []*Stage

	index  map[string]int // of Hosts by name
	scopes []*scope       // of Hosts, in their order
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
	InventoryOrder     Order = "inventory"
	ReverseOrder       Order = "reverse"
	SortedOrder        Order = "sorted"
	ReverseSortedOrder Order = "reverse_sorted"
)

// Stage is a group of steps that go together through the hosts.
type Stage struct {
	Index int // from 1
	Name  string
	Pos   source.Pos
	// Width is how many hosts are worked on at a time; 0 is all. Widths are
	// those of the batches one after another when they differ: the last holds
	// for all that follow.
	Width  int
	Widths []int
	Order  Order
	// Gate must be healthy before the first host and after each batch, for
	// Settle without a break, and becomes so within GateTimeout.
	Gate        *Task
	Settle      time.Duration
	GateTimeout time.Duration
	// MaxFailures is how many hosts may fail before the stage stops.
	MaxFailures int
	// OnControl marks a stage of one step whose host is the control machine,
	// Once one of one step that one host does for all.
	OnControl bool
	Once      bool
	// Pause is what a person has to approve before the run goes on; such a
	// stage has no steps. PauseEach asks before each batch but the first.
	Pause     string
	PauseEach bool
	Tasks     []*Task
}

// Batch returns how many hosts the n-th batch takes, counted from 0, of hosts
// that are left.
func (s *Stage) Batch(n, left int) int {
	width := s.Width
	if len(s.Widths) > 0 {
		width = s.Widths[min(n, len(s.Widths)-1)]
	}
	if width == 0 || width > left {
		return left
	}
	return width
}

// Identity is the user as whom a step acts where it is not the host's own.
type Identity struct {
	Become bool   // false: the user of the login
	User   string // with Become; "" is root
}

// Acting is a host together with an identity that some step takes there.
type Acting struct {
	Host string
	As   Identity
}

// Walk calls do for every task of the plan, those inside of others included.
func (p *Plan) Walk(do func(*Stage, *Task)) {
	for _, s := range p.Stages {
		for _, t := range s.Tasks {
			t.Walk(func(t *Task) { do(s, t) })
		}
	}
}

// Actings lists the hosts with the identities that steps take there, in the
// order of the plan.
func (p *Plan) Actings() []Acting {
	var out []Acting
	seen := map[Acting]bool{}
	p.Walk(func(_ *Stage, t *Task) {
		if t.As == nil || t.Kind.OnControl {
			return
		}
		for _, h := range p.Hosts {
			on := t.On(h.Name)
			if a := (Acting{on, *t.As}); t.Concerns(h.Name) && on != ControlName && !seen[a] {
				seen[a] = true
				out = append(out, a)
			}
		}
	})
	return out
}

// ControlName is how a plan calls the machine that lockstep runs on.
const ControlName = "control"
