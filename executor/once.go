package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"lockstep/plan"
	"lockstep/steps"
)

// errand is a step of a stage that one host does for all.
type errand struct {
	task  *plan.Task
	host  string // that does it, or did
	maybe string // dry run: a host of which nobody knows whether it does it
	ended bool
	err   error // what it failed with
}

// errands settle which host does the errands of a stage: the first, in the
// stage's order, that comes to it and takes part. Each host goes by them in
// their order, so that those that wait for each other's word come to an end.
type errands struct {
	list []*errand

	mu    sync.Mutex
	moved chan struct{} // closed when something was settled
	hosts []string      // of the batch, in order
	past  map[string]int
}

func newErrands(s *plan.Stage) *errands {
	e := &errands{moved: make(chan struct{})}
	for _, t := range s.Tasks {
		t.Walk(func(t *plan.Task) {
			if t.Once {
				e.list = append(e.list, &errand{task: t})
			}
		})
	}
	return e
}

// begin opens a batch: its hosts have no errand behind them.
func (e *errands) begin(hosts []string) { e.hosts, e.past = hosts, make(map[string]int, len(hosts)) }

// settle changes something, and lets the hosts look that wait for it.
func (e *errands) settle(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
	close(e.moved)
	e.moved = make(chan struct{})
}

// pass notes that the host has n errands behind it.
func (e *errands) pass(host string, n int) {
	e.settle(func() { e.past[host] = max(e.past[host], n) })
}

// leave notes that the host comes to no errand any more.
func (e *errands) leave(host string) { e.pass(host, len(e.list)) }

// wait returns when ready, which is called under the lock, holds.
func (e *errands) wait(ctx context.Context, ready func() bool) error {
	for {
		e.mu.Lock()
		yes, moved := ready(), e.moved
		e.mu.Unlock()
		if yes {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// passed reports whether all of hosts have the n-th errand behind them.
func (e *errands) passed(n int, hosts []string) bool {
	return !slices.ContainsFunc(hosts, func(h string) bool { return e.past[h] <= n })
}

// turn waits until the n-th errand is done, or it is the host's turn to do it.
func (e *errands) turn(ctx context.Context, n int, host string) (errand, error) {
	e.pass(host, n)
	before := e.hosts[:slices.Index(e.hosts, host)]
	var found errand
	err := e.wait(ctx, func() bool {
		found = *e.list[n]
		return found.ended || found.host == "" && e.passed(n, before)
	})
	return found, err
}

// standBy lets the host pass the n-th errand, once it is settled who does it and
// that is done: what comes behind may rest on it.
func (e *errands) standBy(ctx context.Context, n int, host string) error {
	e.pass(host, n+1)
	return e.wait(ctx, func() bool {
		return e.list[n].ended || e.list[n].host == "" && e.passed(n, e.hosts)
	})
}

// number is where t stands in the list; -1 where it is no errand.
func (e *errands) number(t *plan.Task) int {
	return slices.IndexFunc(e.list, func(x *errand) bool { return x.task == t })
}

// bystand passes the errands inside of t that the host has not come to.
func (w *worker) bystand(ctx context.Context, t *plan.Task) {
	t.Walk(func(t *plan.Task) {
		if !t.Once || w.interrupted != nil {
			return
		}
		if err := w.errands.standBy(ctx, w.errands.number(t), w.host); err != nil {
			w.interrupted = err
		}
		w.lookAgain()
	})
}

// lookAgain drops what was read before another host did something for all.
func (w *worker) lookAgain() {
	if w.live {
		w.overlay.base.forget()
		w.overlay.own.forget()
	}
}

// once does a step for all hosts, where it is this host's turn. Where another
// one failed with it, it fails here too: nobody tries it twice.
func (w *worker) once(ctx context.Context, g *gate, t *plan.Task) *failure {
	known, err := w.known(ctx, t)
	yes := false
	if err == nil {
		yes, err = t.Decide(w.host, known)
	}
	u, unknown := steps.IsUnforeseen(err)
	if err != nil && (w.live || !unknown) {
		return &failure{task: t, err: err}
	}
	if err == nil && !yes {
		w.bystand(ctx, t)
		return nil
	}
	n := w.errands.number(t)
	found, err := w.errands.turn(ctx, n, w.host)
	switch {
	case err != nil:
		w.interrupted = err
	case ctx.Err() != nil || errors.Is(found.err, ErrInterrupted):
		w.interrupted = cmp.Or(ctx.Err(), found.err)
	case found.err != nil:
		return &failure{task: t, err: fmt.Errorf("%s, which does it for all hosts, failed: %v", found.host, found.err)}
	case found.ended:
		w.lookAgain()
	case unknown || found.maybe != "":
		why := "whether it runs is not known: " + found.maybe + " may do it for all hosts"
		if found.maybe == "" {
			why = "whether it runs is not known: " + u.Error()
		}
		w.perhaps(ctx, t, known, why)
		w.errands.settle(func() {
			w.errands.list[n].maybe = cmp.Or(found.maybe, w.host)
			w.errands.past[w.host] = n + 1
		})
	default:
		return w.forAll(ctx, g, t, n)
	}
	return nil
}

// forAll does the n-th errand. It is on the host and proven before others go on.
func (w *worker) forAll(ctx context.Context, g *gate, t *plan.Task, n int) *failure {
	it := w.errands.list[n]
	w.errands.settle(func() { it.host = w.host })
	var own []proof
	f := w.single(ctx, g, t, &own)
	if f == nil {
		f = w.close(ctx, own)
	}
	err := w.interrupted
	if f != nil {
		err = f.err
	}
	w.errands.settle(func() {
		it.ended, it.err = true, err
		w.errands.past[w.host] = n + 1
	})
	return f
}
