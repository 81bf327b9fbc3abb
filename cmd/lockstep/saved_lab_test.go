package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/executor/saved"
)

// TestASavedPlanEncryptsACluster: keys are made by the run, nodes are stopped and
// started, and what it said when it was planned is all that happens.
func TestASavedPlanEncryptsACluster(t *testing.T) {
	l := plaintext(t)
	afterwards(t, l, "rm", "-rf", "/run/lockstep") // what the last command said waits there for whoever asks
	plan := example(t)
	file := filepath.Join(filepath.Dir(plan), "plan.json")
	planned := exits(t, exitDone, lockstep(t, "", "plan", "-i", l.Path("inventory.yml"), "-o", file, plan))
	holdsNoSecret(t, file, l.Password)

	// Somebody edits a file of node2 meanwhile: nothing happens anywhere.
	const conf = "/etc/mysql/mariadb.conf.d/60-galera.cnf"
	node := l.Nodes()[1]
	on(t, node, "cp", "-p", conf, "/root/was.cnf")
	on(t, node, "sh", "-c", "echo '# theirs' >>"+conf)
	before := look(t, l)
	got := exits(t, exitRefused, lockstep(t, "", "apply", file))
	wantWords(t, got.stderr, "node2, step 2[.][0-9]+ .*: "+conf, "planned: ", "now: ", "wanted: ", "effects are not as planned")
	wantUntouched(t, l, before)
	wantWhole(t, l)
	on(t, node, "mv", "/root/was.cnf", conf)

	// It is killed once a node is down, and the same file goes on.
	run := start(t, "apply", "--json", file)
	run.until("the first stop", func(e event) bool { return e.Event == "step" && e.Kind == "galera" && e.Status == "changed" })
	run.kill()
	got = exits(t, exitDone, lockstep(t, "", "apply", file))
	wantWords(t, got.stderr, "of [0-9]+ planned steps are done already")
	wantWhole(t, l)
	wantWords(t, exits(t, exitDone, lockstep(t, "", "apply", file)).stderr, "nothing to change")
	shown := exits(t, exitDone, lockstep(t, "", "show", file))
	if text, _, _ := strings.Cut(planned.stdout, "\nfingerprint "); !strings.Contains(shown.stdout, text) {
		t.Errorf("show says\n%s\nand plan said\n%s", shown.stdout, planned.stdout)
	}
}

// holdsNoSecret reads a saved plan for passwords of the lab and for keys.
func holdsNoSecret(t *testing.T, file string, password func(string) (string, error)) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	p, err := saved.Parse(file, text)
	must(t, err)
	if len(p.Hosts) != 3 || len(p.Steps) == 0 || len(p.Inputs) < 2 {
		t.Errorf("got %+v", p)
	}
	word, err := password("sst")
	must(t, err)
	for _, s := range []string{word, "PRIVATE KEY"} {
		if strings.Contains(string(text), s) {
			t.Errorf("the saved plan holds %q", s)
		}
	}
}
