package main

import (
	"context"
	"maps"
	"os"
	"strings"
	"testing"

	"lockstep/cmd/lockstep-lab/lab"
)

func withoutCancel(t *testing.T) context.Context { return context.WithoutCancel(t.Context()) }

// TestStopsAtAServerThatDoesNotStart: the node after it is not touched, and
// the error has the server's own words.
func TestStopsAtAServerThatDoesNotStart(t *testing.T) {
	const bad = "/etc/mysql/mariadb.conf.d/99-bad.cnf"
	l := healthy(t)
	t.Cleanup(func() { mend(t, l, bad) })
	plan := write(t, "bad.yml", `name: a folder that no host has
hosts: pxc
steps:
  - name: one node at a time
    serial: 1
    gate: galera
    settle: 0s
    steps:
      - name: the option
        my_cnf: {path: `+bad+`, create: true, mode: "0644", sections: {mysqld: {innodb_data_home_dir: /no/such/folder}}}
      - name: the server runs on it
        service: {name: mariadb, state: current, files: [/etc/mysql/mariadb.conf.d]}
`)
	before, starts := look(t, l), startTimes(t, l)
	o := exits(t, exitFailed, lockstep(t, "", "apply", "-y", "-i", l.Path("inventory.yml"), plan))
	wantWords(t, o.stdout, `x node1 .*the server runs on it`, "why: ", "InnoDB", "do:  ",
		"node2, node3: not touched")
	wantWords(t, o.lastLine(), "exit 2: a step failed: node1, step 1.2 the server runs on it", "changed on node1$")
	now := startTimes(t, l)
	for _, n := range l.Nodes()[1:] {
		host := n.Name()
		compareFiles(t, host, below("/etc", before[host].files), below("/etc", filesOf(t, n)))
		if starts[host] != now[host] {
			t.Errorf("%s was restarted: got %s, want %s", host, now[host], starts[host])
		}
	}
	// systemd tries node1 again and again, and it joins for a moment each time
	if got, err := l.Nodes()[1].Gate(t.Context()); err != nil || !strings.HasSuffix(got, ",Primary,ON,Synced,ON") {
		t.Errorf("gate of node2: got %q, %v; want a healthy node", got, err)
	}
	if got, want := on(t, l.Nodes()[0], "cat", bad), "[mysqld]\ninnodb_data_home_dir = /no/such/folder"; got != want {
		t.Errorf("%s on node1: got %q, want %q", bad, got, want)
	}
}

// TestRefusesAnOptionThatTheServerDoesNotKnow: no file is written for which a
// restart would end with a server that is down.
func TestRefusesAnOptionThatTheServerDoesNotKnow(t *testing.T) {
	l := healthy(t)
	plan := write(t, "unknown.yml", `name: an option that no server has
hosts: pxc
steps:
  - name: the option
    my_cnf: {path: /etc/mysql/mariadb.conf.d/99-bad.cnf, create: true, mode: "0644", sections: {mysqld: {no-such-option: hush-hush}}}
`)
	before := look(t, l)
	o := exits(t, exitRefused, lockstep(t, "", "apply", "-y", "-i", l.Path("inventory.yml"), plan))
	wantWords(t, o.stdout, "node1", "the server would not start", "unknown variable 'no-such-option=", "do:  ", "node3")
	wantUntouched(t, l, before)
	if strings.Contains(o.stdout+o.stderr, "hush-hush'") {
		t.Errorf("the value is quoted by the server:\n%s", o.stdout)
	}
}

// below are the files of a tree. A node that leaves makes the others write.
func below(dir string, files map[string]lab.File) map[string]lab.File {
	files = maps.Clone(files)
	maps.DeleteFunc(files, func(path string, _ lab.File) bool { return !strings.HasPrefix(path, dir) })
	return files
}

// mend takes the bad option away and starts the server.
func mend(t *testing.T, l *lab.Lab, bad string) {
	ctx := withoutCancel(t)
	for _, n := range l.Nodes() {
		_, err := n.Run(ctx, "sh", "-c", `rm -f "$1"; systemctl reset-failed mariadb; systemctl start mariadb`, "sh", bad)
		if err != nil {
			t.Error(err)
		}
	}
	if err := l.WaitSynced(ctx, len(l.Nodes())); err != nil {
		t.Error(err)
	}
}

// waiting is a plan whose step says on one fifo that it has begun, and waits
// for another. A host without them is done at once.
const waiting = `name: a step that takes its time
hosts: pxc
steps:
  - name: one after another
    serial: 1
    steps:
      - name: wait
        command:
          script: |
            if [ -p /run/e2e/begun ]; then
              echo >/run/e2e/begun
              read -r line </run/e2e/go
            fi
            echo done >/etc/e2e-done
          creates: /etc/e2e-done
          writes: /etc/e2e-done
      - name: after it
        copy: {dest: /etc/e2e-after, content: "after\n"}
`

// prepareWaiting makes the fifos on the first host, and returns the files that
// the plan makes.
func prepareWaiting(t *testing.T, l *lab.Lab) []string {
	t.Helper()
	files := []string{"/etc/e2e-done", "/etc/e2e-after"}
	clean := append([]string{"rm", "-rf", "/run/e2e"}, files...)
	onAll(t, l, clean...)
	afterwards(t, l, clean...)
	on(t, l.Nodes()[0], "sh", "-c", "mkdir -p /run/e2e && mkfifo /run/e2e/begun /run/e2e/go")
	return files
}

// TestInterruptedOnceItFinishesTheActAndStops: the step that runs is finished,
// nothing after it is begun, and another run goes on from there.
func TestInterruptedOnceItFinishesTheActAndStops(t *testing.T) {
	l := healthy(t)
	files, first := prepareWaiting(t, l), l.Nodes()[0]
	plan := write(t, "wait.yml", waiting)
	before := look(t, l)

	run := start(t, apply(l, plan)...)
	run.until("the stage", func(e event) bool { return e.Event == "stage" })
	on(t, first, "cat", "/run/e2e/begun") // the step runs now
	must(t, run.cmd.Process.Signal(os.Interrupt))
	run.stderr.wait(t, "stopping after the current step")
	on(t, first, "sh", "-c", "echo >/run/e2e/go")
	o := exits(t, exitInterrupted, run.end())

	wantWords(t, o.lastLine(), "exit 130: interrupted; changed on node1; run apply again to go on")
	wantUntouched(t, l, before, "node2", "node3")
	if got := strings.Join(paths(t, l, files...), " "); got != "node1:/etc/e2e-done" {
		t.Errorf("after the interrupt: got %s; want node1:/etc/e2e-done", got)
	}
	wantNothingTemporary(t, l)

	exits(t, exitDone, lockstep(t, "", apply(l, plan)...))
	if got := len(paths(t, l, files...)); got != 6 {
		t.Errorf("after another run: got %d files, want 2 on each of 3 hosts", got)
	}
}
