package inventory

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestInventoriesAreRead runs testdata/read: each case is a folder of files,
// "args" names the inventories (inv.yml without it), and the parts graph, vars
// and warnings tell what was understood.
func TestInventoriesAreRead(t *testing.T) {
	cases, err := filepath.Glob("testdata/read/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("found %d cases, error %v", len(cases), err)
	}
	for _, path := range cases {
		path, _ := filepath.Abs(path)
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive := readArchive(t, path)
			t.Chdir(t.TempDir())
			inv, err := load(unpack(t, archive)...)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, path, archive, "graph", inv.Graph(inv.groupOf[everyone], false))
			compare(t, path, archive, "vars", varsText(inv))
			compare(t, path, archive, "warnings", warningsText(inv))
		})
	}
}

// varsText lists the hosts in order with each variable and where it comes from.
func varsText(inv *Inventory) string {
	var text strings.Builder
	for _, h := range inv.Hosts() {
		fmt.Fprintf(&text, "%s (%s)\n", h.Name, strings.Join(h.Groups(), " "))
		for _, name := range h.VarNames() {
			chain := h.Origins(name)
			fmt.Fprintf(&text, "  %s = %v (%s, %s)", name, chain[0].Value.Plain(), chain[0].Layer, chain[0].Value.Pos)
			for _, hidden := range chain[1:] {
				fmt.Fprintf(&text, " < %v", hidden.Value.Plain())
			}
			text.WriteString("\n")
		}
	}
	return text.String()
}

func warningsText(inv *Inventory) string {
	var text strings.Builder
	for _, w := range inv.Warnings() {
		text.WriteString(w.Error() + "\n")
	}
	return text.String()
}
