// Package source knows where in a user's file a thing was written, and how to
// tell a person about it: position, excerpt, caret and hint. It does not know
// what inventories, plans or steps are.
package source

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"lockstep/internal/secret"
)

// Pos is a place in a file a user wrote. Line and Col count from 1; Col counts
// characters, not bytes. A zero Line means "somewhere in File".
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"col"`
}

// String gives the file:line:col form that editors and terminals link.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
	}
}

// Error is one problem in a user's file. Its text is the whole answer a person
// gets: position, problem, the line with a caret below it, and a hint.
type Error struct {
	Pos  Pos
	Msg  string
	Hint string
	Line string // the line's text, empty when it is not known
}

// Error renders the problem over up to four lines.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Pos, e.Msg)
	if e.Line != "" && e.Pos.Line > 0 {
		gutter := fmt.Sprintf("%5d", e.Pos.Line)
		masked := secret.MaskSettings(e.Line)
		col := e.Pos.Col
		if !sameUntil(e.Line, masked, col) {
			col = 0
		}
		shown, col := clip(masked, col)
		fmt.Fprintf(&b, "\n%s | %s", gutter, shown)
		if col > 0 {
			fmt.Fprintf(&b, "\n%s | %s^", strings.Repeat(" ", len(gutter)), strings.Repeat(" ", col-1))
		}
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "\n  hint: %s", e.Hint)
	}
	return b.String()
}

// widest is how many characters of a line an excerpt shows.
const widest = 200

// clip cuts a long line around a column, and tells where that column is then.
// What would steer a terminal is shown as a blank.
func clip(line string, col int) (string, int) {
	runes := []rune(line)
	begin := 0
	if len(runes) > widest && col > widest/2 {
		begin = min(col-widest/2, len(runes)-widest)
		col -= begin
	}
	shown := runes[begin:min(len(runes), begin+widest)]
	for i, c := range shown {
		if unicode.IsControl(c) {
			shown[i] = ' '
		}
	}
	return string(shown), col
}

// sameUntil reports whether two lines agree before column col, so that a caret
// there points at the same thing in both.
func sameUntil(a, b string, col int) bool {
	if a == b {
		return true
	}
	ra, rb := []rune(a), []rune(b)
	return col <= len(ra) && col <= len(rb) && slices.Equal(ra[:col-1], rb[:col-1])
}
