package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// File is what Snapshot knows of one path. Two are the same with ==.
type File struct {
	Mode   fs.FileMode // type and permission bits
	UID    int
	GID    int
	Size   int64  // regular files only
	MTime  int64  // nanoseconds since 1970
	SHA256 string // of a regular file's contents, in hex
	Link   string // where a symbolic link points
}

func (f File) String() string {
	return fmt.Sprintf("%s %d:%d %s %s%s", f.Mode, f.UID, f.GID, time.Unix(0, f.MTime).UTC().Format(time.RFC3339Nano), f.SHA256, f.Link)
}

// Snapshot walks files and trees of the host and returns what it finds under
// each absolute path. A path that is not there is not in the map, so that two
// snapshots compare with maps.Equal. A host without power is read as well.
func (n *Node) Snapshot(ctx context.Context, paths ...string) (map[string]File, error) {
	root := n.root()
	if pid, err := n.leader(); err == nil {
		root = fmt.Sprintf("/proc/%d/root", pid) // sees what is mounted inside the host too
	}
	found := map[string]File{}
	for _, p := range paths {
		if err := snapshotTree(ctx, root, filepath.Clean("/"+p), found); err != nil {
			return nil, fmt.Errorf("%s: snapshot of %s: %w", n.name, p, err)
		}
	}
	return found, nil
}

// snapshotTree opens the start with links resolved inside the host, never on
// this machine, and does not follow any below it.
func snapshotTree(ctx context.Context, root, start string, found map[string]File) error {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(dir) }()
	parent, err := unix.Openat2(dir, filepath.Dir(start), &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(parent) }()
	base := fmt.Sprintf("/proc/self/fd/%d/%s", parent, filepath.Base(start))
	return filepath.WalkDir(base, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = describe(path, filepath.Join(start, strings.TrimPrefix(path, base)), found)
		}
		if errors.Is(err, fs.ErrNotExist) { // vanished while we looked, or never was
			return nil
		}
		return err
	})
}

func describe(path, name string, found map[string]File) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	f := File{Mode: info.Mode(), MTime: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		f.UID, f.GID = int(st.Uid), int(st.Gid)
	}
	switch {
	case info.Mode().IsRegular():
		f.Size = info.Size()
		f.SHA256, err = digest(path)
	case info.Mode()&fs.ModeSymlink != 0:
		f.Link, err = os.Readlink(path)
	}
	if err == nil {
		found[name] = f
	}
	return err
}

func digest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Process is one process of a host, kernel threads excepted.
type Process struct {
	PID  int // as the host counts
	UID  int
	Args []string
}

func (p Process) String() string {
	return fmt.Sprintf("%d (uid %d) %s", p.PID, p.UID, strings.Join(p.Args, " "))
}

// Processes lists what runs on the host in order of pid; a host without power
// runs nothing.
func (n *Node) Processes() ([]Process, error) {
	leader, err := n.leader()
	if err != nil {
		return nil, nil
	}
	ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", leader))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.name, err)
	}
	var list []Process
	for _, name := range entries("/proc") {
		if p, ok := processIn(ns, name); ok {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b Process) int { return a.PID - b.PID })
	return list, nil
}

// processIn reads /proc/PID if that is a process of the pid namespace.
func processIn(ns, pid string) (Process, bool) {
	if _, err := strconv.Atoi(pid); err != nil {
		return Process{}, false
	}
	if its, err := os.Readlink("/proc/" + pid + "/ns/pid"); err != nil || its != ns {
		return Process{}, false
	}
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return Process{}, false
	}
	args, err := os.ReadFile("/proc/" + pid + "/cmdline")
	if err != nil {
		return Process{}, false
	}
	p := parseStatus(string(status))
	p.Args = strings.Split(strings.TrimRight(string(args), "\x00"), "\x00")
	return p, true
}

func parseStatus(status string) Process {
	var p Process
	for line := range strings.Lines(status) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "NSpid:":
			p.PID, _ = strconv.Atoi(f[len(f)-1]) // the kernel writes numbers
		case "Uid:":
			p.UID, _ = strconv.Atoi(f[1])
		}
	}
	return p
}
