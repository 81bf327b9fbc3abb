package executor

import (
	"context"
	"errors"
	"slices"
	"testing"

	"lockstep/steps"
)

// disrupts is a deed that stops or starts the database.
func disrupts(effect steps.Effect, then func(host string)) deed {
	return deed{
		probe: func(context.Context, steps.View) (steps.Change, error) {
			return steps.Change{Edits: []steps.Edit{{Op: steps.Run, Subject: "service db", Disrupts: &steps.Disruption{Service: "db", Effect: effect}}}}, nil
		},
		apply: func(_ context.Context, h steps.Host, _ steps.Change) error {
			if h.(*overlay).live { // not the warm-up
				then(h.Name())
			}
			return nil
		},
		verify: func(context.Context, steps.View) error { return nil },
	}
}

func TestARunDoesNotStopWhileAllIsDown(t *testing.T) {
	for _, row := range []struct {
		name, at string
		down     []string
		log      string
	}{
		{"asked while one is up", "db1", []string{"db1"}, `
			stage 1: db1 db2
			db1 1.1 changed
			db1 1.1 verified`},
		{"asked when the last goes", "db2", []string{"db2"}, `
			stage 1: db1 db2
			db1 1.1 changed
			db1 1.1 verified
			db2 1.1 changed
			db2 1.1 verified
			db is down on all of them, so the run goes on until it is back: db1 db2
			stage 2: db1 db2
			db1 2.1 changed
			db1 2.1 verified`},
	} {
		t.Run(row.name, func(t *testing.T) {
			stop := make(chan struct{})
			stopAt := func(host string) {
				if host == row.at {
					close(stop)
				}
			}
			w := newWorld(t, 2, "- {serial: 1, steps: [{proven: {do: stop}}]}\n- {serial: 1, steps: [{proven: {do: start}}]}\n",
				map[string]deed{"stop": disrupts(steps.Stops, stopAt), "start": disrupts(steps.Starts, func(string) {})})
			w.x.Stop = stop
			r, err := w.apply()
			if !errors.Is(err, ErrInterrupted) || !slices.Equal(r.Down["db"], row.down) {
				t.Errorf("got %v, down %v; want ErrInterrupted, down %v", err, r.Down, row.down)
			}
			w.wantLog(row.log)
		})
	}
}
