package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lockstep/steps/all"
)

// TestReferencePages holds docs/steps to the program. `make docs` writes it.
func TestReferencePages(t *testing.T) {
	kinds, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("..", "..", "docs", "steps")
	want := pages(kinds)
	if *update {
		writePages(t, dir, want)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want[name] {
			t.Errorf("docs/steps/%s is stale: run `make docs` and commit what it writes", name)
		}
		for line := range strings.Lines(want[name]) {
			if strings.TrimRight(line, " \n") != strings.TrimSuffix(line, "\n") {
				t.Errorf("%s: the line %q ends in blanks", name, line)
			}
		}
	}
	for _, name := range present(t, dir) {
		if _, ok := want[name]; !ok {
			t.Errorf("docs/steps/%s is about no kind: run `make docs`", name)
		}
	}
}

func writePages(t *testing.T, dir string, pages map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range present(t, dir) {
		if _, ok := pages[name]; !ok {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func present(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Errorf("%v: run `make docs`", err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestItemsFitATerminal(t *testing.T) {
	var b strings.Builder
	item(&b, "  ", "`a` (text): "+strings.Repeat("word ", 30)+strings.Repeat("x", 90)+" end")
	want := "  - `a` (text): " + strings.TrimSpace(strings.Repeat("word ", 13)) + "\n" +
		"    " + strings.TrimSpace(strings.Repeat("word ", 15)) + "\n" +
		"    " + strings.TrimSpace(strings.Repeat("word ", 2)) + "\n" +
		"    " + strings.Repeat("x", 90) + "\n    end\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
