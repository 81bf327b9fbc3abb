package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"lockstep/steps"
)

// LeaseTime is how long a host is held for a run that does not renew its hold.
const LeaseTime = 10 * time.Minute

// Lease is a run's hold on a host: nobody else changes it meanwhile.
type Lease struct {
	Run   string        // differs for each run
	Owner string        // who to ask, for people
	Place string        // where the run's process is, for a program; may be empty
	Left  time.Duration // of another's: until it ends by itself
}

// Locker is implemented by a Machine that can be held for one run at a time.
type Locker interface {
	// Lock holds the machine for l.Run until LeaseTime is over, or does so once
	// more. A hold of the run named instead is taken over. The error is a
	// *HeldError while another run holds it.
	Lock(ctx context.Context, l Lease, instead string) error
	// Unlock ends the hold of a run, if it is still its own.
	Unlock(ctx context.Context, run string) error
	// Holder tells who holds the machine; nil for nobody.
	Holder(ctx context.Context) (*Lease, error)
}

// HeldError says that another run holds a machine.
type HeldError struct{ By Lease }

// Error says who, for how long, and what to do.
func (e *HeldError) Error() string {
	return (&steps.Problem{
		What: "another run of lockstep is changing the cluster",
		Why:  fmt.Sprintf("%s holds it; unless that goes on, the hold ends by itself in %s", e.By.Owner, e.By.Left.Round(time.Second)),
		Do:   "wait for its end; if it is gone for good, lockstep unlock takes the hold away",
	}).Error()
}

// Unwrap makes it a refusal.
func (e *HeldError) Unwrap() error { return steps.ErrRefused }

// hold is a run's hold on its machines. Its zero value holds nothing and lets
// all acts through. It may be used by many goroutines.
type hold struct {
	lease   Lease
	gone    func(Lease) bool // whether another's process is surely gone
	lockers map[string]Locker
	begun   chan struct{} // closed when the first answers are there
	end     context.CancelFunc
	work    sync.WaitGroup

	mu      sync.Mutex
	renewed time.Time // by the wall clock, which goes on while a laptop sleeps
	lost    error
}

// hold takes hold of all machines, in the background. Two runs that want the
// same hosts ask for the first one first, so that one of them gets all.
func (x *Executor) hold(ctx context.Context) *hold {
	h := &hold{lease: x.Lease, gone: x.Gone, lockers: map[string]Locker{}, begun: make(chan struct{})}
	for name, m := range x.Machines {
		if l, ok := m.(Locker); ok && x.Lease.Run != "" {
			h.lockers[name] = l
		}
	}
	ctx, h.end = context.WithCancel(ctx)
	h.work.Go(func() {
		h.keep(ctx)
		close(h.begun)
		tick := time.NewTicker(LeaseTime / 4)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				h.keep(ctx)
			}
		}
	})
	return h
}

// keep takes or renews the hold. A host that does not answer keeps it for us
// until it ends.
func (h *hold) keep(ctx context.Context) {
	names := slices.Sorted(maps.Keys(h.lockers))
	at := time.Now().Round(0)
	failed := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		if i == 0 {
			failed[0] = h.lock(ctx, name)
			continue
		}
		if failed[0] != nil {
			break
		}
		wg.Go(func() { failed[i] = h.lock(ctx, name) })
	}
	wg.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	err := errors.Join(failed...)
	var held *HeldError
	switch {
	case err == nil:
		h.renewed = at
	case ctx.Err() != nil:
	case h.renewed.IsZero(), errors.As(err, &held):
		h.lost = err
	}
}

func (h *hold) lock(ctx context.Context, name string) error {
	err := h.lockers[name].Lock(ctx, h.lease, "")
	var held *HeldError
	if errors.As(err, &held) && h.gone != nil && h.gone(held.By) {
		err = h.lockers[name].Lock(ctx, h.lease, held.By.Run)
	}
	if err != nil {
		return HostError{Host: name, Err: err}
	}
	return nil
}

// firm returns nil while nobody else may change what the run holds: it is asked
// before each act. After a long silence, such as a sleep, the hosts are asked.
func (h *hold) firm(ctx context.Context) error {
	if h == nil { // a dry run
		return nil
	}
	select {
	case <-h.begun:
	case <-ctx.Done():
		return ctx.Err()
	}
	h.mu.Lock()
	old := h.lost == nil && time.Since(h.renewed) > LeaseTime/2
	h.mu.Unlock()
	if old {
		h.keep(ctx)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost == nil && time.Since(h.renewed) > LeaseTime {
		h.lost = &steps.Problem{
			What: "the hold on the cluster has ended, and could not be renewed",
			Why:  fmt.Sprintf("the hosts were last asked %s ago", time.Since(h.renewed).Round(time.Second)),
			Do:   "run apply again: it looks at all hosts first, and goes on", Err: steps.ErrUnreachable,
		}
	}
	return h.lost
}

// releasePatience bounds the wait for hosts that are to be let go.
const releasePatience = 10 * time.Second

// release lets all machines go.
func (h *hold) release(ctx context.Context) {
	h.end()
	h.work.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releasePatience)
	defer cancel()
	var wg sync.WaitGroup
	for _, l := range h.lockers {
		wg.Go(func() { _ = l.Unlock(ctx, h.lease.Run) }) // it ends by itself otherwise
	}
	wg.Wait()
}
