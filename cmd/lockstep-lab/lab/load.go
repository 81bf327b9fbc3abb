package lab

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
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
	defer func() { db.Close() }()
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
		db.Close()
		at = (at + 1) % len(nodes)
		db = w.lab.connect(nodes[at], password)
	}
}

// insertRow writes one row; that it is there already counts as written.
func insertRow(ctx context.Context, db *sql.DB, run string, writer, seq int, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := db.ExecContext(ctx, "INSERT INTO lab.`rows` (run, writer, seq, body) VALUES (?, ?, ?, ?)", run, writer, seq, body)
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok && e.Number == 1062 { // duplicate key
		return nil
	}
	return err
}

// connect prepares one connection to a node as the application: with TLS when
// the server offers it, without verifying, since this is only a load.
func (l *Lab) connect(n *Node, password string) *sql.DB {
	return open(n, password, "preferred")
}

func open(n *Node, password, tls string) *sql.DB {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = "app", password, "lab"
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(n.addr.String(), "3306")
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = 2*time.Second, 5*time.Second, 5*time.Second
	cfg.TLSConfig, cfg.AllowNativePasswords, cfg.Logger = tls, true, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil { // only a wrong configuration, which the first use then reports
		connector = brokenConnector{err}
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db
}

// Check reads every acknowledged row back on every node and adds what is
// missing to the report. A node that is just starting is waited for, a minute
// at most, and each one until it has applied all that the cluster had
// committed. A node that cannot be read is an error. Call it after Stop.
func (w *Load) Check(ctx context.Context) (LoadReport, error) {
	r := w.Report()
	password, err := w.lab.Password("app")
	if err != nil {
		return r, err
	}
	r.Lost = map[string]int{}
	var mu sync.Mutex
	err = w.lab.each(ctx, func(ctx context.Context, n *Node) error {
		var have map[rowID]bool
		err := poll(ctx, time.Minute, 200*time.Millisecond, "load: reading back on "+n.name, func(ctx context.Context) (err error) {
			have, err = w.readBack(ctx, n, password)
			return err
		})
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		r.Lost[n.name] = missingRows(w.tally.acknowledged(), have)
		return nil
	})
	return r, err
}

type rowID struct{ writer, seq int }

func (w *Load) readBack(ctx context.Context, n *Node, password string) (map[rowID]bool, error) {
	db := w.lab.connect(n, password)
	defer db.Close()
	if _, err := db.ExecContext(ctx, "SET SESSION wsrep_sync_wait = 1"); err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, "SELECT writer, seq FROM lab.`rows` WHERE run = ?", w.run)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	have := map[rowID]bool{}
	for rows.Next() {
		var id rowID
		if err := rows.Scan(&id.writer, &id.seq); err != nil {
			return nil, err
		}
		have[id] = true
	}
	return have, rows.Err()
}

// missingRows counts the promised rows that are not there. Writer i was
// promised the rows 1 to acknowledged[i].
func missingRows(acknowledged []int, have map[rowID]bool) int {
	missing := 0
	for writer, last := range acknowledged {
		for seq := 1; seq <= last; seq++ {
			if !have[rowID{writer, seq}] {
				missing++
			}
		}
	}
	return missing
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
