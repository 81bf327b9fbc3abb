// Package galeraaudit holds the tests of the example.
package galeraaudit

import (
	"testing"

	"lockstep/examples/exampletest"
)

// TestPlanLooksAtEachNode compiles the example: every node is looked at, by kinds
// that have nothing to change here.
func TestPlanLooksAtEachNode(t *testing.T) {
	p := exampletest.Compile(t, "plan.yml", 3)
	for _, node := range []string{"node1", "node2", "node3"} {
		if got, want := exampletest.Kinds(exampletest.Tasks(p, node)), "galera_audit galera"; got != want {
			t.Errorf("%s: got %s, want %s", node, got, want)
		}
	}
}
