package galera

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/hashicorp/go-multierror"

	"lockstep/steps"
	"lockstep/steps/unit"
)

// node is what is known of one host of the cluster.
type node struct {
	name     string
	unit     string // the systemd unit that counts: the service, or its bootstrap instance
	active   string // systemd's ActiveState of unit
	service  unit.State
	status   status
	grastate grastate
	dataDir  string
	raw      []byte // of grastate.dat
}

// running means that a server is there and answers.
func (n node) running() bool { return n.status.up }

// moving means that the unit is between stopped and running.
func (n node) moving() bool {
	return n.active == "activating" || n.active == "deactivating" || n.active == "reloading"
}

// down means that no server runs and none is about to.
func (n node) down() bool { return n.active == "inactive" || n.active == "failed" }

// deaf means that the unit is up and no server answers.
func (n node) deaf() bool { return !n.running() && !n.moving() && !n.down() }

func (n node) isDeaf() error {
	return &steps.Problem{What: fmt.Sprintf("%s: %s is %s, but no server answers on its socket", n.name, n.unit, n.active),
		Do: "name the server's socket by socket, or look at `journalctl -u " + n.unit + "` there"}
}

func (n node) grastatePath() string { return path.Join(n.dataDir, "grastate.dat") }

// nodes are all hosts of the stage; self is the first.
type nodes []node

func (ns nodes) self() node   { return ns[0] }
func (ns nodes) peers() nodes { return ns[1:] }

func (ns nodes) count(is func(node) bool) int {
	n := 0
	for _, one := range ns {
		if is(one) {
			n++
		}
	}
	return n
}

// look reads all hosts of the view at the same time. All hosts that cannot be
// read are in the one error.
func (s *step) look(ctx context.Context, v steps.View) (nodes, error) {
	readers := append([]steps.Reader{v.Self}, v.Peers()...)
	found, errs := make(nodes, len(readers)), make([]error, len(readers))
	var wg sync.WaitGroup
	for i, r := range readers {
		wg.Go(func() { found[i], errs[i] = s.lookAt(ctx, r) })
	}
	wg.Wait()
	var problems *multierror.Error
	for i, err := range errs {
		switch {
		case err == nil:
		case i == 0:
			problems = multierror.Append(problems, err)
		default:
			problems = multierror.Append(problems, fmt.Errorf("%s: %w", readers[i].Name(), err))
		}
	}
	return found, problems.ErrorOrNil()
}

func (s *step) lookAt(ctx context.Context, r steps.Reader) (node, error) {
	n := node{name: r.Name()}
	var err error
	if n.service, err = s.findService(ctx, r); err != nil {
		return n, err
	}
	n.unit, n.active = n.service.Name, n.service.Active
	if n.status, err = readStatus(ctx, r, n.unit, s.login); err != nil {
		return n, err
	}
	if n.dataDir, err = s.findDataDir(ctx, r, n.status); err != nil {
		return n, err
	}
	n.raw, n.grastate, err = readGrastate(ctx, r, n.grastatePath())
	return n, err
}

func readGrastate(ctx context.Context, r steps.Reader, file string) ([]byte, grastate, error) {
	data, err := r.ReadFile(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, grastate{}, nil
	}
	if err != nil {
		return nil, grastate{}, err
	}
	g, err := parseGrastate(data)
	return data, g, err
}

// dataDirQuery asks the option files, for a server that is stopped. Only the
// two options leave the host: what else they hold may be secret. MySQL's
// program does not know --mysqld.
func dataDirQuery() steps.Command {
	const script = `# the data directory by the option files
{ my_print_defaults --mysqld || my_print_defaults mysqld server; } 2>/dev/null |
grep -E '^--(datadir|wsrep[-_]data[-_]home[-_]dir)='; exit 0`
	return steps.Command{Argv: []string{"sh", "-c", script}}
}

func (s *step) findDataDir(ctx context.Context, r steps.Reader, st status) (string, error) {
	if s.dataDir != "" {
		return s.dataDir, nil
	}
	if st.up && st.dataDir != "" {
		return path.Clean(st.dataDir), nil
	}
	out, err := r.Query(ctx, dataDirQuery())
	if err != nil {
		return "", err
	}
	return parseDataDir(string(out.Stdout)), nil
}

// parseDataDir picks the directory of grastate.dat from a server's options:
// the last one of a name counts, and Galera's own option goes before the
// server's. A relative or missing one leaves the usual place.
func parseDataDir(options string) string {
	data, home := "", ""
	for line := range strings.Lines(options) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name == "--datadir" {
			data = value
		} else if strings.ReplaceAll(name, "_", "-") == "--wsrep-data-home-dir" {
			home = value
		}
	}
	for _, dir := range []string{home, data} {
		if path.IsAbs(dir) {
			return path.Clean(dir)
		}
	}
	return "/var/lib/mysql"
}
