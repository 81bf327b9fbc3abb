// Package galeratlsoff holds the tests of the examples.
package galeratlsoff

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

// TestPlansCompile compiles both; where nodes restart they go one by one.
func TestPlansCompile(t *testing.T) {
	kinds, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"plan.yml":      "all: galera_survey galera; 1: my_cnf service; all: my_cnf; 1: my_cnf service; all: galera",
		"full-stop.yml": "all: galera_survey assert; all: my_cnf my_cnf; 1: galera; 1: galera; all: galera",
	} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Compile(file, data, nodes{}, kinds, plan.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range p.Stages {
			stage := "all:"
			if s.Width == 1 {
				stage = "1:"
			}
			for _, task := range s.Tasks {
				if task.Concerns("node3") {
					stage += " " + task.Kind.Name
				}
			}
			got = append(got, stage)
		}
		if text := strings.Join(got, "; "); text != want {
			t.Errorf("%s:\ngot  %s\nwant %s", file, text, want)
		}
	}
}
