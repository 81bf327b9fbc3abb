package adopt_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"lockstep/plan/adopt"
	"lockstep/steps"
	"lockstep/steps/all"
)

var update = flag.Bool("update", false, "write the reports into the case files")

// language is that of plans, with a fixed choice of kinds: new ones are no
// reason to write all reports anew.
func language(t testing.TB) adopt.Language {
	t.Helper()
	every, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	var chosen []steps.Kind
	for _, name := range []string{"certs", "command", "copy", "directory", "file", "galera", "my_cnf", "service", "verify"} {
		k, _, ok := every.Lookup(name)
		if !ok {
			t.Fatalf("there is no kind %q", name)
		}
		chosen = append(chosen, k)
	}
	kinds, err := steps.NewRegistry(chosen...)
	if err != nil {
		t.Fatal(err)
	}
	return adopt.Of(kinds)
}

func report(t testing.TB, lang adopt.Language, text []byte) *adopt.Report {
	t.Helper()
	v, is, err := adopt.Parse("site.yml", text)
	if err != nil || !is {
		t.Fatalf("not a playbook: %v", err)
	}
	return adopt.Read(v, lang)
}

// Each case file is a playbook and the report about it.
func TestReports(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 15 {
		t.Fatalf("found %d case files, error %v", len(files), err)
	}
	lang := language(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := report(t, lang, a.Files[0].Data).String()
			if *update {
				a.Files = append(a.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(a.Files) < 2 || got != string(a.Files[1].Data) {
				t.Errorf("got:\n%s\nwant:\n%s", got, a.Files[len(a.Files)-1].Data)
			}
		})
	}
}

// What the language does not have is missing; what it gets runs.
func TestReportFollowsTheLanguage(t *testing.T) {
	text := []byte("- hosts: all\n  tasks:\n    - command: id\n      register: who\n      loop: [1]\n")
	lang := language(t)
	if got := report(t, lang, text); got.Count(adopt.Missing) != 0 {
		t.Errorf("got\n%s", got)
	}
	lang.Step = slices.DeleteFunc(lang.Step, func(key string) bool { return key == "register" || key == "loop" })
	if got := report(t, lang, text); got.Count(adopt.Missing) != 2 {
		t.Errorf("got\n%s", got)
	}
}

// A plan is no playbook.
func TestParseTellsPlansFromPlaybooks(t *testing.T) {
	for text, want := range map[string]bool{"- hosts: all\n": true, "hosts: all\nsteps: []\n": false, "": false, "[]": true} {
		if _, is, err := adopt.Parse("f.yml", []byte(text)); is != want || err != nil {
			t.Errorf("%q: got %v, %v", text, is, err)
		}
	}
	if _, is, err := adopt.Parse("f.yml", []byte("- a: 1\n  a: 2\n")); !is || err == nil {
		t.Errorf("a key that stands twice: got %v, %v", is, err)
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Data)
	}
	lang := language(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		v, is, err := adopt.Parse("site.yml", data)
		if err != nil || !is {
			return
		}
		r := adopt.Read(v, lang)
		for _, finding := range r.Findings {
			if finding.What == "" || finding.Verdict != adopt.Same && finding.Note == "" || strings.Contains(finding.String(), "\n") {
				t.Errorf("a finding says nothing, or is no line: %+v", finding)
			}
		}
	})
}
