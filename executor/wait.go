package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep/plan"
	"lockstep/steps"
)

// await does a step whose state comes about by itself: it looks until it is
// there. A dry run looks once, and knows only what is so already.
func (w *worker) await(ctx context.Context, t *plan.Task, step steps.Step, wt steps.Waiter) (Event, error) {
	event := Event{Type: EventStep, Step: t.ID, Name: w.called(t), Kind: t.Kind.Name, Status: StatusOK, Change: &steps.Change{}}
	if !w.live {
		err := w.glance(ctx, t, step, wt)
		var notYet *steps.NotYet
		u, unforeseen := steps.IsUnforeseen(err)
		switch {
		case unforeseen:
			event.Status, event.Change.Unknown, err = StatusUnknown, u.Error(), nil
		case errors.As(err, &notYet):
			event.Status, event.Change.Unknown, err = StatusUnknown, "it is not so now, and the run waits for it: "+notYet.Error(), nil
		}
		return event, err
	}
	if err := w.on(t).flush(ctx); err != nil {
		return event, err
	}
	start := time.Now()
	err := w.watch(ctx, t, step, wt)
	event.Elapsed = time.Since(start)
	return event, err
}

// watch looks again and again, as long as the step has patience.
func (w *worker) watch(ctx context.Context, t *plan.Task, step steps.Step, wt steps.Waiter) error {
	limit, delay := wt.Patience()
	for start := time.Now(); ; {
		w.on(t).base.forget()
		err := w.glance(ctx, t, step, wt)
		var notYet *steps.NotYet
		if !errors.As(err, &notYet) {
			return err
		}
		if time.Since(start)+delay > limit {
			return fmt.Errorf("still not so after %s: %w", limit, err)
		}
		if stopped := w.pause(ctx, delay); stopped != nil {
			return errors.Join(stopped, err)
		}
	}
}

// glance looks once: at what the step waits for, and whether its `until` holds
// with what was found.
func (w *worker) glance(ctx context.Context, t *plan.Task, step steps.Step, wt steps.Waiter) error {
	err := within(ctx, t, func(ctx context.Context) error { return wt.Wait(ctx, w.seen(t)) })
	if err != nil || !t.HasUntil() {
		return err
	}
	w.learn(t, w.reported(t, step, steps.Change{}, ""))
	return w.enough(ctx, t)
}

// enough judges a step's `until` by what it has just reported.
func (w *worker) enough(ctx context.Context, t *plan.Task) error {
	known, err := w.known(ctx, t)
	if err != nil {
		return err
	}
	yes, err := t.Holds(w.host, known)
	if err == nil && !yes {
		err = &steps.NotYet{What: "it does not hold that " + t.Until()}
	}
	return err
}

// doubt makes a step unknown that a dry run finds as wanted, while its `until`
// does not hold: the run would try it again, and nobody knows what that tells.
func (w *worker) doubt(ctx context.Context, t *plan.Task, e *Event) error {
	if w.live || !t.HasUntil() || e.Status != StatusOK {
		return nil
	}
	err := w.enough(ctx, t)
	var notYet *steps.NotYet
	u, unforeseen := steps.IsUnforeseen(err)
	switch {
	case unforeseen:
		err = u
	case !errors.As(err, &notYet):
		return err
	}
	e.Status, e.Change = StatusUnknown, &steps.Change{Unknown: "the run tries it again: " + err.Error()}
	w.obscure(t, actor(t))
	return nil
}

// ask has a person approve that the run goes on. A dry run only tells.
func (r *run) ask(ctx context.Context, s *plan.Stage, hosts []string, question string) error {
	if !r.live {
		r.emit(Event{Type: EventNote, Stage: s.Index, Hosts: hosts, Message: "the run asks here: " + question})
		return nil
	}
	if r.Approve == nil {
		return fmt.Errorf("%w: nobody is there to approve: %s", steps.ErrRefused, question)
	}
	if err := r.Approve(ctx, question); err != nil {
		r.emit(Event{Type: EventNote, Stage: s.Index, Hosts: hosts, Message: "not approved: " + question})
		return err
	}
	return nil
}
