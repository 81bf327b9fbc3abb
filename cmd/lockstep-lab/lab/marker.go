package lab

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// NewMarker is a text found nowhere else.
func NewMarker() string { return "MARKER-" + rand.Text() }

// WriteMarkers writes rows that contain marker to a node, as the application,
// over the network from this machine. tls is "preferred" (as the server
// offers), "skip-verify" (required) or "false" (refused).
func (l *Lab) WriteMarkers(ctx context.Context, n *Node, marker string, rows int, tls string) error {
	password, err := l.Password("app")
	if err != nil {
		return err
	}
	db := open(n, password, tls)
	defer func() { _ = db.Close() }()
	run := rand.Text()[:12]
	for seq := 1; seq <= rows; seq++ {
		if err := insertRow(ctx, db, run, 0, seq, marker); err != nil {
			return fmt.Errorf("marker row on %s (TLS %s): %w", n.name, tls, err)
		}
	}
	return nil
}

// Rejoin makes a node fetch everything from the others: its data directory
// is wiped, so that a full state transfer (SST) follows on port 4444.
func (n *Node) Rejoin(ctx context.Context) error {
	if _, err := n.Run(ctx, "systemctl", "stop", "mariadb"); err != nil {
		return n.explain(ctx, err)
	}
	if _, err := n.Run(ctx, "find", "/"+datadir, "-mindepth", "1", "-delete"); err != nil {
		return err
	}
	return n.startDatabase(ctx)
}

// CatchUp stops a node, lets meanwhile run, and starts the node again: what
// was written in between follows as an incremental transfer (IST), port 4568.
func (n *Node) CatchUp(ctx context.Context, meanwhile func(context.Context) error) error {
	if _, err := n.Run(ctx, "systemctl", "stop", "mariadb"); err != nil {
		return n.explain(ctx, err)
	}
	if err := meanwhile(ctx); err != nil {
		return err
	}
	return n.startDatabase(ctx)
}

func (n *Node) startDatabase(ctx context.Context) error {
	if _, err := n.Run(ctx, "systemctl", "start", "mariadb"); err != nil {
		return n.explain(ctx, err)
	}
	return n.lab.WaitSynced(ctx, len(n.lab.nodes))
}

// Journal is what the host's units have logged since a time, one line each.
func (n *Node) Journal(ctx context.Context, unit string, since time.Time) (string, error) {
	out, err := n.Run(ctx, "journalctl", "--unit="+unit, "--no-pager", "--output=short-iso-precise", fmt.Sprintf("--since=@%d", since.Unix()))
	return strings.TrimRight(out, "\n"), err
}
