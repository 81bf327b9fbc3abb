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

// worker takes one host through the steps of one stage.
type worker struct {
	*run
	stage   *plan.Stage
	host    string // "" on the control machine
	shown   string
	overlay *overlay
	acted   bool // a change was begun on the host
	planned bool // a change would be begun, in a dry run

	turn, done chan struct{} // when the host before has said all; when this one has
	held       []Event
}

// say passes an event on as soon as the hosts before have said all of theirs.
func (w *worker) say(e Event) {
	e.Host, e.Stage = w.shown, w.stage.Index
	select {
	case <-w.turn:
		w.drain()
		w.emit(e)
	default:
		if w.turn == nil {
			w.emit(e)
			return
		}
		w.held = append(w.held, e)
	}
}

func (w *worker) drain() {
	for _, e := range w.held {
		w.emit(e)
	}
	w.held = nil
}

// release waits for the hosts before, says what is held and lets the next
// host speak.
func (w *worker) release() {
	if w.turn != nil {
		<-w.turn
		w.drain()
		close(w.done)
	}
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
			return // the walk in order will meet it again
		}
		wg.Go(func() {
			scratch := newOverlay(w.overlay.base, false)
			v := w.view(w.host)
			v.Self = scratch
			if c, err := step.Probe(ctx, v); err == nil && !c.Empty() {
				_ = step.Apply(ctx, scratch, c) // only its reads matter
			}
		})
	}
	wg.Wait()
}

// work does the host's steps in order and then proves them. It reports whether
// all went well.
func (w *worker) work(ctx context.Context, g *gate) bool {
	var proofs []proof
	for _, t := range w.tasks() {
		if w.stopped(ctx) != nil {
			break
		}
		p, err := w.task(ctx, g, t)
		if err != nil {
			w.failTask(t, err, false)
			return false
		}
		proofs = append(proofs, p)
	}
	if w.live {
		if err := w.overlay.flush(ctx); err != nil {
			w.failTask(w.culprit(proofs, err), err, false)
			return false
		}
	}
	return w.prove(ctx, proofs)
}

// culprit is the step whose file a failed commit names.
func (w *worker) culprit(proofs []proof, err error) *plan.Task {
	var ce *CommitError
	if errors.As(err, &ce) {
		for _, p := range proofs {
			for _, e := range p.change.Edits {
				if e.Subject == ce.Path {
					return p.task
				}
			}
		}
	}
	return proofs[len(proofs)-1].task
}

func (w *worker) failTask(t *plan.Task, err error, unverified bool) {
	status := StatusFailed
	if unverified {
		status = StatusUnverified
	}
	w.fail(w.shown, label(t), err, unverified)
	w.say(Event{Type: EventStep, Step: t.ID, Name: t.Name, Kind: t.Kind.Name, Status: status, Err: err})
}

// task probes one step and applies what differs.
func (w *worker) task(ctx context.Context, g *gate, t *plan.Task) (proof, error) {
	start := time.Now()
	timeout := t.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it took longer than %s", timeout))
	defer cancel()
	step, err := t.Step(w.host)
	if err != nil {
		return proof{}, err
	}
	w.overlay.as(fmt.Sprintf("step %s", label(t)))
	change, err := step.Probe(ctx, w.view(w.host))
	if u, ok := steps.IsUnforeseen(err); ok {
		change, err = steps.Change{Unknown: u.Error()}, nil
	}
	if err != nil {
		return proof{}, because(ctx, err)
	}
	p := proof{task: t, step: step, change: change}
	event := Event{Type: EventStep, Step: t.ID, Name: t.Name, Kind: t.Kind.Name, Change: &change, Status: w.status(change)}
	if !change.Empty() {
		if err := w.apply(ctx, g, step, change); err != nil {
			return proof{}, because(ctx, err)
		}
	}
	event.Elapsed = time.Since(start)
	w.say(event)
	return p, nil
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
func (w *worker) apply(ctx context.Context, g *gate, step steps.Step, c steps.Change) error {
	for _, s := range c.Secrets {
		w.Redactor.Add(s)
	}
	if w.live && g != nil {
		if err := g.before(ctx, w.host); err != nil {
			return err
		}
	}
	if w.live {
		w.acted = true
		if w.host != "" {
			w.touched(w.host)
		}
	}
	w.planned = true
	if len(c.Edits) == 0 && !w.live {
		return nil // nothing that could be foreseen
	}
	return step.Apply(ctx, w.overlay, c)
}

// because names the deadline as the cause where it was one.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

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
func (w *worker) verify(ctx context.Context, p proof) (bool, error) {
	if v, ok := p.step.(steps.Verifier); ok {
		if !w.live && !w.overlay.untouched() {
			return false, nil // the world that it would prove is not there yet
		}
		err := v.Verify(ctx, w.view(w.host))
		if _, unknown := steps.IsUnforeseen(err); unknown && !w.live {
			return false, nil
		}
		return err == nil, err
	}
	if !w.live || p.change.Empty() {
		return false, nil
	}
	left, err := p.step.Probe(ctx, w.view(w.host))
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
