// Package galeratlsrolling holds the tests of the example.
package galeratlsrolling

import (
	"testing"

	"lockstep/examples/exampletest"
)

// TestPlanCompiles compiles the example: its stages go through the nodes one by
// one where they restart, and only there.
func TestPlanCompiles(t *testing.T) {
	got := exampletest.Stages(exampletest.Compile(t, "plan.yml", 3), "node3")
	const want = "all: certs; all: directory copy verify my_cnf my_cnf; all: galera_survey galera; " +
		"1: my_cnf service; 1: my_cnf service; all: galera verify"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
