// Package exampletest compiles the plans of examples for their tests.
package exampletest

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"lockstep/plan"
	"lockstep/steps/all"
)

// nodes is an inventory of so many hosts: node1, node2 and so on.
type nodes int

// Match implements plan.Inventory: every pattern means all of them.
func (n nodes) Match(string) ([]plan.Target, error) {
	var out []plan.Target
	for i := range int(n) {
		id := strconv.Itoa(i + 1)
		out = append(out, plan.Target{Host: plan.Host{Name: "node" + id, Address: "10.77.0.1" + id}})
	}
	return out, nil
}

// Compile compiles a plan file for so many hosts, with texts in it replaced first:
// old, new, old, new. Each old text must be there.
func Compile(t testing.TB, file string, hosts int, replace ...string) *plan.Plan {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i+1 < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("%s has no %q", file, replace[i])
		}
		text = strings.Replace(text, replace[i], replace[i+1], 1)
	}
	kinds, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(file, []byte(text), nodes(hosts), kinds, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Tasks are the steps of a plan that concern a host, in order.
func Tasks(p *plan.Plan, host string) (tasks []*plan.Task) {
	for _, s := range p.Stages {
		for _, task := range s.Tasks {
			if !s.OnControl && task.Concerns(host) {
				tasks = append(tasks, task)
			}
		}
	}
	return tasks
}

// Stages tells the kinds of the steps by stage, those on the control machine and
// those that concern the host: "all: certs; 1: my_cnf service". The number is how
// many hosts go at a time.
func Stages(p *plan.Plan, host string) string {
	var stages []string
	for _, s := range p.Stages {
		stage := "all:"
		if s.Width == 1 {
			stage = "1:"
		}
		for _, task := range s.Tasks {
			if s.OnControl || task.Concerns(host) {
				stage += " " + task.Kind.Name
			}
		}
		stages = append(stages, stage)
	}
	return strings.Join(stages, "; ")
}

// Kinds are the kinds of steps as one text.
func Kinds(tasks []*plan.Task) string {
	var names []string
	for _, task := range tasks {
		names = append(names, task.Kind.Name)
	}
	return strings.Join(names, " ")
}
