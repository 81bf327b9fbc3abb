package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The tmpfs of a lab:
//
//	mnt/base            what all hosts share over the machine's /, read only
//	mnt/nodeN/{upper,work,root}
func (l *Lab) mnt(elem ...string) string {
	return filepath.Join(append([]string{l.dir, "mnt"}, elem...)...)
}

// mountTmpfs holds the hosts' own files in memory; a node with a database
// needs 160-210 MB, twice that during a transfer.
func (l *Lab) mountTmpfs() error {
	if err := os.MkdirAll(l.mnt(), 0o755); err != nil {
		return err
	}
	size := fmt.Sprintf("size=%dm,mode=755", 256+768*l.opts.Nodes)
	if err := unix.Mount("lockstep-lab", l.mnt(), "tmpfs", 0, size); err != nil {
		return fmt.Errorf("tmpfs on %s: %w", l.mnt(), err)
	}
	return nil
}

// mountOverlay stacks upper over the lower directories (the first is the
// topmost) and shows the result at root. The paths contain no colon or comma:
// Up checks the state directory for them.
func mountOverlay(at string, lower ...string) (root string, err error) {
	upper, work, root := filepath.Join(at, "upper"), filepath.Join(at, "work"), filepath.Join(at, "root")
	for _, d := range []string{upper, work, root} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return "", err
		}
	}
	opts := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", strings.Join(lower, ":"), upper, work)
	if err := unix.Mount("overlay", root, "overlay", 0, opts); err != nil {
		return "", fmt.Errorf("overlay on %s: %w", root, err)
	}
	return root, nil
}

// unmountAll takes down every mount below the state directory, newest first.
func (l *Lab) unmountAll() error {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(mountsBelow(string(data), l.dir)) {
		if err := unmount(m); err != nil {
			return err
		}
	}
	return nil
}

// unmount detaches when something still looks into the mount: the processes
// of the lab are gone by then, so it is a stranger's shell at worst.
func unmount(target string) error {
	err := unix.Unmount(target, 0)
	if errors.Is(err, unix.EBUSY) {
		err = unix.Unmount(target, unix.MNT_DETACH)
	}
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmounting %s: %w", target, err)
	}
	return nil
}

// mountsBelow lists the mount points below dir in the order they were made.
func mountsBelow(mountinfo, dir string) []string {
	var found []string
	for line := range strings.Lines(mountinfo) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		if at := unescapeMount(f[4]); strings.HasPrefix(at, dir+"/") {
			found = append(found, at)
		}
	}
	return found
}

func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
