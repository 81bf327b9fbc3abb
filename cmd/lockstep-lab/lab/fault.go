package lab

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
)

// Cut pulls the host's network cable: nothing passes, nobody is told.
func (n *Node) Cut(ctx context.Context) error { return n.cable(ctx, "down") }

// Mend puts the cable back.
func (n *Node) Mend(ctx context.Context) error { return n.cable(ctx, "up") }

func (n *Node) cable(ctx context.Context, state string) error {
	if _, err := run(ctx, "ip", "link", "set", n.lab.names.veth(n.index), state); err != nil {
		return fmt.Errorf("%s: cable %s: %w", n.name, state, err)
	}
	return nil
}

// PowerOff takes the host's power away: no process ends in order and no
// connection is closed. The file system stays as it was at that moment.
func (n *Node) PowerOff(ctx context.Context) error {
	if err := n.Cut(ctx); err != nil {
		return err
	}
	if err := killCgroup(ctx, n.lab.names.cgroup(n.index)); err != nil {
		return err
	}
	return n.unplug(ctx)
}

// Boot gives power to a host that PowerOff took it from and returns when sshd
// answers. Services that are enabled, the database among them, start by
// themselves; WaitSynced tells when it has rejoined.
func (n *Node) Boot(ctx context.Context) error {
	if n.Running() {
		return fmt.Errorf("%s has power already", n.name)
	}
	if err := n.unplug(ctx); err != nil {
		return err
	}
	if err := n.plug(ctx); err != nil {
		return err
	}
	if err := n.boot(); err != nil {
		return err
	}
	return n.waitReachable(ctx)
}

// TinyDisk puts a file system of size bytes over a directory of the host, with
// the directory's contents in it; it is an error when they do not fit. Running
// processes keep the files they have open. The returned function takes it away
// again and carries the contents back.
func (n *Node) TinyDisk(ctx context.Context, dir string, size int64) (restore func(context.Context) error, err error) {
	const place = `set -eu
side=$(mktemp -d /run/tinydisk.XXXXXX)
mount -t tmpfs -o "size=$2,mode=755" tinydisk "$side"
status=0
cp -a "$1/." "$side/" && mount --bind "$side" "$1" || status=$?
umount "$side"
rmdir "$side"
exit $status`
	const carryBack = `set -eu
mountpoint -q "$1" || exit 0 # lost its power, and the disk with it
side=$(mktemp -d /run/tinydisk.XXXXXX)
cp -a "$1/." "$side/"
umount -l "$1"
find "$1" -mindepth 1 -delete
cp -a "$side/." "$1/"
rm -rf "$side"`
	dir = filepath.Clean(dir)
	if _, err := n.Run(ctx, "sh", "-c", place, "tinydisk", dir, strconv.FormatInt(size, 10)); err != nil {
		return nil, fmt.Errorf("a disk of %d bytes on %s: %w", size, dir, err)
	}
	return func(ctx context.Context) error {
		_, err := n.Run(ctx, "sh", "-c", carryBack, "tinydisk", dir)
		return err
	}, nil
}
