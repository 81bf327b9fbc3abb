package galera

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lockstep/steps"
)

// choose picks the node that must be bootstrapped when the whole cluster is
// down: the one that stopped last, which Galera marks with safe_to_bootstrap,
// provided that no other node has more writes (Galera documentation,
// "Restarting the Cluster"). Whatever is not certain is an error, since the
// wrong choice loses writes for good. With force a person has taken that
// decision and the flags are not asked: the node with the most writes is
// picked, the first of equals.
func choose(ns nodes, force bool) (node, error) {
	known, err := withState(ns)
	if err != nil {
		return node{}, err
	}
	best := slices.MaxFunc(known, func(a, b node) int {
		return cmp.Or(cmp.Compare(a.grastate.seqno, b.grastate.seqno), safety(a)-safety(b))
	})
	if force && best.grastate.seqno >= 0 {
		return best, nil
	}
	if crashed := names(known, func(n node) bool { return n.grastate.seqno < 0 }); crashed != "" {
		return node{}, crashedProblem(crashed)
	}
	return best, flagsAgree(known, best)
}

// withState returns the nodes that hold a state of the cluster. They must all
// have it of the same one; the others will take a full copy.
func withState(ns nodes) (nodes, error) {
	var known nodes
	for _, n := range ns {
		if n.grastate.blank() {
			continue
		}
		known = append(known, n)
		if n.grastate.uuid != known[0].grastate.uuid {
			return nil, &steps.Problem{
				What: fmt.Sprintf("%s and %s hold states of two different clusters (%s and %s)", known[0].name, n.name, known[0].grastate.uuid, n.grastate.uuid),
				Why:  "only one of them can be the right one, and the other's data will be thrown away",
				Do:   "a person must choose; start the right node by hand, then run again"}
		}
	}
	if len(known) == 0 {
		return nil, &steps.Problem{What: "no node holds a state of a cluster (grastate.dat is missing or its uuid is all zeros)",
			Why: "there is nothing to start again; bootstrapping would make a new, empty cluster",
			Do:  "check datadir, or bootstrap the first node by hand"}
	}
	return known, nil
}

func crashedProblem(crashed string) error {
	return &steps.Problem{What: "not stopped cleanly: " + crashed + " (seqno is -1 in grastate.dat)",
		Why: "how far it got is not known without a recovery run, and another node may have fewer writes",
		Do: "find the positions with `galera_recovery` (or `mysqld --wsrep-recover`) on each node, write the seqno into grastate.dat, " +
			"and run again with allow_force_bootstrap: true"}
}

// flagsAgree makes sure that Galera's own flag names best, and best alone.
func flagsAgree(known nodes, best node) error {
	marked := names(known, func(n node) bool { return n.grastate.safe })
	var positions []string
	for _, n := range known {
		positions = append(positions, fmt.Sprintf("%s %d", n.name, n.grastate.seqno))
	}
	why := "positions: " + strings.Join(positions, ", ")
	const do = "if the node with the highest position is certain to be the most advanced, run again with allow_force_bootstrap: true"
	switch {
	case marked == "":
		return &steps.Problem{What: "no node is marked safe_to_bootstrap", Why: why + "; the nodes were stopped at the same time or crashed", Do: do}
	case marked != best.name:
		return &steps.Problem{What: fmt.Sprintf("safe_to_bootstrap is set on %s, but %s has the highest position", marked, best.name), Why: why, Do: do}
	}
	return nil
}

func safety(n node) int {
	if n.grastate.safe {
		return 1
	}
	return 0
}

func names(ns nodes, is func(node) bool) string {
	var out []string
	for _, n := range ns {
		if is(n) {
			out = append(out, n.name)
		}
	}
	return strings.Join(out, ", ")
}

// The ranks of hosts in a stage that starts a cluster.
const (
	rankRunning   = iota // nothing to do there
	rankBootstrap        // must be first of those that are down
	rankJoin
)

// rank tells how early self is to be started.
func rank(ns nodes, force bool) (int, error) {
	switch {
	case ns.self().running():
		return rankRunning, nil
	case ns.count(node.running) > 0, ns.count(node.moving) > 0:
		return rankJoin, nil
	}
	best, err := choose(ns, force)
	switch {
	case err != nil:
		return 0, err
	case best.name == ns.self().name:
		return rankBootstrap, nil
	}
	return rankJoin, nil
}
