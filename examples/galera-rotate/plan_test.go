// Package galerarotate holds the tests of the example.
package galerarotate

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

// TestPlansCompile compiles both plans: every step decodes on every host, in the
// order that a rotation takes.
func TestPlansCompile(t *testing.T) {
	for _, row := range []struct{ file, restart, want string }{
		{"plan.yml", "none", "certs trust tls copy tls trust galera verify"},
		{"plan.yml", "canary", "certs trust tls copy tls trust service galera verify"},
		{"plan.yml", "all", "certs trust tls copy tls trust service galera verify"},
		{"clients.yml", "none", "certs trust"},
	} {
		data, err := os.ReadFile(row.file)
		if err != nil {
			t.Fatal(err)
		}
		kinds, err := all.Registry()
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(data), "restart: none", "restart: "+row.restart, 1)
		p, err := plan.Compile(row.file, []byte(text), nodes{}, kinds, plan.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range p.Stages {
			for _, task := range s.Tasks {
				if task.Kind.Name != "assert" && (s.OnControl || task.Concerns("node3")) {
					got = append(got, task.Kind.Name)
				}
			}
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s, restart: %s\ngot  %s\nwant %s", row.file, row.restart, strings.Join(got, " "), row.want)
		}
	}
}
