package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// pause is two served hosts, and a plan whose step on the first says when it
// has begun and waits to be let on.
type pause struct{ dir, plan string }

func newPause(t *testing.T) pause {
	t.Helper()
	dir := t.TempDir()
	end, err := servedHosts(dir, 2)
	t.Cleanup(end)
	must(t, err)
	p := pause{dir, filepath.Join(dir, "wait.yml")}
	must(t, errors.Join(syscall.Mkfifo(p.file("web1/begun"), 0o600), syscall.Mkfifo(p.file("web1/go"), 0o600)))
	must(t, os.WriteFile(p.plan, []byte(`hosts: web
steps:
  - name: one after another
    serial: 1
    steps:
      - command:
          script: |
            if [ -p {{ root }}/begun ]; then
              echo >{{ root }}/begun
              read -r line <{{ root }}/go
            fi
            echo done >{{ root }}/done
          creates: "{{ root }}/done"
`), 0o600))
	return p
}

func (p pause) file(name string) string { return filepath.Join(p.dir, name) }

// start begins to apply and returns once the step on the first host runs.
func (p pause) start(t *testing.T) *live {
	t.Helper()
	return p.begin(t, program(t, "apply", "-y", "--json", p.plan))
}

// begin is start for a program that was prepared.
func (p pause) begin(t *testing.T, cmd *exec.Cmd) *live {
	t.Helper()
	run := begin(t, cmd)
	run.until("the stage", func(e event) bool { return e.Event == "stage" })
	_, err := os.ReadFile(p.file("web1/begun"))
	must(t, err)
	return run
}

// wantDone compares what the step has made on each host.
func (p pause) wantDone(t *testing.T, want map[string]bool) {
	t.Helper()
	for host, done := range want {
		if _, err := os.Stat(p.file(host + "/done")); (err == nil) != done {
			t.Errorf("%s: done is %v; want %v", host, err == nil, done)
		}
	}
}

// TestFinishesWhenNobodyListensAnyMore: a pager that was closed, or a tee that
// died, is no reason to leave a cluster half done.
func TestFinishesWhenNobodyListensAnyMore(t *testing.T) {
	p := newPause(t)
	run := p.start(t)
	must(t, run.out.Close())
	must(t, os.WriteFile(p.file("web1/go"), []byte("\n"), 0o600))
	if got := codeOf(t, run.cmd.Wait()); got != exitDone {
		t.Errorf("exit code: got %d, want %d\nstderr:\n%s", got, exitDone, run.stderr.String())
	}
	p.wantDone(t, map[string]bool{"web1": true, "web2": true})
}

// TestInterruptedTwiceItBreaksOffTheCommand, which waits for what never comes.
func TestInterruptedTwiceItBreaksOffTheCommand(t *testing.T) {
	p := newPause(t)
	run := p.start(t)
	must(t, run.cmd.Process.Signal(os.Interrupt))
	run.stderr.wait(t, "interrupt again to break it off")
	must(t, run.cmd.Process.Signal(os.Interrupt))
	o := exits(t, exitInterrupted, run.end())
	wantWords(t, o.lastLine(), "exit 130: interrupted", "run apply again to go on")
	if f, err := os.OpenFile(p.file("web1/go"), os.O_WRONLY|syscall.O_NONBLOCK, 0); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("the command still waits: open for writing gives %v, want %v", err, syscall.ENXIO)
		_ = f.Close() // nil when there was another error
	}
	p.wantDone(t, map[string]bool{"web1": false, "web2": false})
}
