package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lockstep/cmd/lockstep-lab/lab"
)

func upCommand(a *app) *cobra.Command {
	var o lab.Options
	c := &cobra.Command{
		Use:   "up",
		Short: "Make the lab, or leave a running one of the same shape alone",
		Args:  cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, l *lab.Lab) error {
			start := time.Now()
			if err := l.Up(cmd.Context(), o); err != nil {
				return err
			}
			return printReady(cmd, l, start)
		}),
	}
	c.Flags().IntVar(&o.Nodes, "nodes", 3, "how many hosts")
	c.Flags().BoolVar(&o.NoDatabase, "no-database", false, "hosts with sshd only")
	c.Flags().StringVar(&o.Subnet, "subnet", lab.DefaultSubnet, "an unused IPv4 /24; hosts begin at .11")
	return c
}

func printReady(cmd *cobra.Command, l *lab.Lab, start time.Time) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s, up after %.1f s\ninventory: %s\n", l.Options(), time.Since(start).Seconds(), l.Path("inventory.yml"))
	return err
}

func downCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End the lab and remove everything it left, also after a crash",
		Args:  cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, l *lab.Lab) error {
			return l.Down(cmd.Context())
		}),
	}
}

func resetCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reset",
		Short: "Back to fresh hosts and a plaintext cluster, from the snapshot",
		Args:  cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, l *lab.Lab) error {
			start := time.Now()
			if err := l.Reset(cmd.Context()); err != nil {
				return err
			}
			return printReady(cmd, l, start)
		}),
	}
}

func statusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "What runs, host by host",
		Args:  cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, l *lab.Lab) error {
			if len(l.Nodes()) == 0 {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "no lab at %s\n", l.Dir())
				return err
			}
			return printStatus(cmd, l)
		}),
	}
}

func printStatus(cmd *cobra.Command, l *lab.Lab) error {
	var b strings.Builder
	b.WriteString("HOST\tADDRESS\tPOWER\tDATABASE\n")
	for _, n := range l.Nodes() {
		power, gate := "off", "-"
		if n.Running() {
			power = "on"
			if g, err := n.Gate(cmd.Context()); err == nil {
				gate = g
			}
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", n.Name(), n.Addr(), power, gate)
	}
	if !l.Ready() {
		b.WriteString("not finished: `lockstep-lab up` starts over, `lockstep-lab down` removes it\n")
	}
	return printTable(cmd.OutOrStdout(), b.String())
}

// printTable aligns the columns of lines that are separated by tabs.
func printTable(w io.Writer, text string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(t, text); err != nil {
		return err
	}
	return t.Flush()
}
