package main

import (
	"slices"
	"testing"

	"lockstep/executor/remote"
	"lockstep/inventory"
)

// The inventory refuses by name what the connection does not know.
func TestInventoryAndConnectionKnowTheSameBecomeMethods(t *testing.T) {
	if a, b := inventory.BecomeMethods(), remote.BecomeMethods(); !slices.Equal(a, b) {
		t.Errorf("the inventory has %q, the connection %q", a, b)
	}
}
