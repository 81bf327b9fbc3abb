package main

import (
	"strings"
	"testing"
)

// TestStopsAtAHostThatIsCutOff: the cable of the second host is pulled while
// the first is worked on. The third is not touched.
func TestStopsAtAHostThatIsCutOff(t *testing.T) {
	l := healthy(t)
	afterwards(t, l, "rm", "-rf", "/run/lockstep")                        // who could not be reached is still held
	afterwards(t, l, "sh", "-c", "pkill -f 'sshd: [a-z]*@notty'; exit 0") // sshd hears late that nobody is there
	files := prepareWaiting(t, l)
	first, second := l.Nodes()[0], l.Nodes()[1]
	t.Cleanup(func() {
		must(t, second.Mend(withoutCancel(t)))
		must(t, l.WaitSynced(withoutCancel(t), len(l.Nodes())))
	})
	before := look(t, l)

	run := start(t, apply(l, write(t, "wait.yml", waiting))...)
	run.until("the stage", func(e event) bool { return e.Event == "stage" })
	on(t, first, "cat", "/run/e2e/begun")
	must(t, second.Cut(t.Context()))
	on(t, first, "sh", "-c", "echo >/run/e2e/go")
	o := exits(t, exitUnreachable, run.end())

	wantWords(t, o.lastLine(), "exit 4: unreachable: node2, step 1.1 wait; changed on node1$")
	failed := of(run.seen, func(e event) bool { return e.Status == "failed" })
	if len(failed) != 1 || failed[0].Host != "node2" || failed[0].Error == "" {
		t.Errorf("failed steps: got %+v, want one of node2 that says why", failed)
	}
	if got := strings.Join(paths(t, l, files...), " "); got != "node1:/etc/e2e-done node1:/etc/e2e-after" {
		t.Errorf("got %s; want node1 finished and nothing elsewhere", got)
	}
	compareFiles(t, "node3", below("/etc", before["node3"].files), below("/etc", filesOf(t, l.Nodes()[2])))
}
