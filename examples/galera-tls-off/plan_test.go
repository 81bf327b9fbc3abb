// Package galeratlsoff holds the tests of the examples.
package galeratlsoff

import (
	"testing"

	"lockstep/examples/exampletest"
)

// TestPlansCompile compiles both; where nodes restart they go one by one.
func TestPlansCompile(t *testing.T) {
	for file, want := range map[string]string{
		"plan.yml":      "all: galera_survey galera; 1: my_cnf service; all: my_cnf; 1: my_cnf service; all: galera",
		"full-stop.yml": "all: galera_survey assert; all: my_cnf my_cnf; 1: galera; 1: galera; all: galera",
	} {
		if got := exampletest.Stages(exampletest.Compile(t, file, 3), "node3"); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", file, got, want)
		}
	}
}
