package inventory

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
	"lockstep/inventory/vault"
)

var update = flag.Bool("update", false, "rewrite the expectations of the case files")

// TestBrokenInventoriesAreExplained runs testdata/broken: each case is a folder
// of files, "args" names the inventories (inv.yml without it), and "error" is
// the whole answer of Load, or of Connection when Load has none.
func TestBrokenInventoriesAreExplained(t *testing.T) {
	cases, err := filepath.Glob("testdata/broken/*.txtar")
	if err != nil || len(cases) < 30 {
		t.Fatalf("found %d cases, error %v", len(cases), err)
	}
	for _, path := range cases {
		path, _ := filepath.Abs(path)
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive := readArchive(t, path)
			t.Chdir(t.TempDir())
			t.Setenv("HOME", "/home/dba")
			got := answer(unpack(t, archive))
			if got == "" {
				t.Fatal("no error, want one")
			}
			compare(t, path, archive, "error", got)
		})
	}
}

// unpack writes the files of a case into the working folder and returns its
// arguments.
func unpack(t *testing.T, a *archive) []string {
	t.Helper()
	args := []string{"inv.yml"}
	for _, f := range a.files {
		switch f.name {
		case "args":
			args = strings.Fields(f.data)
		case "error", "graph", "vars", "warnings":
		default:
			if err := os.MkdirAll(filepath.Dir(f.name), 0o755); err != nil {
				t.Fatal(err)
			}
			mode := os.FileMode(0o644)
			if strings.HasPrefix(f.data, "#!") {
				mode = 0o755
			}
			if err := os.WriteFile(f.name, []byte(f.data), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	return args
}

// load is Load with the options that stand among the arguments of a case:
// plan=FOLDER and vault=ID@FILE.
func load(args ...string) (*Inventory, error) {
	var o Options
	var ring vault.Keyring
	var paths []string
	for _, arg := range args {
		if folder, ok := strings.CutPrefix(arg, "plan="); ok {
			o.PlanFolder = folder
		} else if from, ok := strings.CutPrefix(arg, "vault="); ok {
			s, err := vault.ParseSource(from)
			if err != nil {
				return nil, err
			}
			ring.Sources = append(ring.Sources, s)
			o.Vault = &ring
		} else {
			paths = append(paths, arg)
		}
	}
	return Load(context.Background(), o, paths...)
}

func answer(args []string) string {
	inv, err := load(args...)
	if err == nil {
		err = connectable(inv)
	}
	if err == nil {
		return ""
	}
	var text strings.Builder
	for _, problem := range multierror.Append(nil, err).Errors {
		if _, ok := problem.(*source.Error); !ok {
			text.WriteString("NOT A *source.Error: ")
		}
		text.WriteString(problem.Error() + "\n")
	}
	return text.String()
}

// connectable tells why hosts cannot be reached. A problem that several share is
// told once.
func connectable(inv *Inventory) error {
	var problems *multierror.Error
	for _, h := range inv.Hosts() {
		if _, err := h.Connection(h.Vars(), nil); err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	return inOrder(problems)
}

// compare checks got against the part of the case called name, or puts it there.
func compare(t *testing.T, path string, a *archive, name, got string) {
	t.Helper()
	want, ok := a.get(name)
	switch {
	case ok && want == got:
	case *update:
		a.set(name, got)
		a.save(t, path)
	default:
		t.Errorf("%s: got:\n%s\nwant:\n%s", name, got, want)
	}
}
