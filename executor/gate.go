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

// patience is how long a gate may be not yet healthy before the stage's first
// change: long enough for a cluster that is just settling, too short to hide
// one that is not.
const patience = 30 * time.Second

// ErrGateRed is returned, wrapped, when a gate was not healthy before the first
// change of its stage.
var ErrGateRed = errors.New("the gate is red")

// gate judges the health of a stage's hosts on what is there now.
type gate struct {
	*run
	stage *plan.Stage

	mu     sync.Mutex
	asked  bool  // what found says counts
	shaken bool  // a host failed, so that health is to be proven anew
	found  error // what was found before the first change
}

// before is asked before any change to a host; the first of a stage waits a
// short while for health, the others rely on what was found after the batch
// before. Where a host of that failed, nothing was found after it: the next
// one proves health as long as a batch would.
func (g *gate) before(ctx context.Context, host string) error {
	if g.stage.Gate == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asked {
		return g.found
	}
	settle, limit := time.Duration(0), patience
	if g.shaken {
		settle, limit = g.stage.Settle, g.stage.GateTimeout
	}
	if err := g.wait(ctx, host, settle, limit); err != nil {
		g.found = fmt.Errorf("%w: %w", ErrGateRed, err)
	}
	g.asked = true
	return g.found
}

// shake notes that a host of a batch failed: no health is taken for granted
// after that.
func (g *gate) shake(hosts []string) {
	for _, host := range hosts {
		if g.failed[host] {
			g.asked, g.shaken, g.found = false, true, nil
		}
	}
}

// after waits until the gate is healthy for each host of a batch, and has been
// for the stage's settle time. Its error says that the run is to end.
func (g *gate) after(ctx context.Context, hosts []string) error {
	for _, host := range hosts {
		if g.failed[host] {
			continue
		}
		if err := g.wait(ctx, host, g.stage.Settle, g.stage.GateTimeout); errors.Is(err, ErrInterrupted) {
			return err
		} else if err != nil {
			g.fail(host, label(g.stage.Gate), err, true)
		}
	}
	return ctx.Err()
}

// today tells a dry run whether the stage could begin now. Later gates judge
// what the run will have made of the cluster, which nobody knows yet. It
// reports whether a gate has been judged.
func (g *gate) today(ctx context.Context, host string, workers []*worker) bool {
	for _, w := range workers {
		if w.planned {
			err := g.judge(ctx, host, patience)
			status := StatusHealthy
			if err != nil {
				status = StatusRed
			}
			g.say(host, status, err, 0)
			return true
		}
	}
	return false
}

// wait polls the gate until it was healthy for settle without a break.
func (g *gate) wait(ctx context.Context, host string, settle, limit time.Duration) error {
	start := time.Now()
	var healthySince time.Time
	var last string
	for {
		err := g.judge(ctx, host, limit)
		var notYet *steps.NotYet
		switch {
		case err == nil:
			if healthySince.IsZero() {
				healthySince = time.Now()
			}
			if time.Since(healthySince) >= settle {
				g.say(host, StatusHealthy, nil, time.Since(start))
				return nil
			}
		case !errors.As(err, &notYet) || ctx.Err() != nil:
			g.say(host, StatusRed, err, time.Since(start))
			return err
		case time.Since(start) > limit:
			err = fmt.Errorf("not healthy after %s: %w", limit, err)
			g.say(host, StatusRed, err, time.Since(start))
			return err
		default:
			healthySince = time.Time{}
			if err.Error() != last {
				last = err.Error()
				g.say(host, StatusWaiting, err, time.Since(start))
			}
		}
		if err := g.pause(ctx); err != nil {
			return err
		}
	}
}

// pause waits for the next look at the gate, or until the run is to stop.
func (g *gate) pause(ctx context.Context) error {
	t := time.NewTimer(g.Poll)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-g.Stop:
		return g.stopped(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// judge asks the gate once; an answer that takes longer than limit is none.
func (g *gate) judge(ctx context.Context, host string, limit time.Duration) error {
	if !g.stage.Gate.Concerns(host) {
		return nil
	}
	step, err := g.stage.Gate.Step(host)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &tooLong{limit})
	defer cancel()
	return because(ctx, step.(steps.Judge).Judge(ctx, g.liveView(host)))
}

func (g *gate) say(host string, status Status, err error, elapsed time.Duration) {
	t := g.stage.Gate
	g.emit(Event{Type: EventGate, Host: host, Stage: g.stage.Index, Step: t.ID, Name: t.Name, Kind: t.Kind.Name, Status: status, Err: err, Elapsed: elapsed})
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
