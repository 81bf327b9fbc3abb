package galera

import (
	"context"
	"fmt"

	"lockstep/steps"
	"lockstep/steps/sqlclient"
	"lockstep/steps/unit"
	"lockstep/steps/wsrep"
)

const (
	summaryStop      = "stop"
	summaryStart     = "start"
	summaryBootstrap = "bootstrap the cluster"
)

// run does a Run edit on the host.
func (s *step) run(ctx context.Context, h steps.Host, e steps.Edit) error {
	service := e.Disrupts.Service
	switch e.Summary {
	case summaryStop:
		h = acting{h, func(c *steps.Command) { s.foreseeStop(c, service) }}
		return unit.Stop(ctx, h, service)
	case summaryStart:
		h = acting{h, func(c *steps.Command) { s.foreseeStart(c, service) }}
		return unit.Start(ctx, h, service, s.files...)
	case summaryBootstrap:
		return s.bootstrap(ctx, h, service)
	}
	return fmt.Errorf("internal error: galera has no act %q", e.Summary)
}

// bootstrap starts the first node of a cluster. MariaDB has a script for it,
// which restarts a server that runs, so the same shell makes sure that none
// does. Percona's packages have an instance of the unit for it.
func (s *step) bootstrap(ctx context.Context, h steps.Host, service string) error {
	out, err := h.Query(ctx, scriptQuery())
	if err != nil {
		return err
	}
	if out.Code != 0 {
		service += wsrep.BootstrapSuffix
	}
	return unit.Start(ctx, acting{h, func(c *steps.Command) {
		if out.Code == 0 {
			c.Argv = []string{"sh", "-c", guarded, "lockstep", service}
		}
		s.foreseeStart(c, service)
	}}, service, s.files...)
}

const guarded = `# galera_new_cluster
state=$(systemctl show --property=ActiveState "$1")
case $state in
*=inactive|*=failed) exec galera_new_cluster "$1";;
esac
echo "$1 has $state: nothing was bootstrapped" >&2
exit 1`

func scriptQuery() steps.Command {
	return steps.Command{Argv: []string{"sh", "-c", "command -v galera_new_cluster"}}
}

// foreseeStop adds what will be seen of a node that was stopped: a server that
// does not answer, no process, and a grastate.dat with its last position.
func (s *step) foreseeStop(c *steps.Command, service string) {
	c.Foresees = append(c.Foresees,
		steps.Foreseen{Query: statusQuery(service, s.login), Output: sqlclient.Stopped()},
		steps.Foreseen{Query: processQuery(service)})
	if len(s.seen) > 0 {
		s.foreseeGrastate(c, afterStop(s.seen))
	}
}

// foreseeStart adds what will be seen of a node that was brought up.
func (s *step) foreseeStart(c *steps.Command, service string) {
	if len(s.seen) == 0 {
		return
	}
	after := afterStart(s.seen, s.plan)
	c.Foresees = append(c.Foresees, steps.Foreseen{Query: statusQuery(service, s.login), Output: after.foreseen()})
	s.foreseeGrastate(c, grastate{uuid: after.uuid, seqno: -1})
}

func (s *step) foreseeGrastate(c *steps.Command, g grastate) {
	file := s.seen.self().grastatePath()
	c.Writes = append(c.Writes, file)
	c.Foresees = append(c.Foresees, steps.Foreseen{Path: file, Data: g.print()})
}
