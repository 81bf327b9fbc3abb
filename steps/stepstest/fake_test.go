package stepstest

import (
	"errors"
	"io/fs"
	"testing"

	"lockstep/steps"
)

func TestLinksAreFollowedAsTheContractSays(t *testing.T) {
	f := NewFake("db1")
	f.PutFile("/srv/real/a", "one")
	f.PutLink("/srv/dir", "real")
	f.PutLink("/srv/real/b", "a")
	ctx := t.Context()
	if s, err := f.Stat(ctx, "/srv/dir/b"); err != nil || s.Kind != steps.Link || s.Target != "a" {
		t.Errorf("stat of a link: got %+v, %v", s, err)
	}
	if err := f.WriteFile(ctx, "/srv/dir/b", []byte("two"), steps.Attrs{}); err != nil {
		t.Fatal(err)
	}
	if got := f.Content("/srv/real/a"); got != "two" {
		t.Errorf("written through links: got %q", got)
	}
	if err := f.WriteFile(ctx, "/none/x", nil, steps.Attrs{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no parent: got %v", err)
	}
	if err := f.Remove(ctx, "/srv/real"); err == nil {
		t.Error("a full directory was removed")
	}
}

func TestWhatIsNotScriptedIsAnError(t *testing.T) {
	f := NewFake("db1")
	f.Answer("yes", "known")
	if _, err := f.Query(t.Context(), steps.Command{Argv: []string{"unknown"}}); err == nil {
		t.Error("an unknown query succeeded")
	}
	if _, err := f.Exec(t.Context(), steps.Command{Argv: []string{"known"}}); err == nil {
		t.Error("a query's script answered a command")
	}
	if _, err := f.Dial(t.Context(), "127.0.0.1:3306"); err == nil {
		t.Error("nobody listens, but the dial succeeded")
	}
}

func TestPreviewKnowsWhatItDoesNotKnow(t *testing.T) {
	f := NewFake("db1")
	f.PutFile("/etc/a", "a")
	f.PutFile("/var/b", "b")
	f.OnExec(nil, "restart")
	state := steps.Command{Argv: []string{"state"}, Reads: []string{"service:db"}}
	f.Answer("old", "state")
	f.Answer("7", "count")
	p := f.Preview()
	_, err := p.Exec(t.Context(), steps.Command{Argv: []string{"restart"}, Writes: []string{"service:db", "/var"},
		Foresees: []steps.Foreseen{{Query: state, Output: steps.Output{Stdout: []byte("new")}}}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := p.Query(t.Context(), state); err != nil || string(out.Stdout) != "new" {
		t.Errorf("foreseen query: got %q, %v", out.Stdout, err)
	}
	if _, err := p.Query(t.Context(), steps.Command{Argv: []string{"count"}, Reads: []string{"/var/b"}}); err == nil {
		t.Error("a query was answered though the command may have changed what it reads")
	}
	if _, err := p.Query(t.Context(), steps.Command{Argv: []string{"count"}}); err != nil {
		t.Errorf("a query that rests on nothing: %v", err)
	}
	if _, err := p.ReadFile(t.Context(), "/etc/a"); err != nil {
		t.Errorf("a file out of the command's reach: %v", err)
	}
	_, err = p.ReadFile(t.Context(), "/var/b")
	if _, ok := steps.IsUnforeseen(err); !ok {
		t.Errorf("a file in the command's reach: got %v, want Unforeseen", err)
	}
}
