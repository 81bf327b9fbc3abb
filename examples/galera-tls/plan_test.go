// Package galeratls holds the tests of the example.
package galeratls

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

// TestPlanCompiles compiles the example: every step decodes on every host.
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
		for _, task := range s.Tasks {
			if !s.OnControl && !task.Concerns("node3") {
				t.Errorf("%s leaves out node3", task.Name)
			}
			got = append(got, task.Kind.Name)
		}
	}
	const want = "certs directory copy verify my_cnf my_cnf my_cnf galera galera service galera verify"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}
