package inventory

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/internal/source"
)

// TestTreeIsAnInventory: what is shown as YAML reads as the same hosts, groups
// and variables.
func TestTreeIsAnInventory(t *testing.T) {
	inv := parsed(t, `
all:
  vars: {who: all}
  hosts: {lone: {a: "yes"}}
  children:
    galera:
      vars: {port: 3306, mode: "0644", text: "{{ port }}", list: [1, {b: null}]}
      children: {pxc: {hosts: {db1: {weight: 1}, db2: }}, hollow: }
    web: {hosts: db1, children: pxc}
`)
	for _, export := range []bool{false, true} {
		text, err := source.FormatYAML(inv.Tree(export))
		if err != nil {
			t.Fatal(err)
		}
		again := parsed(t, string(text))
		if diff := cmp.Diff(throughJSON(t, ordered(inv.List())), throughJSON(t, ordered(again.List()))); diff != "" {
			t.Errorf("export %t: -before +after\n%s\n%s", export, diff, text)
		}
	}
}
