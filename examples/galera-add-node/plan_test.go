// Package galeraaddnode holds the tests of the example.
package galeraaddnode

import (
	"os"
	"strings"
	"testing"

	"lockstep/plan"
	"lockstep/steps/all"
)

// nodes is an inventory of three members and a host that is to join them.
type nodes struct{}

func (nodes) Match(string) ([]plan.Target, error) {
	var out []plan.Target
	for _, n := range []string{"1", "2", "3", "4"} {
		out = append(out, plan.Target{Host: plan.Host{Name: "node" + n, Address: "10.77.0.1" + n}})
	}
	return out, nil
}

// TestPlanChangesTheNewNodeAlone compiles the example: what writes or restarts
// concerns the new node and no member.
func TestPlanChangesTheNewNodeAlone(t *testing.T) {
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
	var onNew, onMembers []string
	for _, s := range p.Stages {
		for _, task := range s.Tasks {
			if task.Concerns("node4") && !s.OnControl {
				onNew = append(onNew, task.Kind.Name)
			}
			if task.Concerns("node2") && !s.OnControl {
				onMembers = append(onMembers, task.Kind.Name)
			}
		}
	}
	const wantNew = "assert command command assert galera_survey service directory copy verify my_cnf my_cnf verify galera galera verify"
	if got := strings.Join(onNew, " "); got != wantNew {
		t.Errorf("the new node:\ngot  %s\nwant %s", got, wantNew)
	}
	if got, want := strings.Join(onMembers, " "), "galera_survey assert galera verify"; got != want {
		t.Errorf("a member:\ngot  %s\nwant %s", got, want)
	}
}
