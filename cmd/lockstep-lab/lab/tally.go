package lab

import (
	"slices"
	"sync"
	"time"
)

// tally counts what the writers of a load see. Rows of a writer are numbered
// without holes, so a counter for each says which were acknowledged.
type tally struct {
	mu      sync.Mutex
	start   time.Time
	last    time.Time // of the latest acknowledgement
	stopped time.Time
	acked   []int
	pending []bool // the writer's next row was tried and has no answer
	r       LoadReport
}

func (t *tally) begin(now time.Time, writers int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.start, t.last = now, now
	t.acked, t.pending = make([]int, writers), make([]bool, writers)
}

func (t *tally) attempt(now time.Time, writer int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending[writer] = err != nil
	if err != nil {
		t.r.Failed++
		t.r.LastFailure = err.Error()
		return
	}
	t.acked[writer]++
	t.r.Acknowledged++
	t.r.LongestGap = max(t.r.LongestGap, now.Sub(t.last))
	t.last = now
}

func (t *tally) end(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = now
}

// report includes the gap that is still open.
func (t *tally) report(now time.Time) LoadReport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stopped.IsZero() {
		now = t.stopped
	}
	r := t.r
	r.Elapsed = now.Sub(t.start)
	r.LongestGap = max(r.LongestGap, now.Sub(t.last))
	for _, p := range t.pending {
		if p {
			r.Unacknowledged++
		}
	}
	return r
}

func (t *tally) acknowledged() []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.acked)
}
