package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/cmd/lockstep-lab/lab"
)

const wholeCluster = "3,Primary,ON,Synced,ON"

// requireLab gives the rehearsal lab of LOCKSTEP_LAB_DIR, which it brings up
// when it is not running. All tests share it, one after another.
func requireLab(t *testing.T) *lab.Lab {
	t.Helper()
	if testing.Short() {
		t.Skip("-short leaves out tests on real hosts")
	}
	if os.Getenv("LOCKSTEP_LAB") != "1" {
		const why = "LOCKSTEP_LAB=1 is not set: these tests need root and the rehearsal lab"
		if os.Getenv("CI") == "true" {
			t.Fatal("in CI this must run: " + why)
		}
		t.Skip(why)
	}
	l, err := lab.Open("", nil)
	must(t, err)
	if err := l.Up(t.Context(), l.Options()); err != nil && !errors.Is(err, lab.ErrUp) {
		t.Fatal(err)
	}
	if len(l.Nodes()) != 3 {
		t.Fatalf("the lab at %s has %d nodes, these tests want 3", l.Dir(), len(l.Nodes()))
	}
	return l
}

// healthy is a lab whose cluster is whole, with TLS or without.
func healthy(t *testing.T) *lab.Lab {
	t.Helper()
	l := requireLab(t)
	if !whole(t, l) {
		reset(t, l)
	}
	return l
}

// plaintext is a lab as it was brought up.
func plaintext(t *testing.T) *lab.Lab {
	t.Helper()
	l := requireLab(t)
	if !whole(t, l) || len(paths(t, l, "/etc/mysql/certs", "/etc/mysql/mariadb.conf.d/70-tls.cnf")) > 0 {
		reset(t, l)
	}
	return l
}

// reset puts the lab back to its start.
func reset(t *testing.T, l *lab.Lab) {
	t.Helper()
	begin := time.Now()
	must(t, l.Reset(t.Context()))
	t.Logf("the lab was reset in %.1f s", time.Since(begin).Seconds())
}

// whole reports whether each node is a synced member of a cluster of three.
func whole(t *testing.T, l *lab.Lab) bool {
	t.Helper()
	for _, n := range l.Nodes() {
		if got, err := n.Gate(t.Context()); err != nil || got != wholeCluster {
			t.Logf("%s: the gate says %q, %v", n.Name(), got, err)
			return false
		}
	}
	return true
}

// wantWhole is whole, or the test fails.
func wantWhole(t *testing.T, l *lab.Lab) {
	t.Helper()
	for _, n := range l.Nodes() {
		if got, err := n.Gate(t.Context()); err != nil || got != wholeCluster {
			t.Errorf("gate of %s: got %q, %v; want %q", n.Name(), got, err, wholeCluster)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// on runs a command on a host, as root and without ssh.
func on(t *testing.T, n *lab.Node, argv ...string) string {
	t.Helper()
	out, err := n.Run(t.Context(), argv...)
	must(t, err)
	return strings.TrimRight(out, "\n")
}

// onAll runs a command on all hosts.
func onAll(t *testing.T, l *lab.Lab, argv ...string) {
	t.Helper()
	for _, n := range l.Nodes() {
		on(t, n, argv...)
	}
}

// afterwards runs a command on all hosts when the test is over.
func afterwards(t *testing.T, l *lab.Lab, argv ...string) {
	t.Cleanup(func() {
		for _, n := range l.Nodes() {
			if _, err := n.Run(context.Background(), argv...); err != nil {
				t.Error(err)
			}
		}
	})
}

// paths are those that exist, as host:path.
func paths(t *testing.T, l *lab.Lab, list ...string) []string {
	t.Helper()
	var found []string
	for _, n := range l.Nodes() {
		files, err := n.Snapshot(t.Context(), list...)
		must(t, err)
		for _, p := range list {
			if _, ok := files[p]; ok {
				found = append(found, n.Name()+":"+p)
			}
		}
	}
	return found
}

// example copies the example plan to a folder of the test's own, since it
// makes certificates beside itself.
func example(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../examples/galera-tls/plan.yml")
	must(t, err)
	return write(t, "plan.yml", string(text))
}

// write makes a file in a folder of its own.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// inventoryWith is the lab's inventory with texts replaced, and lines added
// to the variables of all its hosts.
func inventoryWith(t *testing.T, l *lab.Lab, replace map[string]string, vars ...string) string {
	t.Helper()
	data, err := os.ReadFile(l.Path("inventory.yml"))
	must(t, err)
	text := string(data)
	for from, to := range replace {
		if !strings.Contains(text, from) {
			t.Fatalf("the lab's inventory has no %q:\n%s", from, text)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	for _, v := range vars {
		text += fmt.Sprintf("    %s\n", v)
	}
	return write(t, "inventory.yml", text)
}
