package galera

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/steps"
)

// processQuery lists servers and arbitrators by name and pid, whoever started
// them. Those of containers on the host are in another pid namespace and do not
// count.
func processQuery(service string) steps.Command {
	const script = `# the list of server processes
own=$(readlink /proc/self/ns/pid)
for dir in /proc/[0-9]*; do
	read -r name <"$dir/comm" || continue
	case $name in
	mariadbd|mysqld|garbd) [ "$(readlink "$dir/ns/pid")" = "$own" ] && echo "$name ${dir#/proc/}";;
	esac
done 2>/dev/null
exit 0`
	return steps.Command{Argv: []string{"sh", "-c", script}, Reads: []string{"service:" + service}}
}

// noServer makes sure that no server process is on a host, whatever systemd
// says: one may have been started by hand.
func noServer(ctx context.Context, r steps.Reader, service string) error {
	out, err := r.Query(ctx, processQuery(service))
	if err != nil {
		return err
	}
	left := strings.Join(strings.FieldsFunc(string(out.Stdout), func(c rune) bool { return c == '\n' }), ", ")
	if left == "" {
		return nil
	}
	return &steps.Problem{What: fmt.Sprintf("%s still runs on %s (name and process id)", left, r.Name()),
		Why: "it does not belong to the unit " + service + ", and a node that is started beside it may split the cluster",
		Do:  "find out who started it, and stop it by hand"}
}

// noServerLeft makes sure of that on all hosts of the view. It is asked right
// before a bootstrap, which would make a second cluster beside one that runs.
func (s *step) noServerLeft(ctx context.Context, v steps.View) error {
	var problems *multierror.Error
	for _, r := range append([]steps.Reader{v.Self}, v.Peers()...) {
		service, err := s.findService(ctx, r)
		if err == nil {
			err = noServer(ctx, r, service.Name)
		}
		if err != nil {
			problems = multierror.Append(problems, fmt.Errorf("%s: %w", r.Name(), err))
		}
	}
	return problems.ErrorOrNil()
}
