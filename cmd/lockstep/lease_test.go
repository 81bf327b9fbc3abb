package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"lockstep/executor"
)

// TestTwoRunsDoNotChangeTheSameHosts: while one changes them, the other is
// refused; when that one was killed, the other goes on at once.
func TestTwoRunsDoNotChangeTheSameHosts(t *testing.T) {
	p := newPause(t)
	first := p.start(t)
	got := lockstep(t, "", "apply", "-y", p.plan)
	if got.code != exitRefused || !strings.Contains(got.stdout+got.stderr, fmt.Sprintf("process %d", first.cmd.Process.Pid)) || !strings.Contains(got.stderr, "before anything was changed") {
		t.Errorf("while the first runs: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	p.wantDone(t, map[string]bool{"web1": false, "web2": false})

	must(t, syscall.Kill(first.cmd.Process.Pid, syscall.SIGKILL))
	_ = first.cmd.Wait()
	must(t, os.WriteFile(p.file("web1/go"), []byte("\n"), 0o600)) // the command on the host lives on
	must(t, os.Remove(p.file("web1/begun")))
	if got := lockstep(t, "", "apply", "-y", p.plan); got.code != exitDone {
		t.Errorf("behind a killed run: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	p.wantDone(t, map[string]bool{"web1": true, "web2": true})
	if got := lockstep(t, "", "unlock", p.plan); got.code != exitDone || !strings.Contains(got.stderr, "no run holds") {
		t.Errorf("unlock behind all runs: exit code %d\n%s", got.code, got.stderr)
	}
}

func TestUnlockTakesAForeignHoldAway(t *testing.T) {
	p := newPause(t)
	must(t, os.Remove(p.file("web1/begun")))
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	must(t, err)
	must(t, os.Mkdir(p.file("run2"), 0o700))
	must(t, os.WriteFile(p.file("run2/lease"), fmt.Appendf(nil, "OTHER\n999999999\n%seve@elsewhere\n0000/pid:[1]/1/1\n", boot), 0o600))
	if got := lockstep(t, "", "apply", "-y", p.plan); got.code != exitRefused || !strings.Contains(got.stdout+got.stderr, "eve@elsewhere holds it") || !strings.Contains(got.stdout+got.stderr, "lockstep unlock") {
		t.Errorf("apply: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if got := lockstep(t, "", "unlock", p.plan); got.code != exitRefused || !strings.Contains(got.stderr, "web2 is held by eve@elsewhere") {
		t.Errorf("nobody said yes: exit code %d\n%s", got.code, got.stderr)
	}
	if got := lockstep(t, "", "unlock", "-y", p.plan); got.code != exitDone {
		t.Errorf("unlock: exit code %d\n%s", got.code, got.stderr)
	}
	if got := lockstep(t, "", "apply", "-y", p.plan); got.code != exitDone {
		t.Errorf("apply behind it: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

func TestAProcessThatEndedIsKnown(t *testing.T) {
	if _, err := os.Stat("/proc/self/ns/pid"); err != nil && os.Getenv("CI") == "true" {
		t.Fatal("CI leaves nothing out, and there is no /proc here")
	} else if err != nil {
		t.Skip("there is no /proc here")
	}
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	l := executor.Lease{Place: placeOf(cmd.Process.Pid)}
	if l.Place == "" || ended(l) {
		t.Errorf("a process at %q is taken for ended", l.Place)
	}
	must(t, in.Close())
	must(t, cmd.Wait())
	if !ended(l) {
		t.Error("it ended, and is waited for")
	}
	own := strings.Split(placeOf(os.Getpid()), "/")
	for _, place := range []string{"", "x", "other/" + own[1] + "/1/1", own[0] + "/other/1/1", own[0] + "/" + own[1] + "/x/1"} {
		if ended(executor.Lease{Place: place}) {
			t.Errorf("a process at %q is taken for ended", place)
		}
	}
	if !ended(executor.Lease{Place: own[0] + "/" + own[1] + "/1/999"}) {
		t.Error("another process with the number is taken for the one that ended")
	}
}
