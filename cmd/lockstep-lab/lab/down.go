package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Down ends every process of the lab and removes all that belongs to it, the
// state directory included. It needs no memory of Up and may be repeated.
func (l *Lab) Down(ctx context.Context) error {
	if _, err := os.Stat(l.dir); errors.Is(err, fs.ErrNotExist) {
		return l.teardown(ctx)
	}
	if err := l.mine(); err != nil {
		return err
	}
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := l.teardown(ctx); err != nil {
		return err
	}
	if err := l.unmountedOrRefuse(); err != nil {
		return err
	}
	if err := restoreInotify(inotifyPath, l.inotifySaved()); err != nil {
		return err
	}
	if err := os.RemoveAll(l.dir); err != nil {
		return fmt.Errorf("removing the state directory: %w", err)
	}
	l.nodes, l.opts, l.ready = nil, Options{}, false
	return nil
}

// teardown removes what runs and what is mounted; files of the state
// directory stay, the snapshot among them.
func (l *Lab) teardown(ctx context.Context) error {
	if err := killCgroup(ctx, l.names.prefix); err != nil {
		return err
	}
	if err := l.removeNetwork(ctx); err != nil {
		return err
	}
	if err := l.removeTraces(); err != nil {
		return err
	}
	return errors.Join(l.unmountAll(), removeGuard(guardPath))
}

// removeTraces clears what systemd-nspawn leaves behind when it is killed:
// locks named after a root's inode (so they are looked up before it is
// unmounted) and folders named after a machine.
func (l *Lab) removeTraces() error {
	const nspawn = "/run/systemd/nspawn"
	var errs []error
	for _, name := range entries(l.mnt()) {
		var st unix.Stat_t
		if unix.Stat(l.mnt(name, "root"), &st) == nil {
			errs = append(errs, removeIfThere(fmt.Sprintf("%s/locks/inode-%d:%d", nspawn, st.Dev, st.Ino)))
		}
	}
	for _, name := range entries(nspawn + "/propagate") {
		if l.names.owns(name) {
			errs = append(errs, os.RemoveAll(filepath.Join(nspawn, "propagate", name)))
		}
	}
	for _, dir := range []string{nspawn + "/locks", nspawn + "/propagate", nspawn} {
		_ = os.Remove(dir) // stays when another container of this machine uses it
	}
	return errors.Join(errs...)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// claim makes the state directory ours, or refuses one that holds other
// things: Down will remove it.
func (l *Lab) claim() error {
	if strings.ContainsAny(l.dir, ":,\\ \t\n\"'") {
		return fmt.Errorf("state directory %q: choose a path without blanks, quotes, colon, comma and backslash", l.dir)
	}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	return l.mine()
}

// mine says whether the directory is a lab's, or empty.
func (l *Lab) mine() error {
	list, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.Name() == "lab.json" || strings.HasPrefix(e.Name(), ".lab.json.") {
			return nil
		}
	}
	if len(list) > 0 {
		return fmt.Errorf("%s is not the state directory of a lab and not empty (it has %s); choose another with --dir", l.dir, list[0].Name())
	}
	return nil
}

// lock keeps Up, Down and Reset of the same lab apart. The kernel drops it
// with the process, however that ends.
func (l *Lab) lock() (unlock func(), err error) {
	fd, err := unix.Open(l.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no lab at %s; `lockstep-lab up` makes one", l.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", l.dir, err)
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("another lockstep-lab is at work on %s; wait for it to end", l.dir)
	}
	return func() { _ = unix.Close(fd) }, nil
}

func (l *Lab) unmountedOrRefuse() error {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	if left := mountsBelow(string(data), l.dir); len(left) > 0 {
		return fmt.Errorf("%s is still mounted; nothing was removed from %s", left[0], l.dir)
	}
	return nil
}
