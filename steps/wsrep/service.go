package wsrep

import (
	"context"

	"lockstep/steps"
	"lockstep/steps/unit"
)

// BootstrapSuffix names the instance of the unit by which Percona's packages
// bootstrap a cluster.
const BootstrapSuffix = "@bootstrap"

// FindService returns the service that counts on a host: the named one, or
// mariadb or mysql, whichever there is. The instance mysql@bootstrap must be
// stopped by that name too; it counts while it is not down.
func FindService(ctx context.Context, r steps.Reader, named string) (unit.State, error) {
	found, err := mainService(ctx, r, named)
	if err != nil || !found.Systemd || found.Running() {
		return found, err
	}
	first, err := unit.Status(ctx, r, found.Name+BootstrapSuffix)
	if err != nil || !first.Exists() || first.Active == "inactive" || first.Active == "failed" {
		return found, err
	}
	return first, nil
}

func mainService(ctx context.Context, r steps.Reader, named string) (unit.State, error) {
	if named != "" {
		return unit.Must(ctx, r, named)
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
