package saved

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/executor"
	"lockstep/executor/journal"
	"lockstep/internal/source"
	"lockstep/steps"
)

func example() *Plan {
	made := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	return &Plan{
		Name: "an <example>", Made: made, Expires: made.Add(time.Hour), User: "me@here", Lockstep: "v1",
		Args:   journal.Args{Plan: "plan.yml", Inventory: []string{"inventory.yml"}, Limit: "db"},
		Inputs: []source.File{source.ReadFrom("plan.yml", []byte("x"))},
		Hosts:  []journal.Host{{Name: "db1", Address: "10.0.0.1", Key: "SHA256:one"}, {Name: "db2", Address: "10.0.0.2", Key: "SHA256:two"}},
		Steps: []executor.ApprovedStep{
			{Host: "db1", Step: "1.1", Name: "conf", Kind: "copy", Edits: []steps.Edit{{Op: steps.Create, Subject: "/f", Why: "it is not there", After: &steps.Content{SHA256: "abc", Size: 3}}}},
			{Host: "db2", Step: "1.1", Name: "conf", Kind: "copy", Unknown: "rests on 1.0"},
		},
		Preview: "+ /f\n",
	}
}

func encoded(t *testing.T, p *Plan) []byte {
	t.Helper()
	text, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestASavedPlanIsReadAsItWasWritten(t *testing.T) {
	text := encoded(t, example())
	if !Is(text) || Is([]byte("hosts: all\n")) || Is([]byte(`{"hosts": "all", "lockstep_plan": 1}`)) {
		t.Error("a saved plan is not told from another file")
	}
	p, err := Parse("f", text)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(p.Made.Add(time.Minute)); err != nil {
		t.Error(err)
	}
	want := example()
	want.Version, want.Fingerprint, want.Digest = p.Version, p.Fingerprint, p.Digest
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if again := encoded(t, p); !bytes.Equal(text, again) {
		t.Errorf("got\n%s\nwant\n%s", again, text)
	}
}

func TestAnEditIsFound(t *testing.T) {
	text := string(encoded(t, example()))
	for name, edit := range map[string][2]string{
		"another path":       {`"subject": "/f"`, `"subject": "/g"`},
		"another content":    {`"sha256": "abc"`, `"sha256": "abd"`},
		"another host":       {`"host": "db1"`, `"host": "db2"`},
		"other evidence":     {`"why": "it is not there"`, `"why": "because"`},
		"another limit":      {`"limit": "db"`, `"limit": "all"`},
		"another host key":   {`SHA256:one`, `SHA256:two`},
		"a later end":        {`"expires": "2026-05-04T13`, `"expires": "2027-05-04T13`},
		"another preview":    {`+ /f\n`, `nothing\n`},
		"an unknown field":   {`"name": "an <`, `"nome": "an <`},
		"something behind":   {"}\n", "}\n{}\n"},
		"the end is missing": {"\"\n}\n", "\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			at := strings.LastIndex(text, edit[0])
			if at < 0 {
				t.Fatalf("there is no %q in\n%s", edit[0], text)
			}
			p, err := Parse("f", []byte(text[:at]+edit[1]+text[at+len(edit[0]):]))
			if err == nil {
				err = p.Check(example().Made)
			}
			if err == nil || !strings.Contains(err.Error(), "edited") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnotherFormIsNotRead(t *testing.T) {
	text := strings.Replace(string(encoded(t, example())), `"lockstep_plan": 1`, `"lockstep_plan": 2`, 1)
	if _, err := Parse("f", []byte(text)); err == nil || !strings.Contains(err.Error(), "use the lockstep that wrote it, v1") {
		t.Errorf("got %v", err)
	}
}

func TestTimeRunsOut(t *testing.T) {
	p, err := Parse("f", encoded(t, example()))
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]string{
		-time.Hour: "a clock is wrong", -time.Minute: "", time.Hour: "", time.Hour + time.Second: "too old",
	} {
		err := p.Check(p.Made.Add(after))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s after it was made: got %v, want %q", after, err, want)
		}
	}
}

func TestOtherHosts(t *testing.T) {
	p := example()
	if got := p.OtherHosts(p.Hosts); got != nil {
		t.Errorf("got %v", got)
	}
	now := []journal.Host{{Name: "db1", Key: "SHA256:other"}, {Name: "db3", Key: "SHA256:three"}}
	want := []string{"db1 has another host key: planned SHA256:one, now SHA256:other", "db2 is no host of the plan any more", "db3 was no host of the plan"}
	if diff := cmp.Diff(want, p.OtherHosts(now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDone(t *testing.T) {
	p := example()
	if got := p.Done(&executor.Approval{Steps: p.Steps[1:]}); got != 1 {
		t.Errorf("got %d done, want 1", got)
	}
}

func TestWriteReplacesSavedPlansOnly(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "plan.json"), filepath.Join(dir, "plan.yml")
	for range 2 {
		if err := Write(file, example()); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(data, encoded(t, example())) {
		t.Errorf("got %v, %s", err, data)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(other, []byte("hosts: all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(other, example()); err == nil || !strings.Contains(err.Error(), "no saved plan") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("got %v", left)
	}
}
