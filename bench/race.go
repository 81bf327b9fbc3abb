package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// race is what one table shows: some tools, for so many hosts, so far away.
type race struct {
	tools  []tool
	hosts  int
	rtt    time.Duration
	rounds int
}

// result has the runs of a race by tool and phase, one for each round.
type result map[string]map[phase][]usage

// run lets the tools go in turn, round after round, so that what else the
// machine does meets all of them. Each run begins with cold connections, and
// what a tool claims to have done is looked at.
func (r race) run(ctx context.Context, w *world) (result, error) {
	port, err := w.port(r.rtt)
	if err != nil {
		return nil, err
	}
	inventory := filepath.Join(w.dir, "hosts.ini")
	known := filepath.Join(w.dir, "known_hosts")
	err = errors.Join(w.server.WriteKnown(known, r.hosts-1, port), w.job.WriteInventory(inventory, r.hosts, port, w.server.Key, known))
	if err != nil {
		return nil, err
	}
	out := result{}
	for range r.rounds {
		for _, t := range r.tools {
			if out[t.name] == nil {
				out[t.name] = map[phase][]usage{}
			}
			if err := w.job.Reset(r.hosts); err != nil {
				return nil, err
			}
			for _, p := range phases() {
				u, err := r.once(ctx, w, t, task{p, r.hosts, port, inventory})
				if err != nil {
					return nil, fmt.Errorf("%s, %s, %d hosts, %s: %w", t.name, p, r.hosts, r.rtt, err)
				}
				out[t.name][p] = append(out[t.name][p], u)
			}
		}
	}
	return out, nil
}

func (r race) once(ctx context.Context, w *world, t tool, what task) (usage, error) {
	before := w.server.CPU()
	u, err := measure(ctx, t.command(w, what))
	if err != nil {
		return u, err
	}
	w.server.Drain()
	u.Target = w.server.CPU() - before
	if what.phase == dry {
		return u, w.job.CheckUntouched(r.hosts)
	}
	return u, w.job.Check(r.hosts)
}

// typical is the median of the runs, each figure by itself.
func typical(runs []usage) usage {
	if len(runs) == 0 {
		return usage{}
	}
	return usage{
		Wall:   middle(runs, func(u usage) time.Duration { return u.Wall }),
		CPU:    middle(runs, func(u usage) time.Duration { return u.CPU }),
		Target: middle(runs, func(u usage) time.Duration { return u.Target }),
		Peak:   middle(runs, func(u usage) int64 { return u.Peak }),
	}
}

func middle[T cmp.Ordered](runs []usage, of func(usage) T) T {
	all := make([]T, len(runs))
	for i, u := range runs {
		all[i] = of(u)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// fastest is the shortest of the runs: what is left when nothing came between.
func fastest(runs []usage) time.Duration {
	return slices.MinFunc(runs, func(a, b usage) int { return cmp.Compare(a.Wall, b.Wall) }).Wall
}
