// Package galeraaudit holds the tests of the example.
package galeraaudit

import (
	"os"
	"strings"
	"testing"

	"lockstep/plan"
	"lockstep/steps/all"
)

// nodes is an inventory of three hosts.
type nodes struct{}

func (nodes) Match(string) ([]plan.Target, error) {
	var out []plan.Target
	for _, n := range []string{"1", "2", "3"} {
		out = append(out, plan.Target{Host: plan.Host{Name: "node" + n, Address: "10.77.0.1" + n}})
	}
	return out, nil
}

// TestPlanLooksAtEachNode compiles the example: every node is looked at, by kinds
// that have nothing to change here.
func TestPlanLooksAtEachNode(t *testing.T) {
	data, err := os.ReadFile("plan.yml")
	if err != nil {
		t.Fatal(err)
	}
	kinds, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile("plan.yml", data, nodes{}, kinds, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{"node1", "node2", "node3"} {
		var got []string
		for _, s := range p.Stages {
			for _, task := range s.Tasks {
				if task.Concerns(node) && !s.OnControl {
					got = append(got, task.Kind.Name)
				}
			}
		}
		if got, want := strings.Join(got, " "), "galera_audit galera"; got != want {
			t.Errorf("%s: got %s, want %s", node, got, want)
		}
	}
}
