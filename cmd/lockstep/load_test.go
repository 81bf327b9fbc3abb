package main

import (
	"strings"
	"testing"

	"lockstep/inventory"
)

// TestProblemsOfPatternsHaveNoHeadingOfAList: they stand within the compiler's
// own errors.
func TestProblemsOfPatternsHaveNoHeadingOfAList(t *testing.T) {
	file := write(t, "inventory.yml", "db:\n  hosts:\n    db1: {}\n")
	inv, err := inventory.Load(t.Context(), inventory.Options{}, file)
	must(t, err)
	_, err = newFleet(inv, nil).Match("web,app")
	if err == nil || strings.Contains(err.Error(), "occurred") || !strings.Contains(err.Error(), "web") || !strings.Contains(err.Error(), "app") {
		t.Errorf("got %v, want web and app without a heading", err)
	}
}
