package main

import "testing"

// TestRefusesAClusterThatIsNotWhole: with one node down the first change would
// be one too many.
func TestRefusesAClusterThatIsNotWhole(t *testing.T) {
	l := healthy(t)
	third := l.Nodes()[2]
	on(t, third, "systemctl", "stop", "mariadb")
	t.Cleanup(func() {
		ctx := withoutCancel(t)
		_, err := third.Run(ctx, "systemctl", "start", "mariadb")
		must(t, err)
		must(t, l.WaitSynced(ctx, len(l.Nodes())))
	})
	plan := write(t, "gated.yml", `hosts: pxc
steps:
  - name: one node at a time
    serial: 1
    gate: galera
    steps:
      - name: the file
        copy: {dest: `+rootsFile+`, content: "x\n"}
`)
	before := look(t, l)
	o := exits(t, exitRefused, lockstep(t, "", apply(l, plan)...))
	wantWords(t, o.stdout, `"event":"gate".*"status":"red","error":".*node3`)
	wantWords(t, o.lastLine(), "exit 3: refused before anything was changed")
	wantUntouched(t, l, before)
	wantNothingTemporary(t, l)
}
