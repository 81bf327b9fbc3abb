// Package view shows plans, diffs and events to people as text and to machines
// as JSON. It decides nothing: what it shows is what it is given, with secrets
// masked.
package view

import (
	"io"

	"lockstep/executor"
	"lockstep/internal/secret"
)

// View receives the events of one or more walks over a plan.
type View interface {
	Event(e executor.Event)
	// Exit is called once, last, with the exit code and its reason.
	Exit(code int, reason string)
}

// Text returns a view for people. With colour it uses terminal colours. Verbose
// shows steps that change nothing too, and what long commands write.
func Text(w io.Writer, r *secret.Redactor, colour, verbose bool) View {
	return &text{w: w, redactor: r, paint: painter(colour), verbose: verbose}
}

// JSON returns a view for machines: one JSON object a line, as docs/events.md
// lists them.
func JSON(w io.Writer, r *secret.Redactor) View { return &lines{w: w, redactor: r} }

// painter wraps text in terminal colours, or does not.
type painter bool

const (
	green  = "32"
	red    = "31"
	yellow = "33"
	cyan   = "36"
	bold   = "1"
	faint  = "2"
)

func (p painter) in(colour, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// op paints a line of a diff by its first character.
func (p painter) op(symbol byte, s string) string {
	switch symbol {
	case '+':
		return p.in(green, s)
	case '-':
		return p.in(red, s)
	case '~', '!':
		return p.in(yellow, s)
	case '@':
		return p.in(cyan, s)
	default:
		return s
	}
}

// Paint colours a text by how bad it is, for a terminal. Other words are left as
// they are.
func Paint(severity, s string) string {
	colours := map[string]string{"ok": green, "excepted": cyan, "info": cyan, "warning": yellow, "unknown": yellow, "critical": red}
	if c, ok := colours[severity]; ok {
		return painter(true).in(c, s)
	}
	return s
}
