package view

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"lockstep/executor"
	"lockstep/steps"
)

// Printable shows what would steer a terminal as an escape: what a host answers
// and what a plan names must not move the cursor, hide text or turn it around.
// Ends of lines and tabs stay.
func Printable(s string) string {
	if !strings.ContainsFunc(s, steers) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ReplaceAll(s, "\r\n", "\n") {
		if steers(r) {
			quoted := strconv.QuoteRuneToGraphic(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func steers(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsGraphic(r) }

// oneLine is Printable for what stands within a line.
func oneLine(s string) string { return strings.ReplaceAll(Printable(s), "\n", `\n`) }

// printable is e without anything that would steer a terminal.
func printable(e executor.Event) executor.Event {
	e.Name, e.Host, e.Message = oneLine(e.Name), oneLine(e.Host), Printable(e.Message)
	e.Text = oneLine(e.Text)
	e.Hosts = slices.Clone(e.Hosts)
	for i, h := range e.Hosts {
		e.Hosts[i] = oneLine(h)
	}
	if e.Err != nil {
		e.Err = errors.New(Printable(e.Err.Error())) // all that is left to do is to show it
	}
	if e.Change == nil {
		return e
	}
	c := *e.Change
	c.Unknown, c.Notes, c.Edits = Printable(c.Unknown), slices.Clone(c.Notes), slices.Clone(c.Edits)
	for i, n := range c.Notes {
		c.Notes[i] = Printable(n)
	}
	for i, edit := range c.Edits {
		c.Edits[i] = shownEdit(edit)
	}
	e.Change = &c
	return e
}

func shownEdit(e steps.Edit) steps.Edit {
	e.Subject, e.Summary, e.Why = oneLine(e.Subject), oneLine(e.Summary), Printable(e.Why)
	e.Attrs = slices.Clone(e.Attrs)
	for i, a := range e.Attrs {
		e.Attrs[i] = steps.AttrEdit{Name: a.Name, Before: oneLine(a.Before), After: oneLine(a.After)}
	}
	return e
}
