package galera

import (
	"fmt"

	"lockstep/steps"
)

// mayStop refuses to take self out of the cluster while that is not a clean
// leave: a clean one shrinks the cluster by one and the rest keeps its quorum
// (Galera documentation, "Weighted Quorum"), but not while a node is being
// filled or the majority is lost.
func mayStop(ns nodes) error {
	for _, n := range ns {
		switch {
		case n.moving():
			return fmt.Errorf("not stopped: %w", n.busy(n.active))
		case n.deaf():
			return fmt.Errorf("not stopped: %w", n.isDeaf())
		case !n.running():
			continue
		case !n.status.primary():
			return fmt.Errorf("not stopped: %w", n.split())
		case n.status.state != "Synced":
			return fmt.Errorf("not stopped: %w", n.busy(n.status.state))
		}
		for _, check := range []func(node, nodes) error{node.stranger, node.crowd} {
			if err := check(n, ns); err != nil {
				return fmt.Errorf("not stopped: %w", err)
			}
		}
	}
	return nil
}

func (n node) busy(state string) error {
	return &steps.Problem{What: n.name + " is " + state,
		Why: "a state transfer or a start is under way, and stopping a node now could leave the joiner without data",
		Do:  "wait for " + n.name + ", then run again"}
}

// afterStop is what grastate.dat of self will hold after a clean stop. Galera
// marks the node that leaves an otherwise empty cluster. Its position is at
// least the highest that any node shows now, since it is in sync with them.
func afterStop(ns nodes) grastate {
	g := grastate{exists: true, uuid: ns.self().status.uuid, safe: true}
	for i, n := range ns {
		g.seqno = max(g.seqno, n.status.committed, n.grastate.seqno)
		if i > 0 && n.running() {
			g.safe = false
		}
	}
	return g
}
