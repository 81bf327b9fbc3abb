package lab

import (
	"context"
	"sync"
	"time"
)

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
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, "SET SESSION wsrep_sync_wait = 1"); err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, "SELECT writer, seq FROM lab.`rows` WHERE run = ?", w.run)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
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
