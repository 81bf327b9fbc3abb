package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	for _, sick := range g.wait(ctx, []string{host}, settle, limit) {
		g.found = fmt.Errorf("%w: %w", ErrGateRed, sick.err)
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

// after waits until the gate is healthy for all hosts of a batch, and has been
// for the stage's settle time. Its error says that the run is to end.
func (g *gate) after(ctx context.Context, hosts []string) error {
	hosts = slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return g.failed[h] })
	for _, sick := range g.wait(ctx, hosts, g.stage.Settle, g.stage.GateTimeout) {
		if errors.Is(sick.err, ErrInterrupted) {
			return sick.err
		}
		g.fail(sick.host, label(g.stage.Gate), sick.err, true)
	}
	return ctx.Err()
}

// today tells a dry run whether the stage could begin now; if not, a run would
// be refused. Later gates judge what the run will have made of the cluster,
// which nobody knows yet. It reports whether a gate has been judged.
func (g *gate) today(ctx context.Context, host string, workers []*worker) bool {
	if !slices.ContainsFunc(workers, func(w *worker) bool { return w.planned }) {
		return false
	}
	for _, sick := range g.wait(ctx, []string{host}, 0, patience) {
		g.refuse(sick.host, label(g.stage.Gate), fmt.Errorf("%w: %w", ErrGateRed, sick.err))
	}
	return true
}

// sick is a host for which the gate is not healthy.
type sick struct {
	host string
	err  error
}

// wait polls the gate until it was healthy for all hosts, for settle without a
// break. It returns the hosts for which it will not be, or was not in time.
func (g *gate) wait(ctx context.Context, hosts []string, settle, limit time.Duration) []sick {
	start := time.Now()
	var healthySince time.Time
	told := map[string]string{}
	for {
		found := g.judgeAll(ctx, hosts, limit)
		hopeless := slices.DeleteFunc(slices.Clone(found), func(s sick) bool { return hopeful(s.err) && ctx.Err() == nil })
		switch {
		case len(hopeless) > 0:
			return g.red(hopeless, start)
		case len(found) > 0 && time.Since(start) > limit:
			for i := range found {
				found[i].err = fmt.Errorf("not healthy after %s: %w", limit, found[i].err)
			}
			return g.red(found, start)
		case len(found) > 0:
			healthySince = time.Time{}
			g.waiting(found, told, start)
		default:
			if healthySince.IsZero() {
				healthySince = time.Now()
			}
			if time.Since(healthySince) >= settle {
				g.healthy(hosts, start)
				return nil
			}
		}
		if err := g.pause(ctx, g.Poll); err != nil {
			return []sick{{hosts[0], err}}
		}
	}
}

// hopeful reports whether waiting may cure what a gate answered.
func hopeful(err error) bool {
	var notYet *steps.NotYet
	return errors.As(err, &notYet)
}

// judgeAll asks the gate once for each host.
func (g *gate) judgeAll(ctx context.Context, hosts []string, limit time.Duration) []sick {
	var found []sick
	for _, host := range hosts {
		if err := g.judge(ctx, host, limit); err != nil {
			found = append(found, sick{host, err})
		}
	}
	return found
}

func (g *gate) healthy(hosts []string, start time.Time) {
	for _, host := range hosts {
		g.say(host, StatusHealthy, nil, time.Since(start))
	}
}

func (g *gate) red(found []sick, start time.Time) []sick {
	for _, s := range found {
		g.say(s.host, StatusRed, s.err, time.Since(start))
	}
	return found
}

// waiting says what is waited for, once each.
func (g *gate) waiting(found []sick, told map[string]string, start time.Time) {
	for _, s := range found {
		if text := s.err.Error(); told[s.host] != text {
			told[s.host] = text
			g.say(s.host, StatusWaiting, s.err, time.Since(start))
		}
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
