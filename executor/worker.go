package executor

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"lockstep/plan"
	"lockstep/steps"
)

// worker takes one host through the steps of one stage.
type worker struct {
	*run
	stage   *plan.Stage
	host    string // "" on the control machine
	shown   string
	overlay *overlay
	acted   bool // a change was begun on the host
	planned bool // a change would be begun, in a dry run
	// interrupted is why the steps were not all begun, if they were not.
	interrupted error

	turn, done chan struct{} // when the host before has said all; when this one has
	held       []Event
	unwritten  []result // of steps whose change is not on the host yet
}

// tasks are the stage's steps that concern the host.
func (w *worker) tasks() []*plan.Task {
	var out []*plan.Task
	for _, t := range w.stage.Tasks {
		if t.Concerns(w.host) {
			out = append(out, t)
		}
	}
	return out
}

// warm runs all probes of the host at the same time and throws their results
// away, so that what they read travels together and is then in the cache. Each
// goes on into a dry apply, which reads what a write would check.
func (w *worker) warm(ctx context.Context) {
	var wg sync.WaitGroup
	for _, t := range w.tasks() {
		step, err := t.Step(w.host)
		if err != nil {
			continue // the walk in order will meet it again
		}
		wg.Go(func() {
			scratch := newOverlay(w.overlay.base, false)
			v := w.view(w.host)
			v.Self = scratch
			_ = within(ctx, t, func(ctx context.Context) error { // only its reads matter
				c, err := step.Probe(ctx, v)
				if err == nil && !c.Empty() {
					err = step.Apply(ctx, scratch, c)
				}
				return err
			})
		})
	}
	wg.Wait()
}

// work does the host's steps in order and then proves them. It reports whether
// all went well.
func (w *worker) work(ctx context.Context, g *gate) bool {
	var proofs []proof
	for _, t := range w.tasks() {
		if w.interrupted = w.stopped(ctx); w.interrupted != nil {
			break
		}
		p, err := w.task(ctx, g, t)
		if err != nil {
			w.fall(w.culprit(proofs, t, err), err)
			return false
		}
		proofs = append(proofs, p)
	}
	if ctx.Err() != nil { // nothing can be written or proven any more
		w.interrupted = cmp.Or(w.interrupted, ctx.Err())
		w.settle(true)
		return false
	}
	if w.live && len(proofs) > 0 {
		last := proofs[len(proofs)-1].task
		if err := within(ctx, last, w.overlay.flush); err != nil {
			w.fall(w.culprit(proofs, last, err), err)
			return false
		}
	}
	w.settle(false)
	return w.prove(ctx, proofs)
}

// fall ends the host's part in the run: what is not on the host by now is not
// written any more.
func (w *worker) fall(t *plan.Task, err error) {
	w.settle(true)
	w.failTask(t, err, false)
}

// culprit is the step that wrote the file which a failed commit names, or t,
// during which it failed.
func (w *worker) culprit(proofs []proof, t *plan.Task, err error) *plan.Task {
	var ce *CommitError
	if !errors.As(err, &ce) {
		return t
	}
	for _, p := range proofs {
		if w.overlay.writer(ce.Path) == actor(p.task) {
			return p.task
		}
	}
	return t
}

func actor(t *plan.Task) string { return "step " + label(t) }

// task probes one step and applies what differs.
func (w *worker) task(ctx context.Context, g *gate, t *plan.Task) (proof, error) {
	start := time.Now()
	step, err := t.Step(w.host)
	if err != nil {
		return proof{}, err
	}
	w.overlay.as(actor(t))
	change, err := w.probe(ctx, t, step)
	if err != nil {
		return proof{}, err
	}
	event := Event{Type: EventStep, Step: t.ID, Name: t.Name, Kind: t.Kind.Name, Change: &change, Status: w.status(change)}
	if !change.Empty() {
		err := w.apply(ctx, g, t, step, change)
		if u, ok := steps.IsUnforeseen(err); ok && !w.live {
			w.overlay.foresee(steps.Command{}, nil) // what the rest would do is unknown
			event.Status, event.Message = StatusUnknown, u.Error()
		} else if err != nil {
			return proof{}, err
		} else if w.live {
			settled := w.made(ctx, change)
			event.Change = &settled
		}
	}
	event.Elapsed = time.Since(start)
	w.tell(event)
	return proof{task: t, step: step, change: change}, nil
}

// probe asks the step what differs. What a dry run cannot foresee is an answer.
func (w *worker) probe(ctx context.Context, t *plan.Task, step steps.Step) (steps.Change, error) {
	var change steps.Change
	err := within(ctx, t, func(ctx context.Context) (err error) {
		change, err = step.Probe(ctx, w.view(w.host))
		return err
	})
	if u, ok := steps.IsUnforeseen(err); ok && !w.live {
		return steps.Change{Unknown: u.Error()}, nil
	}
	return change, err
}

func (w *worker) status(c steps.Change) Status {
	switch {
	case c.Empty():
		return StatusOK
	case w.live:
		return StatusChanged
	case c.Unknown != "":
		return StatusUnknown
	default:
		return StatusChange
	}
}

// apply makes a change, once the stage's gate has let the host through.
func (w *worker) apply(ctx context.Context, g *gate, t *plan.Task, step steps.Step, c steps.Change) error {
	for _, s := range c.Secrets {
		w.Redactor.Add(s)
	}
	if w.live && g != nil {
		if err := g.before(ctx, w.host); err != nil {
			return err
		}
	}
	w.acted, w.planned = w.live, true
	if len(c.Edits) == 0 && !w.live {
		return nil // nothing that could be foreseen
	}
	return within(ctx, t, func(ctx context.Context) error { return step.Apply(ctx, w.overlay, c) })
}
