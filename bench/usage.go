package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what one run of a tool took.
type usage struct {
	Wall   time.Duration
	CPU    time.Duration // of the tool
	Target time.Duration // CPU of the hosts' side
	Peak   int64         // bytes in memory, of all the tool's processes together
}

// measure runs a tool under a process of this program, which becomes the parent
// of whatever the tool leaves behind.
func measure(ctx context.Context, tool *exec.Cmd) (usage, error) {
	self, err := os.Executable()
	if err != nil {
		return usage{}, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{asWatcher}, tool.Args...)...)
	cmd.Env, cmd.Dir = tool.Env, tool.Dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	var said bytes.Buffer
	cmd.Stderr = &said
	answer, err := cmd.Output()
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", strings.Join(tool.Args, " "), err, said.String())
	}
	var u usage
	return u, json.Unmarshal(answer, &u)
}

// sampleEvery is how often the memory of a tool is looked at.
const sampleEvery = 25 * time.Millisecond

// watcher is the process that measure starts. What the tool writes is shown
// only if it fails.
func watcher(ctx context.Context, argv []string, out io.Writer) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	said, err := os.CreateTemp("", "lockstep-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = said.Close() }()
	if err := os.Remove(said.Name()); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	u, err := follow(cmd)
	u.CPU += reap()
	if err != nil {
		text, _ := io.ReadAll(io.NewSectionReader(said, 0, 1<<20))
		return fmt.Errorf("%w\n%s", err, text)
	}
	return json.NewEncoder(out).Encode(u)
}

func follow(cmd *exec.Cmd) (u usage, err error) {
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return u, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			u.Peak = max(u.Peak, resident())
		case err := <-ended:
			u.Wall = time.Since(start)
			u.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			if used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
				u.Peak = max(u.Peak, used.Maxrss<<10)
			}
			return u, err
		}
	}
}

// resident sums what is in memory of all our descendants. A process that is
// gone meanwhile has nothing.
func resident() (sum int64) {
	for _, pid := range descendants(os.Getpid()) {
		sum += memoryOf(pid)
	}
	return sum
}

// memoryOf is what a process has in memory.
func memoryOf(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	f := strings.Fields(string(text))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// ownCPU is what this process took until now.
func ownCPU() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func descendants(pid int) (all []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(append(all, child), descendants(child)...)
			}
		}
	}
	return all
}

// reap ends what is left of a tool and returns the CPU time that it took.
func reap() (cpu time.Duration) {
	for {
		left := descendants(os.Getpid())
		if len(left) == 0 {
			return cpu
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
		for _, pid := range left {
			var used syscall.Rusage
			_, err := syscall.Wait4(pid, nil, 0, &used)
			if errors.Is(err, syscall.ECHILD) { // not ours yet: its parent ends first
				continue
			}
			cpu += time.Duration(used.Utime.Nano() + used.Stime.Nano())
		}
	}
}
