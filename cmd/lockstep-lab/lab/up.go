package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
)

// ErrUp is returned by Up, wrapped, when the lab is up already in another
// shape; callers that only want some lab may go on.
var ErrUp = errors.New("the lab is up already")

// Up makes the lab and returns when all hosts answer and the cluster is
// synced. A running lab of the same shape is left alone; what a crashed Up
// left is cleared first. When ctx ends midway, Down or another Up cleans up.
func (l *Lab) Up(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	if err := l.claim(); err != nil {
		return err
	}
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := l.load(); err != nil {
		return err
	}
	if l.anyRunning() && l.ready {
		return l.alreadyUp(o)
	}
	return l.rebuild(ctx, o)
}

// Reset puts a lab back to its start state: fresh hosts, a plaintext cluster,
// no rows; keys, passwords and addresses stay.
func (l *Lab) Reset(ctx context.Context) error {
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := l.load(); err != nil {
		return err
	}
	if len(l.nodes) == 0 {
		return fmt.Errorf("no lab at %s; `lockstep-lab up` makes one", l.dir)
	}
	return l.rebuild(ctx, l.opts)
}

func (l *Lab) rebuild(ctx context.Context, o Options) error {
	if err := l.become(o, false); err != nil {
		return err
	}
	if err := l.save(false); err != nil {
		return err
	}
	if err := l.teardown(ctx); err != nil {
		return err
	}
	return l.build(ctx)
}

// alreadyUp judges a running lab against what was asked for.
func (l *Lab) alreadyUp(o Options) error {
	if l.opts != o {
		return fmt.Errorf("%w at %s: %s, not %s; take it down first", ErrUp, l.dir, l.opts, o)
	}
	var off []string
	for _, n := range l.nodes {
		if !n.Running() {
			off = append(off, n.name)
		}
	}
	if len(off) > 0 {
		return fmt.Errorf("%w at %s, but %s has no power; `lockstep-lab reset` starts all hosts afresh", ErrUp, l.dir, strings.Join(off, ", "))
	}
	l.log.Info("already up", "dir", l.dir, "shape", l.opts.String())
	return nil
}

func (l *Lab) anyRunning() bool {
	for _, n := range l.nodes {
		if n.Running() {
			return true
		}
	}
	return false
}

// build makes everything from a cleared state. The snapshot is used when it
// is there and made when it is not.
func (l *Lab) build(ctx context.Context) error {
	if err := l.checkSubnet(); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		l.installPackages, l.makeLayers, l.makeNetwork, l.bootAll, l.checkBridge, l.startDatabase,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return l.save(true)
}

func (l *Lab) makeLayers(ctx context.Context) error {
	if err := l.makeSecrets(); err != nil {
		return err
	}
	if err := l.writeOperatorFiles(); err != nil {
		return err
	}
	if err := l.mountTmpfs(); err != nil {
		return err
	}
	l.log.Info("making hosts", "shape", l.opts.String())
	if err := l.makeBase(ctx); err != nil {
		return err
	}
	for _, n := range l.nodes {
		if err := n.makeRoot(); err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
	}
	return nil
}

func (l *Lab) makeNetwork(ctx context.Context) error {
	if err := l.makeBridge(ctx); err != nil {
		return err
	}
	for _, n := range l.nodes {
		if err := n.plug(ctx); err != nil {
			return err
		}
	}
	return nil
}

// bootAll starts all hosts; the first one after it has lent its root to the
// preparation of the snapshot, if that is still to be made.
func (l *Lab) bootAll(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, n := range l.nodes {
		g.Go(func() error {
			if n.index == 1 && !l.opts.NoDatabase && !l.hasSeed() {
				if err := l.makeSeed(ctx, n); err != nil {
					return err
				}
			}
			if err := n.boot(); err != nil {
				return err
			}
			return n.waitReachable(ctx)
		})
	}
	return g.Wait()
}

func (l *Lab) startDatabase(ctx context.Context) error {
	if l.opts.NoDatabase {
		return nil
	}
	for _, n := range l.nodes {
		if err := n.plantSeed(ctx, n.index == 1); err != nil {
			return err
		}
	}
	return l.startCluster(ctx)
}

// makeRoot gives the host its own files over the shared layer.
func (n *Node) makeRoot() error {
	if _, err := mountOverlay(n.lab.mnt(n.name), n.lab.mnt("base", "upper"), "/"); err != nil {
		return err
	}
	files := map[string]string{
		"etc/hostname":   n.name + "\n",
		"etc/hosts":      hostsText(n.lab.nodes),
		"etc/machine-id": machineID(n.lab.dir, n.name) + "\n",
	}
	for path, text := range files {
		if err := writeFile(n.path(path), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := n.copyHostKeys(); err != nil {
		return err
	}
	if n.lab.opts.NoDatabase {
		return nil
	}
	ids, err := databaseOwner()
	if err != nil {
		return err
	}
	return n.writeDatabaseConfig(ids)
}

func (n *Node) copyHostKeys() error {
	keys, _ := filepath.Glob(n.lab.Path(filepath.Join("nodes", n.name, "ssh_host_*"))) // the pattern is valid
	for _, k := range keys {
		data, err := os.ReadFile(k)
		if err != nil {
			return err
		}
		mode := os.FileMode(0o600)
		if strings.HasSuffix(k, ".pub") {
			mode = 0o644
		}
		if err := writeFile(n.path("etc/ssh/"+filepath.Base(k)), data, mode); err != nil {
			return err
		}
	}
	return nil
}
