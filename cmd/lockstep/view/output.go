package view

import (
	"strings"

	"lockstep/executor"
)

// output shows what a long command writes: line by line when that is asked for,
// and else the last line, on a terminal, until other text comes.
func (t *text) output(e executor.Event) {
	line := e.Host + " " + e.Step + " | " + e.Text
	switch {
	case t.verbose:
		if e.Skipped > 0 {
			t.printf("  %s\n", t.paint.in(faint, ". "+e.Host+" "+e.Step+" | ("+plural(e.Skipped, "line")+" left out)"))
		}
		t.printf("  %s\n", t.paint.in(faint, ". "+line))
	case bool(t.paint):
		t.printf("%s", t.paint.in(faint, oneRow("  "+strings.ReplaceAll(line, "\t", " "))))
		t.ways.shown = true
	}
}
