package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Load writes rows steadily through whichever node answers, as an application
// with failover does. A row whose fate is unknown is tried again under the
// same id until it is acknowledged or found to be there.
//
// Use: NewLoad, Start, Stop, Check.
type Load struct {
	lab     *Lab
	run     string
	writers int
	pause   time.Duration
	stop    chan struct{}
	done    sync.WaitGroup
	cancel  context.CancelFunc
	tally   tally
}

// LoadReport is what a load has seen. After Stop the rows are counted; Lost is
// known after Check.
type LoadReport struct {
	Run            string         // marks the rows of this load in lab.rows
	Acknowledged   int            // rows the cluster has promised
	Unacknowledged int            // rows given up at Stop without an answer
	Failed         int            // attempts that ended in an error
	LastFailure    string         // the error of the latest of them
	LongestGap     time.Duration  // without any acknowledged row
	Elapsed        time.Duration  //
	Lost           map[string]int // acknowledged rows missing, by node; nil before Check
}

// TotalLost is the number of promised rows missing somewhere: 0, or the
// cluster lost data.
func (r LoadReport) TotalLost() int {
	total := 0
	for _, n := range r.Lost {
		total += n
	}
	return total
}

// NewLoad prepares that many writers (4 when 0) against all nodes.
func (l *Lab) NewLoad(writers int) *Load {
	if writers <= 0 {
		writers = 4
	}
	return &Load{lab: l, run: rand.Text()[:12], writers: writers, pause: 5 * time.Millisecond}
}

// Start begins to write and returns once the first row is acknowledged, so
// that what follows really happens under load.
func (w *Load) Start(ctx context.Context) error {
	if w.stop != nil {
		return errors.New("load: started already; make a new one")
	}
	password, err := w.lab.Password("app")
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	run, cancel := context.WithCancel(ctx)
	w.stop, w.cancel = make(chan struct{}), cancel
	w.tally.begin(time.Now(), w.writers)
	for i := range w.writers {
		w.done.Go(func() { w.write(run, i, password) })
	}
	err = poll(ctx, 15*time.Second, 10*time.Millisecond, "load: waiting for a first row", func(context.Context) error {
		if r := w.tally.report(time.Now()); r.Acknowledged == 0 {
			return fmt.Errorf("none acknowledged (%d attempts failed, the last with: %s)", r.Failed, r.LastFailure)
		}
		return nil
	})
	if err != nil {
		w.Stop()
	}
	return err
}

// Report tells how the load fares while it runs.
func (w *Load) Report() LoadReport {
	r := w.tally.report(time.Now())
	r.Run = w.run
	return r
}

// Stop ends the writers after the attempt they are at and reports. It may be
// called again.
func (w *Load) Stop() LoadReport {
	if w.stop == nil {
		return LoadReport{Run: w.run}
	}
	select {
	case <-w.stop:
	default:
		close(w.stop)
		w.done.Wait()
		w.cancel()
		w.tally.end(time.Now())
	}
	return w.Report()
}

// write is one writer: node after node until a row is in, then the next row.
func (w *Load) write(ctx context.Context, writer int, password string) {
	nodes := w.lab.Nodes()
	at := writer % len(nodes)
	db := w.lab.connect(nodes[at], password)
	defer func() { _ = db.Close() }()
	for seq := 1; ; {
		select {
		case <-w.stop:
			return
		case <-ctx.Done():
			return
		case <-time.After(w.pause):
		}
		err := insertRow(ctx, db, w.run, writer, seq, "load")
		w.tally.attempt(time.Now(), writer, err)
		if err == nil {
			seq++
			continue
		}
		_ = db.Close() // it failed already
		at = (at + 1) % len(nodes)
		db = w.lab.connect(nodes[at], password)
	}
}

func (r LoadReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rows acknowledged      %d in %.1f s\n", r.Acknowledged, r.Elapsed.Seconds())
	fmt.Fprintf(&b, "rows never acknowledged %d\n", r.Unacknowledged)
	fmt.Fprintf(&b, "attempts failed        %d", r.Failed)
	if r.LastFailure != "" {
		fmt.Fprintf(&b, " (last: %s)", r.LastFailure)
	}
	fmt.Fprintf(&b, "\nlongest gap            %.2f s\n", r.LongestGap.Seconds())
	if r.Lost != nil {
		fmt.Fprintf(&b, "rows lost              %d (all rows read back on %d nodes)\n", r.TotalLost(), len(r.Lost))
	}
	return b.String()
}
