package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep/plan"
	"lockstep/steps"
)

// failure is what ended a list of steps on a host.
type failure struct {
	task       *plan.Task
	err        error
	unverified bool
	step       steps.Step // nil when it could not be made
}

// section does steps in order and then writes and proves what they did. An
// interrupt leaves it early, with w.interrupted set.
func (w *worker) section(ctx context.Context, g *gate, tasks []*plan.Task) *failure {
	var proofs []proof
	if f := w.inOrder(ctx, g, tasks, &proofs); f != nil {
		f.task = w.culprit(proofs, f.task, f.err)
		return f
	}
	return w.close(ctx, proofs)
}

// inOrder does steps until one fails or the run is to stop. What they did and
// is not proven yet is in proofs.
func (w *worker) inOrder(ctx context.Context, g *gate, tasks []*plan.Task, proofs *[]proof) *failure {
	for _, t := range tasks {
		if !t.Concerns(w.host) {
			w.bystand(ctx, t)
			continue
		}
		if w.interrupted == nil {
			w.interrupted = w.stopped(ctx)
		}
		if w.interrupted != nil {
			return nil
		}
		if f := w.next(ctx, g, t, proofs); f != nil {
			return f
		}
	}
	return nil
}

// next does one step, or what takes the place of one.
func (w *worker) next(ctx context.Context, g *gate, t *plan.Task, proofs *[]proof) *failure {
	if apart(t) { // what stands before it is on the host, whatever becomes of it
		if f := w.close(ctx, *proofs); f != nil || w.interrupted != nil {
			return f
		}
		*proofs = nil
	}
	switch {
	case t.Block != nil:
		f := w.block(ctx, g, t)
		if f == nil {
			w.bystand(ctx, t)
		}
		return f
	case w.errands.number(t) >= 0:
		return w.once(ctx, g, t)
	default:
		return w.single(ctx, g, t, proofs)
	}
}

// single does one step on the host.
func (w *worker) single(ctx context.Context, g *gate, t *plan.Task, proofs *[]proof) *failure {
	switch {
	case t.Loops():
		return w.loop(ctx, g, t, proofs)
	case w.forgives(t):
		return w.forgiven(ctx, g, t)
	default:
		return w.attempt(ctx, g, t, proofs)
	}
}

// loop does a step once for each element of a list that only a run knows.
func (w *worker) loop(ctx context.Context, g *gate, t *plan.Task, proofs *[]proof) *failure {
	known, err := w.known(ctx, t)
	var each []*plan.Task
	if err == nil {
		each, err = t.Elements(w.host, known)
	}
	if u, ok := steps.IsUnforeseen(err); ok && !w.live {
		w.perhaps(ctx, t, known, "for which elements it runs is not known: "+u.Error())
		return nil
	}
	if f := (&failure{task: t, err: err}); err != nil {
		if !w.forgives(t) || final(ctx, err) {
			return f
		}
		w.pass(f, StatusIgnored)
		return nil
	}
	if len(each) == 0 {
		w.learn(t, noElements())
	}
	return w.inOrder(ctx, g, each, proofs)
}

// apart reports whether a failure of t may be followed by more steps.
func apart(t *plan.Task) bool {
	return t.Block != nil || t.Once || t.IgnoreErrors || t.Retries > 0
}

// close writes what is pending and proves it.
func (w *worker) close(ctx context.Context, proofs []proof) *failure {
	if ctx.Err() != nil { // nothing can be written or proven any more
		w.interrupted = cmp.Or(w.interrupted, ctx.Err())
		return nil
	}
	if w.live && len(proofs) > 0 {
		last := proofs[len(proofs)-1].task
		if err := within(ctx, last, w.overlay.flush); err != nil {
			return &failure{task: w.culprit(proofs, last, err), err: err}
		}
	}
	if !w.live {
		w.overlay.keep()
	}
	w.settle(false)
	return w.prove(ctx, proofs)
}

// forgiven does a step whose failure does not matter to the plan.
func (w *worker) forgiven(ctx context.Context, g *gate, t *plan.Task) *failure {
	var proofs []proof
	f := w.attempt(ctx, g, t, &proofs)
	if f == nil {
		f = w.close(ctx, proofs)
	}
	if f == nil || final(ctx, f.err) {
		return f
	}
	w.pass(f, StatusIgnored)
	return nil
}

// block does a group of steps, its rescue when one of them failed, and what is
// to be done in any case. A host that is lost rescues nothing.
func (w *worker) block(ctx context.Context, g *gate, t *plan.Task) *failure {
	w.nested++
	defer func() { w.nested-- }()
	f := w.section(ctx, g, t.Block.Steps)
	if f != nil && final(ctx, f.err) || w.interrupted != nil {
		return f
	}
	if f != nil && len(t.Block.Rescue) > 0 {
		w.pass(f, StatusRescued)
		w.rescues++
		f = w.section(ctx, g, t.Block.Rescue)
		w.rescues--
	}
	if len(t.Block.Always) == 0 || f != nil && final(ctx, f.err) || w.interrupted != nil {
		return f
	}
	if f != nil {
		w.settle(true)
		w.stray(f.task)
	}
	if last := w.section(ctx, g, t.Block.Always); f == nil {
		f = last
	} else if last != nil {
		w.pass(last, StatusFailed) // the host ends for f, and this is told beside it
	}
	return f
}

// final reports whether no step can be done on the host after err.
func final(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, steps.ErrUnreachable) || errors.Is(err, steps.ErrRefused) ||
		errors.Is(err, ErrGateRed) || errors.Is(err, ErrInterrupted) || errors.Is(err, ErrUnrecorded)
}

// pass tells a failure after which the plan goes on. What its step has not
// written yet is dropped.
func (w *worker) pass(f *failure, s Status) {
	w.stray(f.task)
	w.settle(true)
	w.learn(f.task, broken(f.step))
	w.say(Event{Type: EventStep, Step: f.task.ID, Name: w.called(f.task), Kind: f.task.Kind.Name, Status: s, Err: f.err})
}

// attempt does one step: if its condition holds, and again while it fails and
// is to be repeated.
func (w *worker) attempt(ctx context.Context, g *gate, t *plan.Task, proofs *[]proof) *failure {
	known, err := w.known(ctx, t)
	if err != nil {
		return &failure{task: t, err: err}
	}
	yes, err := t.Decide(w.host, known)
	if u, ok := steps.IsUnforeseen(err); ok && !w.live {
		w.perhaps(ctx, t, known, "whether it runs is not known: "+u.Error())
		return nil
	}
	if err != nil {
		return &failure{task: t, err: err}
	}
	if !yes {
		w.learn(t, plan.Skipped())
		return nil
	}
	defer func() { w.retried = "" }()
	for try := 1; ; try++ {
		p, f := w.task(ctx, g, t, known)
		again, why := w.again(ctx, t, f)
		if f == nil && why == nil {
			if p != nil {
				*proofs = append(*proofs, *p)
			}
			return nil
		}
		if !again || try > t.Retries {
			return &failure{task: t, err: tries(why, try), step: stepOf(p, f)}
		}
		if err := w.later(ctx, t, try, why); err != nil {
			return &failure{task: t, err: err, step: stepOf(p, f)}
		}
	}
}

func stepOf(p *proof, f *failure) steps.Step {
	if f != nil {
		return f.step
	}
	return p.step
}

func tries(err error, n int) error {
	if n == 1 {
		return err
	}
	return fmt.Errorf("after %d tries: %w", n, err)
}

// again says why a step is not done yet, and whether trying again may help.
func (w *worker) again(ctx context.Context, t *plan.Task, f *failure) (bool, error) {
	if f != nil {
		return w.live && !final(ctx, f.err), f.err
	}
	if !w.live || !t.HasUntil() {
		return false, nil
	}
	err := w.enough(ctx, t)
	var notYet *steps.NotYet
	return errors.As(err, &notYet), err
}

// later waits before the next try, and says why there is one.
func (w *worker) later(ctx context.Context, t *plan.Task, try int, why error) error {
	w.settle(true)
	w.retried = label(t)
	w.say(Event{Type: EventNote, Hosts: []string{w.shown}, Message: fmt.Sprintf("%s: try %d of %d in %s: %v", actor(t), try+1, t.Retries+1, t.Delay, why)})
	if err := w.pause(ctx, t.Delay); err != nil {
		return err
	}
	w.overlay.base.forget()
	return nil
}

// pause waits, or returns an error when the run is to stop.
func (r *run) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-r.Stop:
		return r.stopped(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// perhaps tells of a step of which a dry run does not know whether, or with
// what, it would run. What it may touch is unknown to all that follows.
func (w *worker) perhaps(ctx context.Context, t *plan.Task, known plan.Values, why string) {
	event := Event{Type: EventStep, Step: t.ID, Name: w.called(t), Kind: t.Kind.Name, Status: StatusUnknown, Change: &steps.Change{Unknown: why}}
	w.obscure(t, actor(t))
	w.overlay.as(actor(t), t.ID)
	step, err := t.StepWith(w.host, known)
	var found steps.Change
	if err == nil {
		found, err = w.probe(ctx, t, step)
	}
	switch {
	case t.Word():
	case err == nil && found.Empty():
		event.Status, event.Change = StatusOK, &steps.Change{} // done or not, it is as wanted
	case err == nil && found.Unknown == "" && touches(found) != nil:
		event.Change.Edits = found.Edits
		w.planned = true
		w.on(t).foresee(steps.Command{Writes: touches(found)}, nil)
	default:
		w.planned = true
		w.on(t).foresee(steps.Command{}, nil)
	}
	w.tell(w.overlay, event)
}

// touches are the paths that c changes, or nil when it does more than that.
func touches(c steps.Change) []string {
	var paths []string
	for _, e := range c.Edits {
		if e.Op == steps.Run {
			return nil
		}
		paths = append(paths, e.Subject)
	}
	return paths
}
