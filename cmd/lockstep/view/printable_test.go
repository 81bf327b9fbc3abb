package view

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"lockstep/executor"
	"lockstep/internal/secret"
	"lockstep/steps"
)

// Nothing that a plan names or a host answers reaches the terminal as a control.
func TestTextSteersNoTerminal(t *testing.T) {
	const bad = "a\x1b[2J\u202eb\rc\x07\u009bd"
	edit := steps.Edit{Op: steps.Update, Subject: bad, Summary: bad, Why: bad, Before: steps.NewContent([]byte("x"), false),
		After: steps.NewContent([]byte(bad+"\n"), false), Attrs: []steps.AttrEdit{{Name: "owner", Before: bad, After: bad}}}
	change := &steps.Change{Edits: []steps.Edit{edit}, Notes: []string{bad}, Unknown: bad}
	for _, dry := range []bool{true, false} {
		var out bytes.Buffer
		v := Text(&out, &secret.Redactor{}, false, true)
		for _, e := range []executor.Event{
			{Type: executor.EventStart, Name: bad, Hosts: []string{bad}, DryRun: dry},
			{Type: executor.EventStage, Name: bad + "\nend", Hosts: []string{bad}},
			{Type: executor.EventStep, Host: bad, Step: "1.1", Name: bad + "\nend", Status: executor.StatusChanged, Change: change},
			{Type: executor.EventStep, Host: bad, Step: "1.2", Name: bad, Status: executor.StatusFailed, Err: errors.New(bad)},
			{Type: executor.EventGate, Host: bad, Kind: "galera", Status: executor.StatusRed, Err: errors.New(bad)},
			{Type: executor.EventNote, Hosts: []string{bad}, Message: bad},
			{Type: executor.EventEnd, Counts: &executor.Counts{Failed: 1}},
		} {
			v.Event(e)
		}
		if got := out.String(); strings.ContainsFunc(got, steers) || !strings.Contains(got, `a\x1b[2J\u202eb\rc\a\u009bd`) || strings.Contains(got, "\nend") {
			t.Errorf("got %q", got)
		}
	}
	if got := Printable("läuft\r\n\t✓"); got != "läuft\n\t✓" {
		t.Errorf("got %q", got)
	}
}
