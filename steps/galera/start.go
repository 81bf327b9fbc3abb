package galera

import (
	"fmt"

	"lockstep/steps"
)

// plan says how self is brought up.
type plan struct {
	how    how
	force  bool   // grastate.dat must be marked first
	reason string // for people
}

type how int

const (
	nothing how = iota
	join
	bootstrap
)

// planStart decides between joining a cluster and bootstrapping one. A
// bootstrap while any node runs makes a second cluster, so it needs the proof
// that every host of the stage was read and none runs.
func planStart(ns nodes, force bool) (plan, error) {
	self := ns.self()
	switch {
	case self.running() && self.status.primary():
		return plan{}, nil
	case self.running():
		return plan{}, self.split()
	case self.moving():
		return plan{}, self.busy(self.active)
	case self.deaf():
		return plan{}, self.isDeaf()
	}
	for _, n := range ns.peers() {
		switch {
		case n.moving():
			return plan{}, n.busy(n.active)
		case n.deaf():
			return plan{}, n.isDeaf()
		case n.running() && !n.status.primary():
			return plan{}, n.split()
		}
	}
	for _, n := range ns.peers() {
		if n.running() {
			return plan{how: join, reason: fmt.Sprintf("%s is up and Primary", n.name)}, nil
		}
	}
	return planBootstrap(ns, force)
}

func planBootstrap(ns nodes, force bool) (plan, error) {
	best, err := choose(ns, force)
	self := ns.self()
	switch {
	case err != nil:
		return plan{}, err
	case best.name != self.name:
		return plan{}, &steps.Problem{What: fmt.Sprintf("the whole cluster is down, and %s must be bootstrapped first", best.name),
			Why: fmt.Sprintf("it has the last write (%d)", best.grastate.seqno),
			Do:  "put serial: 1 on the stage, so that its hosts are started in the right order"}
	}
	return plan{how: bootstrap, force: !self.grastate.safe,
		reason: fmt.Sprintf("no node runs, and %s has the last write (%d)", self.name, self.grastate.seqno)}, nil
}

// afterStart is what the server of self will say of itself once it is up.
func afterStart(ns nodes, p plan) status {
	self := ns.self()
	s := status{up: true, size: 1, component: "Primary", connected: true, ready: true, state: "Synced",
		uuid: self.grastate.uuid, conf: "1", committed: self.grastate.seqno, dataDir: self.dataDir}
	if p.how == bootstrap {
		return s
	}
	for _, n := range ns.peers() {
		if n.running() {
			s.size++
			s.uuid, s.conf, s.committed = n.status.uuid, n.status.conf, max(s.committed, n.status.committed)
		}
	}
	return s
}
