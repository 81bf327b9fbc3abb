package optionfile

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden parts of testdata again")

// TestEdits runs the cases of testdata/edits. Each archive holds the settings
// wanted, the file before, and as golden parts the edits told and the diff, or
// the error. In "before", ⏎ at a line end stands for a carriage return and a
// last line ∎ for a missing newline.
func TestEdits(t *testing.T) {
	files, err := filepath.Glob("testdata/edits/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			want, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := runCase(t, want)
			if *update {
				if err := os.WriteFile(name, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(want)), string(txtar.Format(got))); diff != "" {
				t.Errorf("(-want +got, renew with -update):\n%s", diff)
			}
		})
	}
}

func runCase(t *testing.T, a *txtar.Archive) *txtar.Archive {
	t.Helper()
	before, want := decodeCase(part(a, "before")), settings(t, part(a, "want"))
	out := &txtar.Archive{Comment: a.Comment}
	put := func(name, text string) {
		if text != "" {
			out.Files = append(out.Files, txtar.File{Name: name, Data: []byte(text)})
		}
	}
	put("want", part(a, "want"))
	put("before", part(a, "before"))
	next, edits, err := Apply(parse(t, before), want)
	if err != nil {
		put("error", strings.TrimSpace(err.Error())+"\n")
		return out
	}
	checkTwice(t, next, want)
	var told strings.Builder
	for _, e := range edits {
		told.WriteString(e.String() + "\n")
	}
	put("edits", told.String())
	put("diff", encodeCase(udiff.Unified("before", "after", before, string(next.Bytes()))))
	return out
}

// part is the text of a part of an archive, or "".
func part(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func checkTwice(t *testing.T, f *File, want []Setting) {
	t.Helper()
	again, edits, err := Apply(f, want)
	if err != nil || len(edits) > 0 || !bytes.Equal(again.Bytes(), f.Bytes()) {
		t.Errorf("the second run edits again: %v, %v", edits, err)
	}
}

func decodeCase(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "⏎\n", "\r\n"), "\n∎\n", "")
}

func encodeCase(s string) string { return strings.ReplaceAll(s, "\r\n", "⏎\n") }

// settings reads the small language of the cases: a verb, a [group] and what
// it needs. "same" gives the groups that all settings below count as the same.
func settings(t *testing.T, text string) []Setting {
	t.Helper()
	var out []Setting
	var same []string
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		verb, rest, _ := strings.Cut(l, " ")
		if verb == "same" {
			same = strings.Fields(rest)
			continue
		}
		group, rest, _ := strings.Cut(strings.TrimPrefix(rest, "["), "] ")
		key, value, _ := strings.Cut(rest, " = ")
		s := Setting{Group: group, Same: same, Key: key}
		switch verb {
		case "set":
			s.Value = value
		case "flag":
			s.Flag = true
		case "absent":
			s.Absent = true
		case "comment":
			s.Commented = true
		case "sub":
			s.Key, s.Sub = providerOptions, []Sub{{Key: key, Value: value}}
		case "nosub":
			s.Key, s.Sub = providerOptions, []Sub{{Key: key, Absent: true}}
		default:
			t.Fatalf("unknown verb in %q", l)
		}
		out = append(out, s)
	}
	return out
}
