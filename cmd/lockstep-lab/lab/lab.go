// Package lab makes throw-away hosts on one machine and puts a plaintext
// MariaDB Galera cluster on them, so that a procedure can be rehearsed and
// tested against real sshd, real systemd and real replication.
//
// It knows namespaces, overlay roots, cgroups and how a cluster starts. It
// refuses to know lockstep: no inventory parsing, no plan, no step. Whatever it
// creates is found again from the state directory, from names derived from
// that directory, and from the mount table; nothing depends on the memory of
// the process that made it.
package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
)

// DefaultSubnet is where the hosts live unless Options says otherwise.
const DefaultSubnet = "10.77.0.0/24"

// maxNodes keeps the addresses inside a /24 that starts its hosts at .11.
const maxNodes = 99

// Options is the shape of a lab. Zero values mean the defaults.
type Options struct {
	Nodes      int    `json:"nodes"`       // how many hosts; 3
	NoDatabase bool   `json:"no_database"` // hosts with sshd and systemd only
	Subnet     string `json:"subnet"`      // IPv4, a /24; DefaultSubnet
}

func (o Options) withDefaults() (Options, error) {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	if o.Subnet == "" {
		o.Subnet = DefaultSubnet
	}
	if o.Nodes < 1 || o.Nodes > maxNodes {
		return o, fmt.Errorf("%d nodes: a lab has 1 to %d", o.Nodes, maxNodes)
	}
	p, err := netip.ParsePrefix(o.Subnet)
	if err != nil || !p.Addr().Is4() || p.Bits() != 24 {
		return o, fmt.Errorf("subnet %q: write an IPv4 /24 such as %s", o.Subnet, DefaultSubnet)
	}
	o.Subnet = p.Masked().String()
	return o, nil
}

func (o Options) String() string {
	what := "a database cluster"
	if o.NoDatabase {
		what = "no database"
	}
	return fmt.Sprintf("%d nodes on %s with %s", o.Nodes, o.Subnet, what)
}

// record is lab.json: what was asked for, and whether Up reached its end.
type record struct {
	Options
	Ready bool `json:"ready"`
}

// Lab is one state directory and everything that belongs to it. Its methods
// may be called from several processes; Up, Down and Reset hold a lock.
type Lab struct {
	dir   string
	names names
	log   *slog.Logger
	nodes []*Node
	opts  Options
	ready bool
}

// Open reads the lab kept in dir, which need not exist yet: Up creates it. A
// nil logger is silent. Nothing is changed and nothing is started.
func Open(dir string, log *slog.Logger) (*Lab, error) {
	if dir == "" {
		dir = DefaultDir()
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", dir, err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l := &Lab{dir: abs, names: namesFor(abs), log: log}
	return l, l.load()
}

// DefaultDir is LOCKSTEP_LAB_DIR, or lockstep-lab in the temporary directory.
func DefaultDir() string {
	if d := os.Getenv("LOCKSTEP_LAB_DIR"); d != "" {
		return d
	}
	return filepath.Join(os.TempDir(), "lockstep-lab")
}

// Dir is the state directory, absolute.
func (l *Lab) Dir() string { return l.dir }

// Options is the shape of the lab as it was brought up; zero before that.
func (l *Lab) Options() Options { return l.opts }

// Ready says whether the last Up or Reset reached its end.
func (l *Lab) Ready() bool { return l.ready }

// Nodes are the hosts in order of their number; empty before Up.
func (l *Lab) Nodes() []*Node { return l.nodes }

// Node finds a host by its name.
func (l *Lab) Node(name string) (*Node, error) {
	for _, n := range l.nodes {
		if n.name == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no host %q in the lab at %s, which has %d", name, l.dir, len(l.nodes))
}

// Path is a file of the state directory: "inventory.yml", "known_hosts",
// "id_ed25519", "app.password", "dba.password", "sst.password".
func (l *Lab) Path(name string) string { return filepath.Join(l.dir, name) }

func (l *Lab) recordPath() string { return l.Path("lab.json") }

func (l *Lab) load() error {
	data, err := os.ReadFile(l.recordPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lab at %s: %w", l.dir, err)
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("%s is not the record of a lab: %w; write {} into it, then `lockstep-lab down`", l.recordPath(), err)
	}
	return l.become(r.Options, r.Ready)
}

// become makes l a lab of this shape in memory.
func (l *Lab) become(o Options, ready bool) error {
	o, err := o.withDefaults()
	if err != nil {
		return fmt.Errorf("lab at %s: %w", l.dir, err)
	}
	l.opts, l.ready, l.nodes = o, ready, nil
	for i := 1; i <= o.Nodes; i++ {
		l.nodes = append(l.nodes, l.newNode(i))
	}
	return nil
}

func (l *Lab) save(ready bool) error {
	data, err := json.MarshalIndent(record{l.opts, ready}, "", "  ")
	if err != nil {
		return err
	}
	l.ready = ready
	return writeFile(l.recordPath(), append(data, '\n'), 0o644)
}

// each runs f for all hosts at once and returns every error there was.
func (l *Lab) each(ctx context.Context, f func(context.Context, *Node) error) error {
	return eachOf(ctx, l.nodes, f)
}

func eachOf(ctx context.Context, nodes []*Node, f func(context.Context, *Node) error) error {
	errs := make(chan error, len(nodes))
	for _, n := range nodes {
		go func() { errs <- f(ctx, n) }()
	}
	var all []error
	for range nodes {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}
