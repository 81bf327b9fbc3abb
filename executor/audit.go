package executor

import (
	"context"
	"errors"
	"fmt"

	"lockstep/plan"
	"lockstep/steps"
)

// Audit walks the plan as a Preview does, so it changes nothing either, and asks
// each step that is an Auditor for its findings; those are in the step's event.
// What fails is told and the walk goes on: other than a run it rests on nothing
// that a step before has done.
func (x *Executor) Audit(ctx context.Context) (*Report, error) { return x.walk(ctx, audit) }

// ErrUnaudited is wrapped by the failure of a step whose Audit could not look at
// anything: nothing is known then, and nothing need be wrong.
var ErrUnaudited = errors.New("it could not be looked at")

// forgives reports whether steps go on after a failure of t.
func (w *worker) forgives(t *plan.Task) bool { return t.IgnoreErrors || w.auditing }

// said reports whether a step tells its own findings.
func said(step steps.Step) bool {
	_, ok := step.(steps.Auditor)
	return ok
}

// findings asks the step what it finds on the hosts as they are.
func (w *worker) findings(ctx context.Context, t *plan.Task, step steps.Step) (found []steps.Finding, err error) {
	a, ok := step.(steps.Auditor)
	if !w.auditing || !ok {
		return nil, nil
	}
	err = reading(ctx, t, func(ctx context.Context) error {
		found, err = a.Audit(ctx, w.today(t))
		return err
	})
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnaudited, err)
	}
	return found, err
}

// today is what t sees of the hosts without anything that a dry run foresees.
func (w *worker) today(t *plan.Task) steps.View {
	fresh := func(o *overlay) steps.Reader { return newOverlay(o.base, false) }
	peers := w.peers
	return steps.View{Self: fresh(w.on(t)), Control: fresh(w.control), Others: func() []steps.Reader {
		return w.others(w.host, func(peer string) steps.Reader { return fresh(peers[peer]) })
	}}
}
