// Package galeratls holds the tests of the example.
package galeratls

import (
	"slices"
	"strings"
	"testing"

	"lockstep/examples/exampletest"
)

// TestPlanCompiles compiles the example: every step decodes on every host and
// concerns all or none, and what nodes_are_clients sets when it is true is taken
// back when it is false.
func TestPlanCompiles(t *testing.T) {
	for value, want := range map[string]string{
		"true":  "programs on the nodes",
		"false": "programs on the nodes connect as before",
	} {
		p := exampletest.Compile(t, "plan.yml", 3, "nodes_are_clients: true", "nodes_are_clients: "+value)
		tasks := exampletest.Tasks(p, "node3")
		if !slices.Equal(tasks, exampletest.Tasks(p, "node1")) {
			t.Errorf("nodes_are_clients: %s: a step leaves out some hosts", value)
		}
		if got, want := exampletest.Kinds(tasks), "directory copy verify my_cnf my_cnf my_cnf galera galera service galera verify"; got != want {
			t.Errorf("nodes_are_clients: %s\ngot  %s\nwant %s", value, got, want)
		}
		for _, task := range tasks {
			if strings.HasPrefix(task.Name, "programs") && task.Name != want {
				t.Errorf("nodes_are_clients: %s: got %q, want %q", value, task.Name, want)
			}
		}
	}
}
