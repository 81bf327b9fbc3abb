// Package galerasstuser holds the tests of the example.
package galerasstuser

import (
	"testing"

	"lockstep/examples/exampletest"
)

// TestPlanCompiles compiles the example; nodes restart one by one.
func TestPlanCompiles(t *testing.T) {
	got := exampletest.Stages(exampletest.Compile(t, "plan.yml", 3), "node1")
	const want = "all: galera_survey assert assert assert assert; all: command; all: command; 1: my_cnf service; all: verify"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
