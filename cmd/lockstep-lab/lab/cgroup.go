package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// hierarchies are the cgroup trees systemd works in: the unified one first
// (alone on a cgroup v2 machine), then the named v1 tree of a hybrid one.
func hierarchies() ([]string, error) {
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	trees := parseHierarchies(string(data))
	if len(trees) == 0 {
		return nil, errors.New("no cgroup2 tree is mounted on this machine; systemd hosts need one (mount -t cgroup2 none /sys/fs/cgroup)")
	}
	return trees, nil
}

func parseHierarchies(mounts string) []string {
	var unified, named []string
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		if f[2] == "cgroup2" && unified == nil {
			unified = []string{f[1]}
		}
		if f[2] == "cgroup" && slices.Contains(strings.Split(f[3], ","), "name=systemd") {
			named = []string{f[1]}
		}
	}
	if unified == nil {
		return nil
	}
	return append(unified, named...)
}

// makeCgroup creates a group in every tree and returns its directories.
func makeCgroup(name string) ([]string, error) {
	trees, err := hierarchies()
	if err != nil {
		return nil, err
	}
	for i, t := range trees {
		trees[i] = filepath.Join(t, name)
		if err := os.MkdirAll(trees[i], 0o755); err != nil {
			return nil, fmt.Errorf("cgroup %s: %w", name, err)
		}
	}
	return trees, nil
}

// cgroupPIDs are the processes in a group and below it, in any tree.
func cgroupPIDs(name string) []int {
	trees, err := hierarchies()
	if err != nil {
		return nil
	}
	var pids []int
	for _, t := range trees {
		for _, dir := range subgroups(filepath.Join(t, name)) {
			data, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs")) // a group may vanish while we look
			for _, f := range strings.Fields(string(data)) {
				if pid, err := strconv.Atoi(f); err == nil && pid > 0 {
					pids = append(pids, pid)
				}
			}
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// subgroups lists a group's directories, the deepest last.
func subgroups(root string) []string {
	var dirs []string
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	return dirs
}

// killCgroup ends every process of a group and removes it. An absent group is
// fine.
func killCgroup(ctx context.Context, name string) error {
	err := poll(ctx, 20*time.Second, 20*time.Millisecond, "ending the processes of "+name, func(context.Context) error {
		pids := cgroupPIDs(name)
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(pids) > 0 {
			return fmt.Errorf("%d processes still there", len(pids))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return removeCgroup(ctx, name)
}

func removeCgroup(ctx context.Context, name string) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	return poll(ctx, 5*time.Second, 20*time.Millisecond, "removing cgroup "+name, func(context.Context) error {
		var last error
		for _, t := range trees {
			for _, dir := range slices.Backward(subgroups(filepath.Join(t, name))) {
				if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
					last = fmt.Errorf("%s: %w", dir, err)
				}
			}
		}
		return last
	})
}
