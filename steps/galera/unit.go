package galera

import (
	"context"

	"lockstep/steps"
	"lockstep/steps/unit"
)

// findService returns the service that counts on a host: the named one, or
// mariadb or mysql, whichever there is. Percona's packages bootstrap a cluster
// with an instance of its own, mysql@bootstrap, which must be stopped by that
// name too; it counts while it is not down.
func (s *step) findService(ctx context.Context, r steps.Reader) (unit.State, error) {
	found, err := s.mainService(ctx, r)
	if err != nil || !found.Systemd || found.Running() {
		return found, err
	}
	first, err := unit.Status(ctx, r, found.Name+bootstrapSuffix)
	if err != nil || !first.Exists() || first.Active == "inactive" || first.Active == "failed" {
		return found, err
	}
	return first, nil
}

const bootstrapSuffix = "@bootstrap"

func (s *step) mainService(ctx context.Context, r steps.Reader) (unit.State, error) {
	if s.service != "" {
		return unit.Must(ctx, r, s.service)
	}
	first, err := unit.Status(ctx, r, "mariadb")
	if err != nil || first.Exists() {
		return first, err
	}
	second, err := unit.Status(ctx, r, "mysql")
	if err != nil || second.Exists() {
		return second, err
	}
	return second, &steps.Problem{What: r.Name() + " has neither a service mariadb nor mysql", Do: "install the server, or name its unit by service"}
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
