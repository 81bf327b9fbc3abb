package main

import (
	"testing"

	"lockstep/cmd/lockstep-lab/lab"
)

// TestTheNextRunFinishesWhatAKilledOneBegan kills the program at three moments
// of the main job: with new files and an old cluster, with one node stopped,
// and with a cluster of one.
func TestTheNextRunFinishesWhatAKilledOneBegan(t *testing.T) {
	for _, row := range []struct {
		name   string
		moment func(event) bool
	}{
		{"before the first stop", func(e event) bool { return e.Event == "stage" && e.Stage == 3 }},
		{"after the first stop", func(e event) bool { return e.Host == "node3" && did(e, "stop") }},
		{"after the bootstrap", func(e event) bool { return did(e, "bootstrap the cluster") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, plan := plaintext(t), example(t)
			killedAt(t, l, plan, row.name, row.moment)
			finish(t, l, plan)
		})
	}
}

// did reports whether a step's event tells of an act.
func did(e event, act string) bool {
	for _, x := range e.Edits {
		if e.Status == "changed" && x.Summary == act {
			return true
		}
	}
	return false
}

func apply(l *lab.Lab, plan string) []string {
	return []string{"apply", "-y", "--json", "-i", l.Path("inventory.yml"), plan}
}

func killedAt(t *testing.T, l *lab.Lab, plan, what string, moment func(event) bool) {
	t.Helper()
	afterwards(t, l, "rm", "-rf", "/run/lockstep") // what the last command said waits there for whoever asks
	run := start(t, apply(l, plan)...)
	run.until(what, moment)
	run.kill()
	if whole(t, l) && wasEncrypted(t, l) {
		t.Error("the killed run had finished its job; this proves nothing")
	}
}

// finish lets another run go on, and proves that nothing is left to do.
func finish(t *testing.T, l *lab.Lab, plan string) {
	t.Helper()
	exits(t, exitDone, lockstep(t, "", apply(l, plan)...))
	wantWhole(t, l)
	wantEncrypted(t, l)
	wantNoStrayFile(t, l)
	exits(t, exitDone, lockstep(t, "", "plan", "--detailed-exitcode", "-i", l.Path("inventory.yml"), plan))
}

// wasEncrypted reports whether every server replicates by TLS only.
func wasEncrypted(t *testing.T, l *lab.Lab) bool {
	t.Helper()
	for _, n := range l.Nodes() {
		if got, err := n.SQL(t.Context(), "SELECT @@wsrep_provider_options LIKE '%gmcast.listen_addr = ssl://%'"); err != nil || got != "1" {
			return false
		}
	}
	return true
}
