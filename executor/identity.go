package executor

import (
	"context"
	"fmt"

	"lockstep/plan"
	"lockstep/steps"
)

// on is the overlay of the host that t acts on.
func (w *worker) on(t *plan.Task) *overlay {
	switch name := t.On(w.host); {
	case name == w.host:
		return w.overlay
	case name == plan.ControlName:
		return w.control
	default:
		return w.overlays[name]
	}
}

// seen is what t sees: the host that it acts on, and the others.
func (w *worker) seen(t *plan.Task) steps.View {
	v := w.view(w.host)
	v.Self = w.on(t)
	return v
}

// enter makes the overlay of t act as the user that t asks for. What was
// pending in the name of another is on the host before.
func (w *worker) enter(ctx context.Context, t *plan.Task) error {
	o := w.on(t)
	base, err := w.base(o, t)
	if err != nil || base == o.base {
		return err
	}
	if w.live {
		if err := o.flush(ctx); err != nil {
			return err
		}
		base.forget()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.base, o.who = base, t.As
	return nil
}

// base is the machine that t acts on, as the user that it asks for.
func (w *worker) base(o *overlay, t *plan.Task) (*cache, error) {
	if t.As == nil || o == w.control {
		return o.own, nil
	}
	c, ok := w.identities[plan.Acting{Host: o.Name(), As: *t.As}]
	if !ok {
		return nil, fmt.Errorf("internal error: there is no connection to %s as %+v", o.Name(), *t.As)
	}
	return c, nil
}

// called is the task's name on the worker's host.
func (w *worker) called(t *plan.Task) string { return t.Called(w.host) }
