package executor

import (
	"context"
	"fmt"

	"lockstep/plan"
	"lockstep/steps"
)

// proof is what is needed to verify a step once its change is on the host.
type proof struct {
	task   *plan.Task
	step   steps.Step
	change steps.Change
}

// prove verifies the steps of the host: by their own verification, or by a
// probe that must find nothing left to do.
func (w *worker) prove(ctx context.Context, proofs []proof) bool {
	if w.live {
		w.overlay.base.forget()
	}
	for _, p := range proofs {
		done, err := w.verify(ctx, p)
		if err != nil {
			w.failTask(p.task, err, true)
			return false
		}
		if done {
			w.say(Event{Type: EventStep, Step: p.task.ID, Name: p.task.Name, Kind: p.task.Kind.Name, Status: StatusVerified})
		}
	}
	return true
}

// verify reports whether the step's own verification proved it.
func (w *worker) verify(ctx context.Context, p proof) (proven bool, err error) {
	v, own := p.step.(steps.Verifier)
	switch {
	case own && !w.live && (!p.change.Empty() || !w.overlay.untouched()):
		return false, nil // the world that it would prove is not there yet
	case own:
		err = within(ctx, p.task, func(ctx context.Context) error { return v.Verify(ctx, w.view(w.host)) })
		if _, unknown := steps.IsUnforeseen(err); unknown && !w.live {
			return false, nil
		}
		return err == nil, err
	case !w.live || p.change.Empty():
		return false, nil
	}
	left, err := w.probe(ctx, p.task, p.step)
	if err == nil && !left.Empty() {
		err = fmt.Errorf("after the change it is still not as wanted: %s", summary(left))
	}
	return false, err
}

func summary(c steps.Change) string {
	if len(c.Edits) == 0 {
		return c.Unknown
	}
	return string(c.Edits[0].Op) + " " + c.Edits[0].Subject
}
