package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/cmd/lockstep-lab/lab"
)

type sniffFlags struct {
	wait     time.Duration
	ports    []int
	transfer bool
	tls      bool
	sealed   bool
}

func sniffCommand(a *app) *cobra.Command {
	var f sniffFlags
	c := &cobra.Command{
		Use:   "sniff",
		Short: "Write marker rows and say on which ports they can be read",
		Long: `Write marker rows from this machine to each node while reading along on the
bridge, and say on which ports the marker could be read. Rows travel with TLS
when the server offers it.

With --transfer, the last node also loses its data directory and fetches it
again (SST, port 4444), and is then stopped while rows are written (IST, 4568).`,
		Args: cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, l *lab.Lab) error {
			report, err := sniff(cmd.Context(), l, f)
			if err != nil {
				return err
			}
			if err := printSniff(cmd, report); err != nil || !f.sealed {
				return err
			}
			return sealed(report)
		}),
	}
	c.Flags().DurationVar(&f.wait, "for", 2*time.Second, "how long to keep writing markers")
	c.Flags().IntSliceVar(&f.ports, "ports", nil, "ports to watch (default 3306,4567,4568,4444)")
	c.Flags().BoolVar(&f.transfer, "transfer", false, "force a full and an incremental state transfer as well")
	c.Flags().BoolVar(&f.tls, "tls", false, "insist on TLS for the marker rows")
	c.Flags().BoolVar(&f.sealed, "expect-unreadable", false, "end with an error if the marker could be read, or if that is not certain")
	return c
}

// sealed returns an error unless every port that carried anything kept the
// marker from the reader.
func sealed(r lab.SniffReport) error {
	var open []string
	for _, p := range r.Ports {
		if p.Marker {
			open = append(open, fmt.Sprint(p.Port))
		}
	}
	switch {
	case len(open) > 0:
		return fmt.Errorf("the marker could be read on port %s", strings.Join(open, ", "))
	case r.Dropped > 0:
		return fmt.Errorf("%d packets were missed, so nothing is proven; run it again", r.Dropped)
	}
	return nil
}

func sniff(ctx context.Context, l *lab.Lab, f sniffFlags) (lab.SniffReport, error) {
	if len(l.Nodes()) == 0 || l.Options().NoDatabase {
		return lab.SniffReport{}, errors.New("no database to listen to; `lockstep-lab up` makes one")
	}
	marker := lab.NewMarker()
	s := l.NewSniffer(f.ports...)
	if err := s.Start(ctx, marker); err != nil {
		return lab.SniffReport{}, err
	}
	defer s.Stop()
	write := func(ctx context.Context) error { return writeMarkers(ctx, l, marker, f) }
	if err := write(ctx); err != nil {
		return lab.SniffReport{}, err
	}
	if f.transfer {
		if err := transfer(ctx, l, marker, f); err != nil {
			return lab.SniffReport{}, err
		}
	}
	return s.Stop(), nil
}

// writeMarkers goes round the nodes until the time is over.
func writeMarkers(ctx context.Context, l *lab.Lab, marker string, f sniffFlags) error {
	for end := time.Now().Add(f.wait); ; {
		for _, n := range l.Nodes() {
			if err := l.WriteMarkers(ctx, n, marker, 5, tlsMode(f)); err != nil {
				return err
			}
		}
		if time.Now().After(end) {
			return nil
		}
	}
}

func tlsMode(f sniffFlags) string {
	if f.tls {
		return "skip-verify"
	}
	return "preferred"
}

func transfer(ctx context.Context, l *lab.Lab, marker string, f sniffFlags) error {
	nodes := l.Nodes()
	if len(nodes) < 2 {
		return errors.New("a state transfer needs two nodes")
	}
	last := nodes[len(nodes)-1]
	if err := last.Rejoin(ctx); err != nil {
		return fmt.Errorf("full state transfer: %w", err)
	}
	err := last.CatchUp(ctx, func(ctx context.Context) error {
		return l.WriteMarkers(ctx, nodes[0], marker, 20, tlsMode(f))
	})
	if err != nil {
		return fmt.Errorf("incremental state transfer: %w", err)
	}
	return nil
}

func printSniff(cmd *cobra.Command, r lab.SniffReport) error {
	what := map[int]string{
		lab.PortSQL: "client-server", lab.PortReplication: "replication",
		lab.PortIST: "incremental transfer (IST)", lab.PortSST: "full transfer (SST)",
	}
	var b strings.Builder
	b.WriteString("PORT\tWHAT\tBYTES\tPACKETS\tTLS STREAMS\tMARKER READABLE?\n")
	for _, p := range r.Ports {
		fmt.Fprintf(&b, "%d\t%s\t%d\t%d\t%d of %d\t%s\n", p.Port, what[p.Port], p.Bytes, p.Packets, p.TLS, p.Streams, verdict(p))
	}
	if r.Dropped > 0 {
		fmt.Fprintf(&b, "%d packets were missed: \"no\" proves nothing, run it again\n", r.Dropped)
	}
	return printTable(cmd.OutOrStdout(), b.String())
}

func verdict(p lab.PortReport) string {
	switch {
	case p.Marker:
		return "YES"
	case p.Packets == 0:
		return "no traffic"
	default:
		return "no"
	}
}
