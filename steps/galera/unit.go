package galera

import (
	"context"

	"lockstep/steps"
	"lockstep/steps/unit"
	"lockstep/steps/wsrep"
)

func (s *step) findService(ctx context.Context, r steps.Reader) (unit.State, error) {
	return wsrep.FindService(ctx, r, s.service)
}

// acting is a host that changes the command of a start or stop on its way: what
// unit does is right for any service, and a Galera node has more to foresee.
type acting struct {
	steps.Host
	change func(*steps.Command)
}

// Exec changes the act itself, which is the one that may take long.
func (a acting) Exec(ctx context.Context, c steps.Command) (steps.Output, error) {
	if c.Long {
		a.change(&c)
	}
	return a.Host.Exec(ctx, c)
}
