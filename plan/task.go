package plan

import (
	"time"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// Task is one step of the plan for all the hosts that it concerns.
type Task struct {
	ID      string // stage.step, such as "3.1"; "3.1.2" is an element of a loop that only a run knows
	Name    string
	Kind    steps.Kind
	Pos     source.Pos
	Tags    []string
	Timeout time.Duration // for each of its acts; 0 is the executor's default

	// Register is the name under which later steps find what this one
	// reports. Element counts a loop's steps from 1; 0 is no loop.
	Register string
	Element  int
	// Retries is how often the step is tried again, Delay later, while it fails
	// or its `until` does not hold.
	Retries      int
	Delay        time.Duration
	IgnoreErrors bool
	// Once: one host does the task for all.
	Once bool
	// As is the user the step acts as, where it is not the host's own.
	As *Identity
	// Block makes the task a group of others; it has no kind then.
	Block *Block

	*bound
}

// Block is a group of steps with those that run when one of them failed, and
// those that run in any case.
type Block struct{ Steps, Rescue, Always []*Task }

// Walk calls do for the task and all inside of it, in order.
func (t *Task) Walk(do func(*Task)) {
	do(t)
	if t.Block == nil {
		return
	}
	for _, list := range [][]*Task{t.Block.Steps, t.Block.Rescue, t.Block.Always} {
		for _, inner := range list {
			inner.Walk(do)
		}
	}
}

// Concerns reports whether the task may be done for the host. Its `when` has
// decided that, unless it rests on what only a run knows; see Decide.
func (t *Task) Concerns(host string) bool {
	if t.Block != nil {
		found := false
		for _, list := range [][]*Task{t.Block.Steps, t.Block.Rescue, t.Block.Always} {
			for _, inner := range list {
				found = found || inner.Concerns(host)
			}
		}
		return found
	}
	if t.Kind.OnControl {
		return true
	}
	i, ok := t.plan.index[host]
	return ok && (t.skip == nil || !t.skip[i])
}

// Called is the task's name on the host.
func (t *Task) Called(host string) string {
	if i, ok := t.at(host); ok && t.names != nil {
		return t.names[i]
	}
	return t.Name
}

// On is the host that the task acts on for host: host itself, or another one
// that the work is delegated to.
func (t *Task) On(host string) string {
	if i, ok := t.at(host); ok && t.delegates != nil {
		return t.delegates[i]
	}
	return host
}

// Word reports whether the task is a word of the language, which touches no
// host.
func (t *Task) Word() bool { return t.bound != nil && t.word }

// Sets names the variables that the task sets.
func (t *Task) Sets() []string {
	if !t.Word() || t.Kind.Name != "set" {
		return nil
	}
	var names []string
	for _, f := range t.params.Fields {
		names = append(names, f.Key)
	}
	return names
}

// Later reports whether only a run can tell the task's parameters or condition.
func (t *Task) Later() bool { return t.bound != nil && t.later }

// NeedsFacts reports whether the task uses the variable `facts`.
func (t *Task) NeedsFacts() bool { return t.bound != nil && t.facts }

// HasUntil reports whether the task is repeated until a condition holds.
func (t *Task) HasUntil() bool { return t.bound != nil && t.until.value.Shape != source.Null }

// Until is the condition until which the task is repeated, as written.
func (t *Task) Until() string { return t.until.value.Text }

// Decide reports whether the task is to be done for the host, by what a run
// knows. Its error wraps a *steps.Unforeseen where a dry run cannot know.
func (t *Task) Decide(host string, v Values) (bool, error) {
	if t.bound == nil || !t.later {
		return t.Concerns(host), nil
	}
	yes, err := t.all(t.base(host, v), t.when)
	if t.each != nil && isLater(err) {
		return true, nil // its elements decide
	}
	return yes, err
}

// Holds evaluates the task's `until`.
func (t *Task) Holds(host string, v Values) (bool, error) {
	return t.all(t.base(host, v), []condition{t.until})
}

// Step makes the step for a host that the task concerns and that no run has to
// tell anything about.
func (t *Task) Step(host string) (steps.Step, error) { return t.StepWith(host, nil) }

// StepWith makes the step for a host that the task concerns, by what a run
// knows. Its error wraps a *steps.Unforeseen where a dry run cannot know.
func (t *Task) StepWith(host string, v Values) (steps.Step, error) {
	if t.shared != nil {
		return decode(t.Kind, *t.shared)
	}
	return t.make(t.layer.scope(t.base(host, v)), t.params)
}

// decode makes a step from resolved parameters and lets it check them.
func decode(k steps.Kind, v source.Value) (steps.Step, error) {
	step := k.New()
	var set param.Set
	step.Params(&set)
	if err := set.Decode(v); err != nil {
		return nil, placed(v, err)
	}
	if checker, ok := step.(steps.Checker); ok {
		if err := checker.Check(); err != nil {
			return nil, placed(v, err)
		}
	}
	return step, nil
}

// placed gives what a step says of its parameters the place where they stand,
// unless it says that itself.
func placed(v source.Value, err error) error {
	switch x := err.(type) {
	case *source.Error:
		return x
	case *multierror.Error:
		out := make([]error, len(x.Errors))
		for i, e := range x.Errors {
			out[i] = placed(v, e)
		}
		return joined(out)
	}
	return v.Errorf("", "%v", err)
}
