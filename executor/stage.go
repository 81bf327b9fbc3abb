package executor

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"lockstep/plan"
	"lockstep/steps"
)

// stage takes the hosts through one stage, batch after batch.
func (r *run) stage(ctx context.Context, s *plan.Stage) error {
	r.look()
	if s.Pause != "" {
		return r.ask(ctx, s, names(r.Plan.Hosts), s.Pause)
	}
	if s.OnControl {
		return r.onControl(ctx, s)
	}
	hosts, err := r.order(ctx, s)
	if err != nil {
		return err
	}
	r.emit(Event{Type: EventStage, Stage: s.Index, Name: s.Name, Hosts: hosts, Width: s.Width})
	g, e := &gate{run: r, stage: s}, newErrands(s)
	already := len(r.failed)
	for n, rest := 0, hosts; len(rest) > 0; n++ {
		batch := rest[:s.Batch(n, len(rest))]
		rest = rest[len(batch):]
		if err := r.stopped(ctx); err != nil {
			return err
		}
		if n > 0 && s.PauseEach {
			if err := r.ask(ctx, s, batch, "go on with "+strings.Join(batch, ", ")+"?"); err != nil {
				return err
			}
		}
		if err := r.batch(ctx, s, g, e, batch); err != nil {
			return err
		}
		if r.live && len(r.failed)-already > s.MaxFailures {
			return r.stop(s, hosts, batch)
		}
	}
	return nil
}

// ErrStopped is returned, wrapped, when a failure stopped the run.
var ErrStopped = errors.New("stopped by a failure")

// stop says which hosts a failure left untouched in this stage.
func (r *run) stop(s *plan.Stage, hosts, batch []string) error {
	last := slices.Index(hosts, batch[len(batch)-1])
	if rest := hosts[last+1:]; len(rest) > 0 {
		r.emit(Event{Type: EventNote, Stage: s.Index, Hosts: rest, Message: "not touched in this stage because of the failure"})
	}
	return ErrStopped
}

// onControl runs the one step of a stage on the control machine.
func (r *run) onControl(ctx context.Context, s *plan.Stage) error {
	r.emit(Event{Type: EventStage, Stage: s.Index, Name: s.Name, Hosts: []string{r.control.Name()}})
	w := &worker{run: r, stage: s, host: "", shown: r.control.Name(), overlay: r.control, errands: newErrands(s)}
	ok := w.work(ctx, nil)
	w.release()
	if !ok && w.interrupted == nil {
		return ErrStopped
	}
	return w.interrupted
}

// order decides in which order the hosts are taken: by rank if a step of the
// stage ranks them, else as the stage says.
func (r *run) order(ctx context.Context, s *plan.Stage) ([]string, error) {
	var hosts []string
	for _, h := range r.Plan.Hosts {
		if !r.failed[h.Name] {
			hosts = append(hosts, h.Name)
		}
	}
	if s.Once {
		return able(hosts, s.Tasks[0]), nil
	}
	if s.Order == plan.SortedOrder || s.Order == plan.ReverseSortedOrder {
		slices.Sort(hosts)
	}
	if s.Order == plan.ReverseOrder || s.Order == plan.ReverseSortedOrder {
		slices.Reverse(hosts)
	}
	ranks := make(map[string]int, len(hosts))
	for _, t := range s.Tasks {
		if ranked, err := r.rank(ctx, t, hosts, ranks); err != nil || ranked {
			slices.SortStableFunc(hosts, func(a, b string) int { return ranks[a] - ranks[b] })
			return hosts, err
		}
	}
	return hosts, nil
}

// able are the hosts that may do a step for all: the first one, or all that may
// turn out to be it.
func able(hosts []string, t *plan.Task) []string {
	hosts = slices.DeleteFunc(hosts, func(h string) bool { return !t.Concerns(h) })
	if t.Later() {
		return hosts
	}
	return hosts[:min(1, len(hosts))]
}

// rank asks a ranking step for each host's rank.
func (r *run) rank(ctx context.Context, t *plan.Task, hosts []string, ranks map[string]int) (bool, error) {
	ranked := false
	for _, host := range hosts {
		if t.Block != nil || t.Later() || !t.Concerns(host) {
			continue
		}
		step, err := t.Step(host)
		if err != nil {
			return false, err
		}
		ranker, ok := step.(steps.Ranker)
		if !ok {
			return false, nil
		}
		var n int
		err = reading(ctx, t, func(ctx context.Context) error {
			n, err = ranker.Rank(ctx, r.view(host))
			return err
		})
		if _, unknown := steps.IsUnforeseen(err); unknown {
			continue
		}
		if err != nil {
			r.fail(host, label(t), err, false)
			r.emit(Event{Type: EventStep, Host: host, Step: t.ID, Name: t.Called(host), Kind: t.Kind.Name, Status: StatusFailed, Err: err})
			return true, ErrStopped
		}
		ranks[host], ranked = n, true
	}
	return ranked, nil
}

// batch works on some hosts at the same time. Their events come out in order.
func (r *run) batch(ctx context.Context, s *plan.Stage, g *gate, e *errands, hosts []string) error {
	r.look()
	e.begin(hosts)
	workers := make([]*worker, len(hosts))
	var wg sync.WaitGroup
	before := make(chan struct{})
	close(before)
	for i, host := range hosts {
		w := &worker{run: r, stage: s, host: host, shown: host, overlay: r.overlays[host], errands: e, turn: before, done: make(chan struct{})}
		before, workers[i] = w.done, w
		wg.Go(func() {
			defer w.release()
			defer e.leave(host)
			w.warm(ctx, w.tasks())
			w.work(ctx, g)
		})
	}
	wg.Wait()
	changed := false
	var interrupted error
	for _, w := range workers {
		changed = changed || w.acted
		interrupted = cmp.Or(interrupted, w.interrupted)
	}
	if r.live && s.Gate != nil && ctx.Err() == nil {
		if changed {
			if err := g.after(ctx, hosts); err != nil {
				return err
			}
		}
		g.shake(hosts)
	}
	if !r.live && s.Gate != nil && !r.foreseen {
		r.foreseen = g.today(ctx, hosts[0], workers)
	}
	return cmp.Or(ctx.Err(), interrupted)
}
