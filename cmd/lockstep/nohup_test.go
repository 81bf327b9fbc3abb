package main

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
)

// TestRunUnderNohupOutlivesItsTerminal: the end of the terminal does not stop a
// run whose caller has it ignored.
func TestRunUnderNohupOutlivesItsTerminal(t *testing.T) {
	p := newPause(t)
	cmd := program(t, "apply", "-y", "--json", p.plan)
	sh, err := exec.LookPath("sh")
	must(t, err)
	cmd.Args = slices.Concat([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:])
	cmd.Path = sh
	run := p.begin(t, cmd)
	must(t, run.cmd.Process.Signal(syscall.SIGHUP))
	must(t, os.WriteFile(p.file("web1/go"), []byte("go\n"), 0o600))
	exits(t, exitDone, run.end())
	p.wantDone(t, map[string]bool{"web1": true, "web2": true})
}
