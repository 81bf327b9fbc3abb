// Package galeraaddnode holds the tests of the example.
package galeraaddnode

import (
	"testing"

	"lockstep/examples/exampletest"
)

// TestPlanChangesTheNewNodeAlone compiles the example: what writes or restarts
// concerns the new node and no member.
func TestPlanChangesTheNewNodeAlone(t *testing.T) {
	p := exampletest.Compile(t, "plan.yml", 4)
	for node, want := range map[string]string{
		"node4": "assert command command assert galera_survey service directory copy verify my_cnf my_cnf verify galera galera verify",
		"node2": "galera_survey assert galera verify",
	} {
		if got := exampletest.Kinds(exampletest.Tasks(p, node)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", node, got, want)
		}
	}
}
