package executor

import (
	"context"
	"slices"
	"time"

	"lockstep/plan"
	"lockstep/steps"
)

// result is what a step did, to be told once it is on the host.
type result struct {
	event   Event
	batches int  // how many batches were on the host when the step ended
	waits   bool // the next batch belongs to it
}

// say passes an event on as soon as the hosts before have said all of theirs.
func (w *worker) say(e Event) {
	e.Stage = w.stage.Index
	if e.Type != EventNote { // which names its hosts
		e.Host = w.shown
	}
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

// remark tells what a host's machine has to say of how it works.
func (w *worker) remark(o *overlay) {
	for _, text := range o.remarks() {
		w.say(Event{Type: EventNote, Hosts: []string{o.Name()}, Message: text})
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

// settle tells what is on the host by now. With drop, what is not there is
// neither told nor written.
func (w *worker) settle(drop bool) {
	w.remark(w.overlay)
	batches, _ := w.overlay.committed()
	for ; len(w.unwritten) > 0; w.unwritten = w.unwritten[1:] {
		r := w.unwritten[0]
		switch there := !r.waits || r.batches < batches; {
		case there:
			w.say(r.event)
		case !drop:
			return
		}
	}
	if drop {
		w.overlay.discard()
	}
}

// made is the change with the content that only its apply has made.
func (w *worker) made(ctx context.Context, o *overlay, c steps.Change) steps.Change {
	c.Edits = slices.Clone(c.Edits)
	for i, e := range c.Edits {
		if e.After == nil || !e.After.Unsettled {
			continue
		}
		if data, err := o.ReadFile(ctx, e.Subject); err == nil {
			c.Edits[i].After = steps.NewContent(data, false)
		}
	}
	return c
}

// tell says what a step did as soon as it is on the host, and in order.
func (w *worker) tell(o *overlay, e Event) {
	w.remark(o)
	batches, waiting := o.committed()
	e.Time = time.Now()
	waits := o == w.overlay && w.live && waiting && e.Status != StatusOK
	w.unwritten = append(w.unwritten, result{e, batches, waits})
	w.settle(false)
}

func (w *worker) failTask(t *plan.Task, err error, unverified bool) {
	status := StatusFailed
	if unverified {
		status = StatusUnverified
	}
	w.fail(w.shown, label(t), err, unverified)
	w.say(Event{Type: EventStep, Step: t.ID, Name: w.called(t), Kind: t.Kind.Name, Status: status, Err: err})
}
