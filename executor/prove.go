package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lockstep/plan"
	"lockstep/steps"
)

// proofPatience is how long a verification may say that it is not yet so.
const proofPatience = 2 * time.Minute

// proof is what is needed to verify a step once its change is on the host.
type proof struct {
	task   *plan.Task
	step   steps.Step
	change steps.Change
}

// prove verifies the steps of the host: by their own verification, or by a
// probe that must find nothing left to do. They are under way at the same time,
// and told in order.
func (w *worker) prove(ctx context.Context, proofs []proof) *failure {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun := map[*plan.Task]func() (bool, error){}
	if w.live {
		w.overlay.base.forget()
		begun = w.beginProofs(ctx, proofs)
		w.warm(ctx, probed(proofs))
	}
	defer func() {
		cancel()
		for _, await := range begun {
			_, _ = await()
		}
	}()
	for _, p := range proofs {
		if f := w.proveOne(ctx, p, begun[p.task]); f != nil {
			return f
		}
	}
	return nil
}

// proveOne tells how one verification went, which may be under way.
func (w *worker) proveOne(ctx context.Context, p proof, await func() (bool, error)) *failure {
	err := w.enter(ctx, p.task)
	done := false
	switch {
	case err != nil:
	case await != nil:
		done, err = await()
	default:
		done, err = w.verify(ctx, p)
	}
	if err != nil {
		return &failure{task: p.task, err: err, unverified: true, step: p.step}
	}
	if done {
		w.say(Event{Type: EventStep, Step: p.task.ID, Name: w.called(p.task), Kind: p.task.Kind.Name, Status: StatusVerified})
	}
	return nil
}

// beginProofs starts the verifications that steps make by themselves, of those
// that act as the host's own user on the host itself.
func (w *worker) beginProofs(ctx context.Context, proofs []proof) map[*plan.Task]func() (bool, error) {
	begun := map[*plan.Task]func() (bool, error){}
	for _, p := range proofs {
		if _, own := p.step.(steps.Verifier); !own || p.task.As != nil || w.on(p.task) != w.overlay {
			continue
		}
		type result struct {
			proven bool
			err    error
		}
		found := make(chan result, 1)
		go func() {
			proven, err := w.verify(ctx, p)
			found <- result{proven, err}
		}()
		begun[p.task] = sync.OnceValues(func() (bool, error) {
			r := <-found
			return r.proven, r.err
		})
	}
	return begun
}

// probed are the tasks that are proven by a probe.
func probed(proofs []proof) []*plan.Task {
	var out []*plan.Task
	for _, p := range proofs {
		if _, own := p.step.(steps.Verifier); !own && !p.change.Empty() && !p.task.Later() {
			out = append(out, p.task)
		}
	}
	return out
}

// verify reports whether the step's own verification proved it.
func (w *worker) verify(ctx context.Context, p proof) (proven bool, err error) {
	v, own := p.step.(steps.Verifier)
	switch {
	case w.auditing && (said(p.step) || !p.change.Empty()):
		return false, nil // there are findings already
	case own && !w.live && !w.auditing && (!p.change.Empty() || !w.untouched()):
		return false, nil // the world that it would prove is not there yet
	case own:
		err = reading(ctx, p.task, func(ctx context.Context) error { return w.patiently(ctx, p.task, v) })
		if _, unknown := steps.IsUnforeseen(err); unknown && !w.live {
			return false, nil
		}
		return err == nil, err
	case !w.live || p.change.Empty():
		return false, nil
	}
	var left steps.Change
	if g, ok := w.glimpsed(p.task); ok {
		left = g.change
	} else {
		left, err = w.probe(ctx, p.task, p.step)
	}
	if err == nil && !left.Empty() {
		err = fmt.Errorf("after the change it is still not as wanted: %s", summary(left))
	}
	return false, err
}

// untouched reports whether nothing was written and no act happened anywhere.
func (r *run) untouched() bool {
	for _, o := range r.overlays {
		if !o.untouched() {
			return false
		}
	}
	return r.control.untouched()
}

// patiently verifies, again and again while the step says that it is not yet
// so. A live run looks at the hosts themselves, since a cluster goes on
// changing after an act.
func (w *worker) patiently(ctx context.Context, t *plan.Task, v steps.Verifier) error {
	view := w.seen(t)
	if w.auditing {
		view = w.today(t)
	}
	if w.live {
		view = w.liveView(w.host)
		if o := w.on(t); o != w.overlay || t.As != nil {
			view.Self = o.base.Machine
		}
	}
	for start := time.Now(); ; {
		err := v.Verify(ctx, view)
		var notYet *steps.NotYet
		if !w.live || !errors.As(err, &notYet) {
			return err
		}
		if time.Since(start) > proofPatience {
			return fmt.Errorf("still so after %s: %w", proofPatience, err)
		}
		if stopped := sleep(ctx, w.Poll); stopped != nil {
			return errors.Join(stopped, err)
		}
	}
}

func summary(c steps.Change) string {
	if len(c.Edits) == 0 {
		return c.Unknown
	}
	return string(c.Edits[0].Op) + " " + c.Edits[0].Subject
}
