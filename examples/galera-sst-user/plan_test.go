// Package galerasstuser holds the tests of the example.
package galerasstuser

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

// TestPlanCompiles compiles the example; nodes restart one by one.
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
		stage := "all:"
		if s.Width == 1 {
			stage = "1:"
		}
		for _, task := range s.Tasks {
			stage += " " + task.Kind.Name
		}
		got = append(got, stage)
	}
	const want = "all: galera_survey assert assert assert assert; all: command; all: command; 1: my_cnf service; all: verify"
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}
