// Package galerarotate holds the tests of the example.
package galerarotate

import (
	"testing"

	"lockstep/examples/exampletest"
)

// TestPlansCompile compiles both plans: every step decodes on every host, in the
// order that a rotation takes.
func TestPlansCompile(t *testing.T) {
	const reloaded = "all: assert; all: certs; all: trust; 1: tls; 1: copy tls; all: trust; "
	for _, row := range []struct{ file, restart, want string }{
		{"plan.yml", "none", reloaded + "all: galera verify"},
		{"plan.yml", "canary", reloaded + "1: service; all: galera verify"},
		{"plan.yml", "all", reloaded + "1: service; all: galera verify"},
		{"clients.yml", "", "all: certs; all: trust"},
	} {
		var replace []string
		if row.restart != "" {
			replace = []string{"restart: none", "restart: " + row.restart}
		}
		if got := exampletest.Stages(exampletest.Compile(t, row.file, 3, replace...), "node3"); got != row.want {
			t.Errorf("%s, restart: %s\ngot  %s\nwant %s", row.file, row.restart, got, row.want)
		}
	}
}
