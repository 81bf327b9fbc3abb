package galera

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/steps"
)

// want says how many members a healthy cluster has.
type want struct {
	all  bool // every host of the stage must run; else as many as run now
	self bool // self must run
}

// judge tells whether the cluster is healthy as far as ns can show it: each
// running node must be Primary, connected, ready and Synced, all of them in
// one view of the same cluster, and the view must have as many members as
// wanted. A cluster that is wholly down has as many as run now.
//
// It returns a *steps.NotYet while waiting may help and another error when it
// will not. Every node is asked, since a donor is desynced for a moment and
// peers learn of a new member later than that member itself.
func judge(ns nodes, w want) error {
	expected := len(ns)
	if !w.all {
		expected = ns.count(node.running)
	}
	var hopeless *multierror.Error
	var waiting []string
	for i, n := range ns {
		soft, hard := n.ill(ns, expected, w.all || w.self && i == 0)
		if hard != nil {
			hopeless = multierror.Append(hopeless, hard)
		}
		if soft != "" {
			waiting = append(waiting, soft)
		}
	}
	switch {
	case hopeless != nil && len(hopeless.Errors) == 1:
		return hopeless.Errors[0]
	case hopeless != nil:
		return hopeless
	case len(waiting) > 0:
		return &steps.NotYet{What: strings.Join(waiting, "; ")}
	}
	return nil
}

// ill tells what is wrong with one node: what waiting cannot cure, or else what
// is waited for.
func (n node) ill(ns nodes, expected int, mustRun bool) (soft string, hard error) {
	switch {
	case n.moving():
		return fmt.Sprintf("%s is %s (a state transfer may take long)", n.name, n.active), nil
	case n.deaf():
		return n.isDeaf().Error(), nil
	case !n.running() && !mustRun:
		return "", nil
	case !n.running():
		return "", n.isDown()
	}
	if err := n.split(); err != nil {
		return err.Error(), nil
	}
	for _, check := range []func(node, nodes) error{node.stranger, node.crowd, node.inconsistent} {
		if err := check(n, ns); err != nil {
			return "", err
		}
	}
	return n.waits(ns, expected), nil
}

func (n node) isDown() error {
	return &steps.Problem{What: fmt.Sprintf("%s does not run (%s is %s)", n.name, n.unit, n.active),
		Do: fmt.Sprintf("look for the cause with `journalctl -u %s` on %s, and start it", n.unit, n.name)}
}

// split finds a node outside the primary component. Waiting may help: a node
// is outside for a moment while it joins, and a cluster that lost sight of
// itself comes together again when the network does.
func (n node) split() error {
	if n.status.primary() {
		return nil
	}
	return &steps.Problem{What: fmt.Sprintf("%s is %s, not Primary", n.name, n.status.component),
		Why: "it lost the majority of the cluster and refuses all work, so no other node may be taken away",
		Do:  "restore the network between the nodes, or decide which part is to go on (SET GLOBAL wsrep_provider_options='pc.bootstrap=YES')"}
}

// stranger finds a node of another cluster: two that were bootstrapped apart
// never join.
func (n node) stranger(ns nodes) error {
	for _, other := range ns {
		if !other.running() || !other.status.primary() {
			continue
		}
		if other.status.uuid != n.status.uuid {
			return &steps.Problem{What: fmt.Sprintf("%s and %s are in two different clusters (%s and %s)", other.name, n.name, other.status.uuid, n.status.uuid),
				Why: "each was bootstrapped for itself, so their data go apart",
				Do:  "a person must choose whose data are right, stop the other node and let it join again"}
		}
		break // one comparison with the first running node is enough
	}
	return nil
}

// crowd finds members that are not in the inventory.
func (n node) crowd(ns nodes) error {
	if n.status.size <= len(ns) {
		return nil
	}
	return &steps.Problem{What: fmt.Sprintf("%s sees %d members, but the stage has %d hosts", n.name, n.status.size, len(ns)),
		Why: "a member that the plan does not reach would be left without the new settings (members: " + n.status.members + ")",
		Do:  "add the missing host, which may be an arbitrator (garbd), to the inventory group"}
}

// inconsistent finds a node that failed to apply a write which others applied.
func (n node) inconsistent(nodes) error {
	if n.status.state != "Inconsistent" {
		return nil
	}
	return &steps.Problem{What: n.name + " is Inconsistent and leaves the cluster",
		Do: "restart it by hand; it will take a full state transfer"}
}

// waits tells what a running node still lacks, or "".
func (n node) waits(ns nodes, expected int) string {
	s := n.status
	switch {
	case s.state != "Synced":
		return fmt.Sprintf("%s is %s (wanted Synced)", n.name, s.state)
	case !s.connected:
		return n.name + " is not connected to the cluster"
	case !s.ready:
		return n.name + " does not take queries yet (wsrep_ready is OFF)"
	case s.size != expected:
		return fmt.Sprintf("%s sees %d members (wanted %d)", n.name, s.size, expected)
	}
	for _, other := range ns {
		if other.running() && other.status.conf != s.conf {
			return fmt.Sprintf("%s and %s do not see the same view of the cluster yet", other.name, n.name)
		}
	}
	return ""
}
