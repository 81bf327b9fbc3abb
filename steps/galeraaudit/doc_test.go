package galeraaudit

import (
	"fmt"
	"strings"
	"testing"

	"lockstep/steps"
)

// row is a check in the table of doc.md.
func row(c check) string {
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s | %s |\n", c.id, c.severity, c.looked, c.expected, c.why, c.source)
}

// TestDocHasTheCatalogue: doc.md has the rows of all checks and no other.
func TestDocHasTheCatalogue(t *testing.T) {
	var want strings.Builder
	ids := map[string]bool{}
	for _, c := range catalogue() {
		want.WriteString(row(c))
		if ids[c.id] {
			t.Errorf("%s is there twice", c.id)
		}
		ids[c.id] = true
		for name, text := range map[string]string{"area": c.area, "looked": c.looked, "expected": c.expected, "why": c.why, "do": c.do, "source": c.source} {
			if text == "" {
				t.Errorf("%s says no %s", c.id, name)
			}
		}
		if !steps.Critical.AtLeast(c.severity) {
			t.Errorf("%s: %q is no severity", c.id, c.severity)
		}
	}
	if !strings.Contains(doc, want.String()) {
		t.Errorf("doc.md lacks the rows as they are:\n%s", want.String())
	}
	if n := strings.Count(doc, "\n| `") - len(ids); n != 0 {
		t.Errorf("doc.md has %d rows too many", n)
	}
}
