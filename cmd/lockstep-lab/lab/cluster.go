package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// gateQuery answers "N,Primary,ON,Synced,ON" on a healthy member.
const gateQuery = `SELECT GROUP_CONCAT(VARIABLE_VALUE ORDER BY VARIABLE_NAME) FROM information_schema.GLOBAL_STATUS
 WHERE VARIABLE_NAME IN ('WSREP_CLUSTER_SIZE','WSREP_CLUSTER_STATUS','WSREP_CONNECTED','WSREP_LOCAL_STATE_COMMENT','WSREP_READY')`

// Gate is the member's own view of the cluster: size, status, connected,
// state, ready, joined by commas; "3,Primary,ON,Synced,ON" is healthy.
func (n *Node) Gate(ctx context.Context) (string, error) {
	return n.SQL(ctx, gateQuery)
}

// WaitSynced returns when exactly size hosts say that they are synced members
// of a primary component of that size; it gives up after three minutes.
func (l *Lab) WaitSynced(ctx context.Context, size int) error {
	return poll(ctx, 3*time.Minute, 150*time.Millisecond, fmt.Sprintf("waiting for %d synced nodes", size), func(ctx context.Context) error {
		return l.synced(ctx, size)
	})
}

func (l *Lab) synced(ctx context.Context, size int) error {
	want := fmt.Sprintf("%d,Primary,ON,Synced,ON", size)
	type answer struct {
		gate string
		err  error
	}
	answers := make([]answer, len(l.nodes))
	_ = l.each(ctx, func(ctx context.Context, n *Node) error {
		gate, err := n.Gate(ctx)
		answers[n.index-1] = answer{gate, err}
		return nil
	})
	good := 0
	var rest []error
	for i, a := range answers {
		switch {
		case a.gate == want:
			good++
		case a.err != nil:
			rest = append(rest, a.err)
		default:
			rest = append(rest, fmt.Errorf("%s says %s", l.nodes[i].name, a.gate))
		}
	}
	if good == size {
		return nil
	}
	return fmt.Errorf("%d of %d are: %w", good, size, errors.Join(rest...))
}

// startCluster brings the seeded databases up: the first node bootstraps, the
// others join it, one after the other, with what little it has written since.
// Two that join at once make Galera wait 7 seconds for a consensus.
func (l *Lab) startCluster(ctx context.Context) error {
	for _, n := range l.nodes {
		l.log.Info("starting the database", "on", n.name)
		start := []string{"systemctl", "start", "mariadb"}
		if n.index == 1 {
			start = []string{"galera_new_cluster"}
		}
		if _, err := n.Run(ctx, start...); err != nil {
			return n.explain(ctx, err)
		}
		if _, err := n.Run(ctx, "systemctl", "enable", "--quiet", "mariadb"); err != nil {
			return err
		}
	}
	return l.WaitSynced(ctx, len(l.nodes))
}

// explain adds the database's last words to an error.
func (n *Node) explain(ctx context.Context, err error) error {
	journal, jerr := n.Run(ctx, "journalctl", "--unit=mariadb", "--lines=12", "--no-pager", "--output=cat")
	if jerr != nil {
		return err
	}
	return fmt.Errorf("%w\n  %s", err, strings.ReplaceAll(strings.TrimSpace(journal), "\n", "\n  "))
}
