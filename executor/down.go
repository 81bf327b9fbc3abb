package executor

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"lockstep/steps"
)

// follow notes which services an edit that was made took away or brought back.
// The run's lock is held.
func (r *run) follow(host string, c *steps.Change) {
	for _, e := range c.Edits {
		if e.Disrupts == nil {
			continue
		}
		service := e.Disrupts.Service
		hosts := slices.DeleteFunc(r.report.Down[service], func(h string) bool { return h == host })
		if e.Disrupts.Effect == steps.Stops {
			hosts = append(hosts, host)
		}
		if r.report.Down == nil {
			r.report.Down = map[string][]string{}
		}
		r.report.Down[service] = hosts
	}
}

// outage returns a service that this run has stopped on every host of the
// plan, or "". That is no place to stop at: what brings it back comes next.
func (r *run) outage() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, service := range slices.Sorted(maps.Keys(r.report.Down)) {
		if len(r.report.Down[service]) == len(r.Plan.Hosts) {
			return service
		}
	}
	return ""
}

// stopped reports whether the run is to end here.
func (r *run) stopped(ctx context.Context) error {
	select {
	case <-r.Stop:
	default:
		return ctx.Err()
	}
	if service := r.outage(); service != "" && ctx.Err() == nil {
		r.outlast.Do(func() {
			r.emit(Event{Type: EventNote, Hosts: names(r.Plan.Hosts), Message: fmt.Sprintf("%s is down on all of them, so the run goes on until it is back", service)})
		})
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Stopped = true
	return ErrInterrupted
}
