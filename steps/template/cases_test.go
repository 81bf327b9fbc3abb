package template

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"lockstep/steps/stepstest"
)

var update = flag.Bool("update", false, "write the golden parts of testdata again")

// TestCases renders the archives of testdata/cases. Each holds the template and
// the variables, further files of its folder, and as golden part what comes
// out: "want" or "error".
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			want, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			got := play(t, want)
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
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

// play renders one archive and returns it with what came out.
func play(t *testing.T, a *txtar.Archive) *txtar.Archive {
	t.Helper()
	out := &txtar.Archive{Comment: a.Comment}
	w := stepstest.NewWorld(Kind())
	vars := "{}"
	for _, f := range a.Files {
		switch f.Name {
		case "want", "error":
			continue
		case "vars":
			vars = "\n  " + strings.ReplaceAll(strings.TrimRight(string(f.Data), "\n"), "\n", "\n  ")
		default:
			w.Control.PutFile("/plan/"+f.Name, string(f.Data))
		}
		out.Files = append(out.Files, f)
	}
	w.Control.PutFile("/etc/hostname", "the control machine")
	step := stepstest.Decode(t, Kind(), "src: template\ndest: /out\nvars: "+vars)
	c, err := step.Probe(t.Context(), w.View())
	if err != nil {
		return with(out, "error", []byte(err.Error()+"\n"))
	}
	return with(out, "want", c.Edits[0].After.Data)
}

func with(a *txtar.Archive, name string, data []byte) *txtar.Archive {
	if !bytes.HasSuffix(data, []byte("\n")) {
		data = append(bytes.Clone(data), "∎\n"...)
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: data})
	return a
}
