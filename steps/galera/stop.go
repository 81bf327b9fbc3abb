package galera

import (
	"fmt"

	"lockstep/steps"
)

// mayStop refuses to take self out of the cluster while that is not a clean
// leave: a clean one shrinks the cluster by one and the rest keeps its quorum
// (Galera documentation, "Weighted Quorum"), but not while a node is being
// filled or the majority is lost. A node that crashed must come back first:
// with the last node gone nobody could tell who may be bootstrapped.
func mayStop(ns nodes) error {
	for _, n := range ns {
		switch {
		case n.moving():
			return fmt.Errorf("not stopped: %w", n.busy(n.active))
		case n.deaf():
			return fmt.Errorf("not stopped: %w", n.isDeaf())
		case !n.running() && n.crashed():
			return fmt.Errorf("not stopped: %w", n.isCrashed())
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

// crashed means that the node holds data and did not leave the cluster cleanly.
func (n node) crashed() bool { return n.down() && !n.grastate.blank() && n.grastate.seqno < 0 }

func (n node) isCrashed() error {
	return &steps.Problem{What: n.name + " was not stopped cleanly (seqno is -1 in grastate.dat)",
		Why: "how far it got is not known, so once all nodes are down none can be chosen to be bootstrapped",
		Do:  "bring it back first: start " + n.unit + " on " + n.name + " while the others run, wait until it is Synced, then run again"}
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
