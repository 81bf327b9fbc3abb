package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"lockstep/executor"
)

// newRun is a name for a run. Names sort by their time.
func newRun() string {
	return time.Now().UTC().Format("20060102-150405.000-") + strings.ToLower(rand.Text()[:4])
}

// lease is what this process holds hosts with.
func lease(run string) executor.Lease {
	return executor.Lease{
		Run:   run,
		Owner: fmt.Sprintf("%s, process %d, since %s", operator(), os.Getpid(), time.Now().Format(time.RFC3339)),
		Place: placeOf(os.Getpid()),
	}
}

// operator is who runs this program, and where.
func operator() string {
	who, where := "somebody", "an unknown machine"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		where = h
	}
	return who + "@" + where
}

// placeOf tells a process from all others that were or are anywhere: the boot of
// its machine, the namespace of its number, the number, and when it began. It is
// empty where the kernel does not tell (proc(5)), or when there is no such process.
func placeOf(pid int) string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	space, err2 := os.Readlink("/proc/self/ns/pid")
	stat, err3 := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(stat), ") ") // the name before may hold anything
	fields := strings.Fields(rest)
	if cmp.Or(err, err2, err3) != nil || !ok || len(fields) < 20 {
		return ""
	}
	return fmt.Sprintf("%s/%s/%d/%s", strings.TrimSpace(string(boot)), space, pid, fields[19])
}

// here reports whether the process of another run is on this machine now.
func here(other executor.Lease) bool {
	f := strings.Split(other.Place, "/")
	if len(f) != 4 {
		return false
	}
	pid, err := strconv.Atoi(f[2])
	return err == nil && placeOf(pid) == other.Place
}

// ended reports whether the process of another run was on this machine and is no
// more.
func ended(other executor.Lease) bool {
	ours, theirs := strings.Split(placeOf(os.Getpid()), "/"), strings.Split(other.Place, "/")
	if len(ours) != 4 || len(theirs) != 4 || ours[0] != theirs[0] || ours[1] != theirs[1] {
		return false
	}
	pid, err := strconv.Atoi(theirs[2])
	return err == nil && placeOf(pid) != other.Place
}
