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

// TestPlanCompiles compiles the example: every step decodes on every host, and
// what nodes_are_clients sets when it is true is taken back when it is false.
func TestPlanCompiles(t *testing.T) {
	const others = "certs directory copy verify my_cnf %s my_cnf galera galera service galera verify"
	for value, own := range map[string]string{"true": "my_cnf(programs on the nodes)", "false": "my_cnf(programs on the nodes connect as before)"} {
		got := strings.Join(steps(t, value), " ")
		if want := strings.Replace(others, "%s", own, 1); got != want {
			t.Errorf("nodes_are_clients: %s\ngot  %s\nwant %s", value, got, want)
		}
	}
}

// steps are the kinds of the plan's steps in order, those for programs on the
// nodes with their names. Each must concern all hosts or none.
func steps(t *testing.T, nodesAreClients string) []string {
	t.Helper()
	data, err := os.ReadFile("plan.yml")
	if err != nil {
		t.Fatal(err)
	}
	kinds, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), "nodes_are_clients: true", "nodes_are_clients: "+nodesAreClients, 1)
	p, err := plan.Compile("plan.yml", []byte(text), nodes{}, kinds, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Stages {
		for _, task := range s.Tasks {
			switch {
			case task.Concerns("node1") != task.Concerns("node3"):
				t.Errorf("%s leaves out some hosts", task.Name)
			case !s.OnControl && !task.Concerns("node3"):
			case strings.HasPrefix(task.Name, "programs"):
				got = append(got, task.Kind.Name+"("+task.Name+")")
			default:
				got = append(got, task.Kind.Name)
			}
		}
	}
	return got
}
