package main

import (
	"strings"
	"testing"

	"lockstep/inventory"
)

// TestProblemsOfTargetsHaveNoHeadingOfAList: they stand within the compiler's
// own errors.
func TestProblemsOfTargetsHaveNoHeadingOfAList(t *testing.T) {
	file := write(t, "inventory.yml", "db:\n  hosts:\n    db1: {ansible_port: banana}\n")
	inv, err := inventory.Load(t.Context(), inventory.Options{}, file)
	must(t, err)
	for pattern, want := range map[string]string{"web": "web", "db": "banana"} {
		_, err := targets{inv}.Match(pattern)
		if err == nil || strings.Contains(err.Error(), "occurred") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q without a heading", pattern, err, want)
		}
	}
}
