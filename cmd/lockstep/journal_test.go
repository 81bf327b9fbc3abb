package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lockstep/executor/journal"
)

// lastRun is the journal of the last run of the test.
func lastRun(t *testing.T) *journal.Run {
	t.Helper()
	run, err := journal.Open(filepath.Join(stateOf(t), "runs"), "last")
	must(t, err)
	return run
}

// TestAKilledRunIsToldAndResumed: its journal says what was under way, and resume
// goes on with the same choices, from any folder.
func TestAKilledRunIsToldAndResumed(t *testing.T) {
	p := newPause(t)
	cmd := program(t, "apply", "-y", "--json", "-e", "color=blue", "-e", "app_password=Pl4nted", "-l", "web1", filepath.Base(p.plan))
	cmd.Dir = p.dir
	run := p.begin(t, cmd)
	got := lockstep(t, "", "history")
	wantWords(t, got.stdout, "apply", "under way")
	must(t, syscall.Kill(run.cmd.Process.Pid, syscall.SIGKILL))
	_ = run.cmd.Wait()
	j := lastRun(t)
	if acts := j.Acts(); len(acts) != 1 || acts[0].Host != "web1" || acts[0].Step != "1.1" || acts[0].Done != nil || j.End() != nil {
		t.Errorf("got %+v", acts)
	}
	if len(j.Hosts) != 2 || !strings.HasPrefix(j.Hosts[0].Key, "SHA256:") || strings.Join(j.Args.Extra, " ") != "color=blue app_password=<secret>" || j.Args.Limit != "web1" {
		t.Errorf("got %+v", j.Header)
	}
	wantWords(t, lockstep(t, "", "history").stdout, "died before its end")
	wantWords(t, lockstep(t, "", "show", "last").stdout, "web1", "! 1.1", "how it ended is not known", "lockstep resume "+j.ID)

	must(t, os.WriteFile(p.file("web1/go"), []byte("\n"), 0o600)) // the command on the host lives on
	must(t, os.Remove(p.file("web1/begun")))
	got = exits(t, exitUsage, lockstep(t, "", "resume", "-y", "last"))
	wantWords(t, got.stderr, "-e app_password=", "pass it again")
	got = exits(t, exitUsage, lockstep(t, "", "resume", "-y", "-e", "app_password=x", "-e", "color=red", "last"))
	wantWords(t, got.stderr, "-e color", "use apply")
	got = exits(t, exitDone, lockstep(t, "", "resume", "-y", "-e", "app_password=x", "last"))
	if again := lastRun(t); again.ID != j.ID && (again.Of != j.ID || again.Command != "resume") {
		t.Errorf("got %+v", again.Header)
	}
	p.wantDone(t, map[string]bool{"web1": true, "web2": false})
}

// TestResumeRefusesOtherFiles, and says which.
func TestResumeRefusesOtherFiles(t *testing.T) {
	p := newPause(t)
	first := p.start(t)
	must(t, syscall.Kill(first.cmd.Process.Pid, syscall.SIGKILL))
	_ = first.cmd.Wait()
	must(t, os.WriteFile(p.file("web1/go"), []byte("\n"), 0o600))
	must(t, os.Remove(p.file("web1/begun")))
	text, err := os.ReadFile(p.plan)
	must(t, err)
	must(t, os.WriteFile(p.plan, append(text, "# another\n"...), 0o600))
	must(t, os.MkdirAll(p.file("group_vars"), 0o700))
	must(t, os.WriteFile(p.file("group_vars/web.yml"), []byte("x: 1\n"), 0o600))
	got := exits(t, exitRefused, lockstep(t, "", "resume", "-y", "last"))
	wantWords(t, got.stderr, p.plan+" has changed", "group_vars/web.yml is new", "lockstep apply")
	p.wantDone(t, map[string]bool{"web2": false})
	must(t, os.RemoveAll(p.file("group_vars")))
	must(t, os.WriteFile(p.plan, text, 0o600))
	exits(t, exitDone, lockstep(t, "", "resume", "-y", "last"))
	p.wantDone(t, map[string]bool{"web1": true, "web2": true})
	wantWords(t, exits(t, exitDone, lockstep(t, "", "resume", "-y", "last")).stderr, "nothing to go on with")
	got = lockstep(t, "", "show", "--json", "last")
	var first2 journal.Record
	must(t, json.Unmarshal([]byte(strings.SplitN(got.stdout, "\n", 2)[0]), &first2))
	if first2.Type != journal.TypeRun || first2.Run.Command != "resume" {
		t.Errorf("got %s", got.stdout)
	}
}

// TestWithoutAJournalNothingIsChanged: where it cannot be written, the run is
// refused.
func TestWithoutAJournalNothingIsChanged(t *testing.T) {
	p := newPause(t)
	must(t, os.Remove(p.file("web1/begun")))
	cmd := program(t, "apply", "-y", p.plan)
	must(t, os.WriteFile(p.file("no folder"), nil, 0o600))
	cmd.Env = append(cmd.Env, "LOCKSTEP_STATE_DIR="+p.file("no folder"))
	text, err := cmd.CombinedOutput()
	if code := codeOf(t, err); code != exitRefused {
		t.Errorf("exit code %d\n%s", code, text)
	}
	wantWords(t, string(text), "no journal can be written", "LOCKSTEP_STATE_DIR")
	p.wantDone(t, map[string]bool{"web1": false, "web2": false})
}
