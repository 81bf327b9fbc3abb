// Package galeratlsrolling holds the tests of the example.
package galeratlsrolling

import (
	"os"
	"slices"
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

// TestPlanCompiles compiles the example: its stages go through the nodes one by
// one where they restart, and only there.
func TestPlanCompiles(t *testing.T) {
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
	var got []string
	for _, s := range p.Stages {
		stage := "together:"
		if s.Width == 1 {
			stage = "one by one:"
		}
		for _, task := range s.Tasks {
			if s.OnControl || task.Concerns("node3") {
				stage += " " + task.Kind.Name
			}
		}
		got = append(got, stage)
	}
	want := []string{"together: certs", "together: directory copy verify my_cnf my_cnf", "together: galera_survey galera",
		"one by one: my_cnf service", "one by one: my_cnf service", "together: galera verify"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
