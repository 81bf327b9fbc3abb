package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/executor"
	"lockstep/internal/secret"
	"lockstep/steps"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, r *secret.Redactor) (w *Writer, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "runs")
	w, err := Create(dir, r, Header{ID: "20260101-000000-aaaa", Command: "apply", Plan: "p"})
	must(t, err)
	return w, dir
}

// batch is an act that changes a file.
func batch(n int, path string) executor.Act {
	return executor.Act{Number: n, Host: "db1", Writes: []executor.Wrote{{
		Op: executor.PutFile, Path: path, Step: "1.1",
		Before: executor.Trace{Kind: steps.Absent}, After: executor.Trace{Kind: steps.Regular, SHA256: "ab", Size: 2, Owner: "root", Group: "root", Mode: 0o640},
	}}}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	w, dir := create(t, &secret.Redactor{})
	w.Event(executor.Event{Type: executor.EventStage, Stage: 1, Name: "files", Hosts: []string{"db1"}})
	w.Event(executor.Event{Type: executor.EventOutput, Text: "not kept"})
	must(t, w.Begins(batch(1, "/etc/a")))
	w.Ended(batch(1, "/etc/a"), executor.Ending{})
	must(t, w.Begins(executor.Act{Number: 2, Host: "db1", Step: "1.2", Run: "systemctl restart mysql"}))
	w.Ended(executor.Act{Number: 2, Host: "db1"}, executor.Ending{Code: 3, Err: errors.New("it broke")})
	must(t, w.Begins(batch(3, "/etc/b")))
	w.Pause("go on?", true)
	w.Interrupt()
	must(t, w.Close(130, "interrupted"))
	run, err := Open(dir, "2026")
	must(t, err)
	var lines []string
	for _, a := range run.Acts() {
		line := fmt.Sprintf("%d %s %s %d:", a.Record.Act, a.Step, a.Command, len(a.Writes))
		if a.Done != nil {
			line += fmt.Sprintf(" %d %s", a.Done.Code, a.Done.Error)
		}
		lines = append(lines, line)
	}
	if d := cmp.Diff([]string{"1   1: 0 ", "2 1.2 systemctl restart mysql 0: 3 it broke", "3   1:"}, lines); d != "" {
		t.Error(d)
	}
	if end := run.End(); end == nil || end.Code != 130 || run.Torn || run.Plan != "p" || len(run.Records) != 9 {
		t.Errorf("got %+v, end %+v", run, end)
	}
	if got := run.Acts()[0].Writes[0]; got.After.Mode != "0640" || got.Op != "file" || got.Before.Mode != "" {
		t.Errorf("got %+v", got)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Dir(run.File): 0o700, run.File: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

// The file is cut at every byte: a reader takes what is whole, and says so.
func TestATornLastLineIsToleratedAndNothingElse(t *testing.T) {
	w, dir := create(t, &secret.Redactor{})
	must(t, w.Begins(batch(1, "/etc/a")))
	must(t, w.Close(0, "done"))
	run, err := Open(dir, "last")
	must(t, err)
	data, err := os.ReadFile(run.File)
	must(t, err)
	first := strings.Index(string(data), "\n") + 1
	for n := range data {
		got, err := Parse("j", data[:n])
		switch {
		case n < first && (err == nil || !strings.Contains(err.Error(), "no first line")):
			t.Errorf("cut at %d, in the first line: %v", n, err)
		case n >= first && (err != nil || got.Torn != (data[n-1] != '\n')):
			t.Errorf("cut at %d: %+v, %v", n, got, err)
		}
	}
	lines := strings.SplitAfter(string(data), "\n")
	for name, row := range map[string]struct{ text, want string }{
		"a middle line that is cut":  {lines[0] + lines[1][:40] + "\n" + lines[2], "j:2: this line is no record"},
		"a middle line that is gone": {lines[0] + lines[2], "j:2: this is record 3"},
		"another first line":         {lines[1] + lines[2], "j:1: this is record 2"},
		"another form":               {strings.Replace(string(data), `"version":1`, `"version":9`, 1), "the form 9"},
	} {
		if _, err := Parse("j", []byte(row.text)); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", name, err, row.want)
		}
	}
}

// A secret may be anything, also what JSON is made of.
func TestNoSecretIsKept(t *testing.T) {
	r := &secret.Redactor{}
	for _, s := range []string{"hunter22", `":"x`, "true", `","`} {
		r.Add(s)
	}
	w, dir := create(t, r)
	a := batch(1, "/etc/hunter22")
	must(t, w.Begins(a))
	w.Ended(a, executor.Ending{Err: errors.New(`denied for ":"x and true hunter22`)})
	w.Event(executor.Event{Type: executor.EventStep, Err: errors.New("hunter22"), Change: &steps.Change{Edits: []steps.Edit{{Op: steps.Run, Subject: "service x", Summary: "say hunter22"}}}})
	w.Event(executor.Event{Type: executor.EventNote, Message: "hunter22", Hosts: []string{"hunter22"}})
	must(t, w.Close(2, "hunter22"))
	run, err := Open(dir, "last")
	must(t, err)
	data, err := os.ReadFile(run.File)
	must(t, err)
	if strings.Contains(string(data), "hunter22") || len(run.Records) != 5 {
		t.Errorf("got\n%s", data)
	}
	if a.Writes[0].Path != "/etc/hunter22" {
		t.Error("what was told is changed for the run, too")
	}
}

// A full disk stops the run before the next act.
func TestAFullDiskRefusesTheNextAct(t *testing.T) {
	w, dir := create(t, &secret.Redactor{})
	must(t, w.Begins(batch(1, "/etc/a")))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("CI leaves nothing out, and there is no /dev/full here")
	} else if err != nil {
		t.Skip("there is no /dev/full here")
	}
	good := w.file
	w.file = full
	w.Ended(batch(1, "/etc/a"), executor.Ending{})
	err = w.Begins(batch(2, "/etc/b"))
	w.file = good
	if err == nil || !strings.Contains(err.Error(), "no space left") || w.Begins(batch(3, "/etc/c")) == nil || w.Close(2, "full") == nil {
		t.Errorf("got %v", err)
	}
	run, err := Open(dir, "last")
	must(t, err)
	if acts := run.Acts(); len(acts) != 1 || run.End() != nil {
		t.Errorf("got %+v", acts)
	}
}

func TestManyAnnounceAtTheSameTime(t *testing.T) {
	w, dir := create(t, &secret.Redactor{})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			a := batch(i+1, "/etc/a")
			if err := w.Begins(a); err != nil {
				t.Error(err)
			}
			w.Ended(a, executor.Ending{})
		})
	}
	wg.Wait()
	must(t, w.Close(0, "done"))
	run, err := Open(dir, "last")
	must(t, err)
	if acts := run.Acts(); len(acts) != 50 || acts[49].Done == nil {
		t.Errorf("got %d acts", len(acts))
	}
}

func TestRunsAreFoundAndPruned(t *testing.T) {
	dir := t.TempDir()
	for _, id := range []string{"20260101-000000-aaaa", "20260102-000000-bbbb", "20260102-000000-cccc"} {
		w, err := Create(dir, &secret.Redactor{}, Header{ID: id})
		must(t, err)
		must(t, w.Close(0, "done"))
	}
	for id, want := range map[string]string{
		"last": "20260102-000000-cccc", "20260101": "20260101-000000-aaaa",
		"20260102": "2 runs begin with", "20260102-000000-bbbx": "did you mean 20260102-000000-bbbb", "": "3 runs begin",
	} {
		run, err := Open(dir, id)
		if got := fmt.Sprint(err); (run == nil || run.ID != want) && !strings.Contains(got, want) {
			t.Errorf("%q: got %v, want %q", id, err, want)
		}
	}
	must(t, Prune(dir, 2))
	if runs, err := All(dir); err != nil || len(runs) != 2 || runs[0].ID != "20260102-000000-bbbb" {
		t.Errorf("got %v, %v", runs, err)
	}
}
