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
// mariadb or mysql, whichever there is, or its bootstrap instance.
func FindService(ctx context.Context, r steps.Reader, named string) (unit.State, error) {
	found, err := mainService(ctx, r, named)
	if err != nil {
		return found, err
	}
	return Counting(ctx, r, found)
}

// Counting returns a service, or its bootstrap instance if that is the one which
// counts: mysql@bootstrap must be stopped by that name, and counts while it is not
// down and mysql does not run.
func Counting(ctx context.Context, r steps.Reader, main unit.State) (unit.State, error) {
	if !main.Systemd || main.Running() {
		return main, nil
	}
	first, err := unit.Status(ctx, r, main.Name+BootstrapSuffix)
	if err != nil || !first.Exists() || first.Active == "inactive" || first.Active == "failed" {
		return main, err
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
