package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// stepsSection shows that a stage costs by its barriers and not by its steps.
func stepsSection(ctx context.Context, w *world, o options, out io.Writer) error {
	fmt.Fprintf(out, "\n## A stage of many file steps\n\nOne host at %s. Round trips are the slope between no delay and that.\n\n", far)
	t := table{head: []string{"file steps", "wall s: dry", "first", "second", "round trips: dry", "first", "second", "CPU ms a step, first"}}
	for _, n := range o.steps {
		near, err := w.manySteps(ctx, n, 0)
		if err != nil {
			return err
		}
		distant, err := w.manySteps(ctx, n, far)
		if err != nil {
			return err
		}
		row := []string{fmt.Sprint(n)}
		for _, p := range phases() {
			row = append(row, fmt.Sprintf("%.2f", distant[p].Wall.Seconds()))
		}
		for _, p := range phases() {
			row = append(row, fmt.Sprintf("%.0f", ratio(distant[p].Wall-near[p].Wall, far)))
		}
		t.rows = append(t.rows, append(row, fmt.Sprintf("%.2f", float64(distant[first].CPU.Microseconds())/1000/float64(n))))
	}
	t.write(out)
	return nil
}

// manySteps runs a stage of n steps, each with a file of its own.
func (w *world) manySteps(ctx context.Context, n int, rtt time.Duration) (map[phase]usage, error) {
	port, err := w.port(rtt)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(w.dir, "steps")
	plan, inventory, known := filepath.Join(w.dir, "steps.yml"), filepath.Join(w.dir, "steps.ini"), filepath.Join(w.dir, "known_hosts")
	err = errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755), os.WriteFile(plan, []byte(stepsPlan(n, dir)), 0o600),
		w.server.WriteKnown(known, 0, port), w.job.WriteInventory(inventory, 1, port, w.server.Key, known))
	if err != nil {
		return nil, err
	}
	out := map[phase]usage{}
	for _, p := range phases() {
		u, err := measure(ctx, w.run(p, inventory, plan))
		if err != nil {
			return nil, err
		}
		out[p] = u
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) != n {
		return nil, fmt.Errorf("%d of %d files were made: %v", len(made), n, err)
	}
	return out, nil
}

func stepsPlan(n int, dir string) string {
	var b strings.Builder
	b.WriteString("hosts: all\nsteps:\n  - name: many files\n    steps:\n")
	for i := range n {
		fmt.Fprintf(&b, "      - copy: {dest: %s/%04d, content: \"content of file %d\\n\", mode: \"0644\"}\n", dir, i, i)
	}
	return b.String()
}
