package remote

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that bounds how long a host may take. Its clock stands
// still while a person is asked, who has all the time, and while a jump host is
// connected, which has a time of its own.
type deadline struct {
	context.Context
	end context.CancelCauseFunc

	mu     sync.Mutex
	timer  *time.Timer
	left   time.Duration
	since  time.Time
	stops  int  // how many hold the clock
	person bool // somebody was asked
}

// newDeadline starts the clock. The caller calls stop in the end.
func newDeadline(ctx context.Context, left time.Duration) *deadline {
	d := &deadline{left: left, since: time.Now()}
	d.Context, d.end = context.WithCancelCause(ctx)
	d.timer = time.AfterFunc(left, func() { d.end(context.DeadlineExceeded) })
	return d
}

// Err tells an expired deadline from a cancelled context.
func (d *deadline) Err() error {
	if d.Context.Err() == nil {
		return nil
	}
	return context.Cause(d.Context)
}

func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer.Stop()
	d.end(context.Canceled)
}

// asking holds the clock for a person until the returned function is called.
func (d *deadline) asking() (answered func()) {
	d.mu.Lock()
	d.person = true
	d.mu.Unlock()
	return d.waiting()
}

// waiting holds the clock until the returned function is called.
func (d *deadline) waiting() (done func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stops++; d.stops == 1 {
		d.timer.Stop()
		d.left -= time.Since(d.since)
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.stops--; d.stops == 0 {
			d.since = time.Now()
			d.timer.Reset(d.left)
		}
	}
}

// asked reports whether a person was asked.
func (d *deadline) asked() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.person
}
