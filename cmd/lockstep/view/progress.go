package view

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/executor"
)

// ways are the big files that are under way, one a host. A terminal shows them
// in one line that gives way to all other text.
type ways struct {
	files []executor.Event
	shown bool
}

// clear is what takes the line away.
func (w *ways) clear() string {
	if !w.shown {
		return ""
	}
	w.shown = false
	return "\r\x1b[K"
}

// note takes the news of a host in.
func (w *ways) note(e executor.Event) {
	w.files = slices.DeleteFunc(w.files, func(f executor.Event) bool { return f.Host == e.Host })
	if e.Bytes < e.Size {
		w.files = append(w.files, e)
	}
}

// line is all of them in one row.
func (w *ways) line() string {
	parts := make([]string, 0, len(w.files))
	for _, f := range w.files {
		parts = append(parts, fmt.Sprintf("%s %d%% of %d MiB", f.Host, 100*f.Bytes/f.Size, f.Size>>20))
	}
	slices.Sort(parts)
	return oneRow("  sending: " + strings.Join(parts, ", "))
}

// oneRow is s, cut to what a terminal with 80 columns has in a row.
func oneRow(s string) string {
	line := []rune(s)
	if len(line) > 79 {
		line = append(line[:78], '…')
	}
	return string(line)
}

// progress shows the line, on a terminal only.
func (t *text) progress(e executor.Event) {
	if !t.paint {
		return
	}
	t.ways.note(e)
	if len(t.ways.files) == 0 {
		t.printf("")
		return
	}
	t.printf("%s", t.paint.in(faint, t.ways.line()))
	t.ways.shown = true
}
