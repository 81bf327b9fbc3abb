package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/executor"
	"lockstep/plan"
	"lockstep/steps"
)

// What a change costs on a host beyond the round trips; measured on small
// machines, and good for an estimate only.
const (
	barrierTrips = 4 // stage the files, commit them, look again, verify
	barrierWork  = 40 * time.Millisecond
)

// foretell says about how long a plan would take, from a dry run.
func (a *app) foretell(ctx context.Context, inv *fleet, p *plan.Plan, found []examination) error {
	var events []executor.Event
	x, closeHosts, err := a.executor(ctx, inv, p, func(e executor.Event) { events = append(events, e) })
	if err != nil {
		return err
	}
	defer closeHosts()
	began := time.Now()
	report, err := x.Preview(ctx)
	looked := time.Since(began)
	if err := judge(report, err, ""); err != nil {
		return err
	}
	trips := map[string]time.Duration{}
	login := time.Duration(0)
	for _, f := range found {
		trips[f.name] = f.health.RoundTrip
		login = max(login, f.health.Login+2*(f.health.Shell+f.health.Become))
	}
	return a.showForecast(login+looked, foresee(p, events, trips))
}

func (a *app) showForecast(dry time.Duration, f forecast) error {
	if a.flags.json {
		return a.encodeLine(map[string]any{"dry_run_ms": dry.Milliseconds(), "run_ms": (2*dry + f.takes).Milliseconds(), "not_counted": f.acts})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\na dry run takes about %s, a run about %s", about(dry), about(2*dry+f.takes))
	if len(f.acts) > 0 {
		fmt.Fprintf(&b, ", and as long as these take:\n")
		for _, act := range f.acts {
			fmt.Fprintf(&b, "  %s\n", act)
		}
	} else {
		b.WriteByte('\n')
	}
	_, err := fmt.Fprint(a.masked(a.stdout), b.String())
	return err
}

// about is a duration to two digits.
func about(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}

// forecast is about how long the changes of a plan take beyond looking at the
// hosts, and the acts of which nobody knows.
type forecast struct {
	takes time.Duration
	acts  []string
}

// foresee sums up the stages of a dry run. Hosts of a batch work at the same
// time, so the slowest counts; batches and stages follow each other.
func foresee(p *plan.Plan, events []executor.Event, trips map[string]time.Duration) forecast {
	var f forecast
	var s *plan.Stage
	var hosts []string
	costs := map[string]time.Duration{}
	acts := newTally()
	end := func() {
		if s != nil {
			f.takes += batches(s, hosts, costs)
		}
		clear(costs)
	}
	for _, e := range events {
		switch e.Type {
		case executor.EventStage:
			end()
			s, hosts = stageOf(p, e.Stage), e.Hosts
		case executor.EventStep:
			if e.Change == nil || s == nil {
				continue
			}
			runs := runsOf(e.Change)
			for _, r := range runs {
				acts.add(r, e.Host)
			}
			if len(runs) > 0 && s.Gate != nil {
				costs[e.Host] += s.Settle
			}
			costs[e.Host] += time.Duration(barriers(e.Change)) * (barrierTrips*trips[e.Host] + barrierWork)
		}
	}
	end()
	f.acts = acts.lines()
	return f
}

func stageOf(p *plan.Plan, index int) *plan.Stage {
	for _, s := range p.Stages {
		if s.Index == index {
			return s
		}
	}
	return nil
}

func batches(s *plan.Stage, hosts []string, costs map[string]time.Duration) (sum time.Duration) {
	for n := 0; len(hosts) > 0; n++ {
		width := s.Batch(n, len(hosts))
		slowest := time.Duration(0)
		for _, h := range hosts[:width] {
			slowest = max(slowest, costs[h])
		}
		sum, hosts = sum+slowest, hosts[width:]
	}
	return sum
}

// barriers are the moments at which something must be on the host: before each
// act, and at the end.
func barriers(c *steps.Change) int {
	n := len(runsOf(c))
	if len(c.Edits) > n || n == 0 && !c.Empty() {
		n++
	}
	return n
}

func runsOf(c *steps.Change) (runs []string) {
	for _, e := range c.Edits {
		if e.Op == steps.Run {
			runs = append(runs, strings.TrimSuffix(e.Subject+": "+e.Summary, ": "))
		}
	}
	return runs
}

// tally keeps the hosts of acts, both in the order in which they came.
type tally struct {
	order []string
	hosts map[string][]string
}

func newTally() *tally { return &tally{hosts: map[string][]string{}} }

func (t *tally) add(act, host string) {
	if !slices.Contains(t.order, act) {
		t.order = append(t.order, act)
	}
	t.hosts[act] = append(t.hosts[act], host)
}

func (t *tally) lines() []string {
	var out []string
	for _, act := range t.order {
		out = append(out, act+": "+strings.Join(t.hosts[act], ", "))
	}
	return out
}
