package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"lockstep/executor/saved"
)

// saves makes a saved plan of a plan beside the hosts of dir.
func saves(t *testing.T, dir, text string) (file string) {
	t.Helper()
	plan := filepath.Join(dir, "saved.yml")
	must(t, os.WriteFile(plan, []byte(text), 0o600))
	file = filepath.Join(dir, "plan.json")
	exits(t, exitDone, lockstep(t, "", "plan", "-o", file, plan))
	return file
}

// TestASavedPlanIsForItsHosts and for none that took the place of one.
func TestASavedPlanIsForItsHosts(t *testing.T) {
	dir := t.TempDir()
	end, err := servedHosts(dir, 2)
	t.Cleanup(end)
	must(t, err)
	file := saves(t, dir, "hosts: web\nsteps:\n  - copy: {dest: \"{{ root }}/f\", content: x}\n")
	data, err := os.ReadFile(file)
	must(t, err)
	p, err := saved.Parse(file, data)
	must(t, err)
	p.Hosts[1].Key = "SHA256:another"
	must(t, saved.Write(file, p))
	got := exits(t, exitRefused, lockstep(t, "", "apply", file))
	wantWords(t, got.stderr, "web2 has another host key: planned SHA256:another, now SHA256:", "not the hosts of the plan")
	for _, host := range []string{"web1", "web2"} {
		if _, err := os.Stat(filepath.Join(dir, host, "f")); err == nil {
			t.Errorf("%s was changed", host)
		}
	}
}

// TestWhatChangesWhileASavedPlanRunsIsNotOverwritten: web1 is at work when
// somebody changes web2.
func TestWhatChangesWhileASavedPlanRunsIsNotOverwritten(t *testing.T) {
	p := newPause(t)
	file := saves(t, p.dir, `hosts: web
steps:
  - name: one after another
    serial: 1
    steps:
      - command: {script: "echo >{{ root }}/begun; read -r line <{{ root }}/go"}
        when: host == "web1"
      - copy: {dest: "{{ root }}/conf", content: "ours\n"}
`)
	run := p.begin(t, program(t, "apply", "--json", file))
	must(t, errors.Join(
		os.WriteFile(p.file("web2/conf"), []byte("theirs\n"), 0o600),
		os.WriteFile(p.file("web1/go"), []byte("\n"), 0o600)))
	exits(t, exitFailed, run.end())
	if got, err := os.ReadFile(p.file("web2/conf")); err != nil || string(got) != "theirs\n" {
		t.Errorf("got %q, %v", got, err)
	}
	wantWords(t, lockstep(t, "", "show", "last").stdout, "web2 1.2 copy .failed.: it would now do something else than was approved", "planned: absent; now: 7 bytes")
}

// TestASavedPlanWithAPauseNeedsSomebody who can be asked on the way.
func TestASavedPlanWithAPauseNeedsSomebody(t *testing.T) {
	dir := t.TempDir()
	end, err := servedHosts(dir, 1)
	t.Cleanup(end)
	must(t, err)
	file := saves(t, dir, "hosts: web\nsteps:\n  - copy: {dest: \"{{ root }}/f\", content: x}\n  - pause: well?\n")
	wantWords(t, exits(t, exitUsage, lockstep(t, "", "apply", file)).stderr, "the plan has a pause", "--auto-approve")
	exits(t, exitDone, lockstep(t, "", "apply", "-y", file))
}

// TestASavedPlanIsStoppedAndCarriedOutAgain: the same file goes on with what a
// killed run left.
func TestASavedPlanIsStoppedAndCarriedOutAgain(t *testing.T) {
	p := newPause(t)
	file := filepath.Join(p.dir, "plan.json")
	exits(t, exitDone, lockstep(t, "", "plan", "-o", file, p.plan))
	run := p.begin(t, program(t, "apply", "--json", file))
	must(t, syscall.Kill(run.cmd.Process.Pid, syscall.SIGKILL))
	_ = run.cmd.Wait()
	must(t, os.WriteFile(p.file("web1/go"), []byte("\n"), 0o600)) // the command on the host lives on
	must(t, os.Remove(p.file("web1/begun")))
	exits(t, exitDone, lockstep(t, "", "apply", file))
	p.wantDone(t, map[string]bool{"web1": true, "web2": true})
}
