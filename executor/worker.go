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
	errands *errands
	acted   bool   // a change was begun on the host
	planned bool   // a change would be begun, in a dry run
	nested  int    // groups with a rescue or always around the step
	rescues int    // rescues around the step
	retried string // the step, while it is tried again
	// interrupted is why the steps were not all begun, if they were not.
	interrupted error

	turn, done chan struct{} // when the host before has said all; when this one has
	held       []Event
	unwritten  []result // of steps whose change is not on the host yet

	ahead    sync.Mutex // guards glimpses
	glimpses map[*plan.Task]glimpse
}

// work does the host's steps in order and proves them. It reports whether all
// went well.
func (w *worker) work(ctx context.Context, g *gate) bool {
	if f := w.section(ctx, g, w.stage.Tasks); f != nil {
		w.settle(true) // what is not on the host by now is not written any more
		w.failTask(f.task, f.err, f.unverified)
		return false
	}
	if ctx.Err() != nil {
		w.settle(true)
		return false
	}
	return w.interrupted == nil
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

// task probes one step and applies what differs. There is no proof when only a
// run will tell the step's parameters.
func (w *worker) task(ctx context.Context, g *gate, t *plan.Task, known plan.Values) (*proof, *failure) {
	start := time.Now()
	o := w.on(t)
	step, err := t.StepWith(w.host, known)
	if u, ok := steps.IsUnforeseen(err); ok && !w.live {
		w.perhaps(ctx, t, known, u.Error())
		return nil, nil
	}
	if err == nil {
		err = w.enter(ctx, t)
	}
	if err != nil {
		return nil, &failure{task: t, err: err}
	}
	o.as(actor(t), t.ID)
	if waits, ok := step.(steps.Waiter); ok {
		event, err := w.await(ctx, t, step, waits)
		if err != nil {
			return nil, &failure{task: t, err: err, step: step}
		}
		w.learn(t, w.reported(t, step, *event.Change, event.Change.Unknown))
		w.tell(o, event)
		return &proof{task: t, step: step}, nil
	}
	found, err := w.findings(ctx, t, step)
	if err != nil {
		return nil, &failure{task: t, err: err, step: step}
	}
	var change steps.Change
	if g, ok := w.glimpsed(t); ok {
		step, change = g.step, g.change
	} else if change, err = w.probe(ctx, t, step); err != nil && found == nil {
		return nil, &failure{task: t, err: err, step: step}
	}
	event := Event{Type: EventStep, Step: t.ID, Name: w.called(t), Kind: t.Kind.Name, Change: &change, Findings: found, Status: w.status(change)}
	if err := w.make(ctx, g, t, step, change, &event); err != nil {
		return nil, &failure{task: t, err: err, step: step}
	}
	w.set(t, step)
	unknown := change.Unknown
	if event.Status == StatusUnknown {
		unknown = cmp.Or(unknown, event.Message)
	}
	w.learn(t, w.reported(t, step, change, unknown))
	if err := w.doubt(ctx, t, &event); err != nil {
		return nil, &failure{task: t, err: err, step: step}
	}
	event.Elapsed = time.Since(start)
	w.tell(o, event)
	return &proof{task: t, step: step, change: change}, nil
}

// make applies what differs and notes in the event what became of it.
func (w *worker) make(ctx context.Context, g *gate, t *plan.Task, step steps.Step, c steps.Change, event *Event) error {
	if c.Empty() {
		return nil
	}
	o := w.on(t)
	err := w.apply(ctx, g, t, step, c)
	if err == nil && w.live && o != w.overlay {
		err = o.flush(ctx) // nobody else would, before the next step of another host
	}
	if u, ok := steps.IsUnforeseen(err); ok && !w.live {
		o.foresee(steps.Command{}, nil) // what the rest would do is unknown
		event.Status, event.Message = StatusUnknown, u.Error()
		return nil
	}
	if err == nil && w.live {
		settled := w.made(ctx, o, c)
		event.Change = &settled
	}
	return err
}

// probe asks the step what differs. What a dry run cannot foresee is an answer.
func (w *worker) probe(ctx context.Context, t *plan.Task, step steps.Step) (steps.Change, error) {
	var change steps.Change
	err := reading(ctx, t, func(ctx context.Context) (err error) {
		change, err = step.Probe(ctx, w.seen(t))
		return err
	})
	for _, s := range change.Secrets { // also of a probe that failed
		w.Redactor.Add(s)
	}
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
	if err := w.approved(t, step, c); err != nil {
		return err
	}
	if w.live && g != nil {
		if err := g.before(ctx, w.host); err != nil {
			return err
		}
	}
	if err := w.grip.firm(ctx); err != nil {
		return err
	}
	w.acted, w.planned = w.live, true
	if len(c.Edits) == 0 && !w.live {
		return nil // nothing that could be foreseen
	}
	return within(ctx, t, func(ctx context.Context) error { return step.Apply(ctx, w.on(t), c) })
}
