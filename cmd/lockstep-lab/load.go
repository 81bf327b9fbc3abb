package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"lockstep/cmd/lockstep-lab/lab"
)

func loadCommand(a *app) *cobra.Command {
	var length time.Duration
	var forever bool
	var writers int
	c := &cobra.Command{
		Use:   "load",
		Short: "Write steadily with failover, then look for lost rows on every node",
		Args:  cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, l *lab.Lab) error {
			if len(l.Nodes()) == 0 || l.Options().NoDatabase {
				return errors.New("no database to write to; `lockstep-lab up` makes one")
			}
			if forever {
				length = 0
			}
			report, err := load(cmd.Context(), l, writers, length)
			if _, perr := fmt.Fprint(cmd.OutOrStdout(), report); err == nil {
				err = perr
			}
			if err == nil && report.TotalLost() > 0 {
				err = fmt.Errorf("%d acknowledged rows are lost", report.TotalLost())
			}
			return err
		}),
	}
	c.Flags().DurationVar(&length, "for", 30*time.Second, "how long to write")
	c.Flags().BoolVar(&forever, "until-stopped", false, "write until Ctrl-C")
	c.Flags().IntVar(&writers, "writers", 4, "how many write at the same time")
	return c
}

// load ends with the time or with Ctrl-C, whichever comes first; rows are read
// back in both cases.
func load(ctx context.Context, l *lab.Lab, writers int, length time.Duration) (lab.LoadReport, error) {
	after := context.WithoutCancel(ctx)
	w := l.NewLoad(writers)
	if err := w.Start(after); err != nil {
		return w.Report(), err
	}
	var over <-chan time.Time // nil: never
	if length > 0 {
		over = time.After(length)
	}
	select {
	case <-ctx.Done():
	case <-over:
	}
	w.Stop()
	check, cancel := context.WithTimeout(after, time.Minute)
	defer cancel()
	return w.Check(check)
}
