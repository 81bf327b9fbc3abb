package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// The floor that ratios refer to.
const floorName = "go-shell"

// ansibleHosts is how many hosts Ansible is asked for unless all is wanted.
const ansibleHosts = 10

// far is the distance of the tables with a delay; farther is used beside it to
// count round trips, by tools for which that does not take minutes.
const (
	far     = 50 * time.Millisecond
	farther = 200 * time.Millisecond
)

func hardenSection(ctx context.Context, w *world, o options, out io.Writer) error {
	fmt.Fprintf(out, "## The job harden\n\nWall time as a multiple of %s (and in seconds); CPU of the control program and of the targets in ms a host; peak memory of the control program.\n", floorName)
	for _, rtt := range []time.Duration{0, far} {
		for _, n := range o.hosts {
			res, err := contest(ctx, w, o, n, rtt)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "\n### %d hosts, round trip %s\n\n", n, rtt)
			costs(out, res, n)
		}
	}
	return roundTrips(ctx, w, o, out)
}

// contest lets the fast tools go as often as asked for, and Ansible once, in
// the middle of them.
func contest(ctx context.Context, w *world, o options, n int, rtt time.Duration) (result, error) {
	fast := race{fastTools(), n, rtt, o.rounds}
	if n > 50 {
		fast.rounds = 1
	}
	res, err := fast.run(ctx, w)
	if err != nil || o.bare || n > ansibleHosts && !o.full {
		return res, err
	}
	slow, err := race{[]tool{mitogenTool(), ansibleTool()}, n, rtt, 1}.run(ctx, w)
	for name, runs := range slow {
		res[name] = runs
	}
	return res, err
}

func fastTools() []tool { return []tool{lockstepTool(), floorTool(floorName), floorTool("go-sftp")} }

// names are the tools of a result in the order of the tables.
func (r result) names() (names []string) {
	order := []string{"lockstep", floorName, "go-sftp", "ansible+mitogen", "ansible"}
	for name := range r {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	return names
}

func costs(out io.Writer, res result, n int) {
	t := table{head: []string{"tool", "wall: dry", "first", "second", "CPU: dry", "first", "second", "target CPU: dry", "first", "second", "peak MB"}}
	for _, name := range res.names() {
		row := []string{name}
		var peak int64
		for _, p := range phases() {
			u, floor := typical(res[name][p]), typical(res[floorName][p])
			row = append(row, fmt.Sprintf("%.1fx (%.2f)", ratio(u.Wall, floor.Wall), u.Wall.Seconds()))
			peak = max(peak, u.Peak)
		}
		for _, of := range []func(usage) time.Duration{func(u usage) time.Duration { return u.CPU }, func(u usage) time.Duration { return u.Target }} {
			for _, p := range phases() {
				row = append(row, fmt.Sprintf("%.1f", float64(of(typical(res[name][p])).Microseconds())/1000/float64(n)))
			}
		}
		t.rows = append(t.rows, append(row, fmt.Sprint(peak>>20)))
	}
	t.write(out)
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// roundTrips counts by the slope of the wall time over the distance, with one
// host and the fastest of the runs.
func roundTrips(ctx context.Context, w *world, o options, out io.Writer) error {
	near, err := race{fastTools(), 1, far, o.rounds}.run(ctx, w)
	if err != nil {
		return err
	}
	distant, err := race{fastTools(), 1, farther, o.rounds}.run(ctx, w)
	if err != nil {
		return err
	}
	if !o.bare {
		peers := []tool{mitogenTool(), ansibleTool()}
		for rtt, res := range map[time.Duration]result{far: near, farther: distant} {
			slow, err := race{peers, 1, rtt, 1}.run(ctx, w)
			if err != nil {
				return err
			}
			for name, runs := range slow {
				res[name] = runs
			}
		}
	}
	fmt.Fprintf(out, "\n### Effective round trips of one host, cold\n\nSlope of the wall time between %s and %s.\n\n", far, farther)
	t := table{head: []string{"tool", "dry", "first", "second"}}
	for _, name := range near.names() {
		row := []string{name}
		for _, p := range phases() {
			row = append(row, fmt.Sprintf("%.1f", ratio(fastest(distant[name][p])-fastest(near[name][p]), farther-far)))
		}
		t.rows = append(t.rows, row)
	}
	t.write(out)
	return nil
}
