// Package arrows holds no code: its test keeps the direction in which the
// packages of lockstep import each other.
package arrows

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pkg is what `go list -json` tells of a package.
type pkg struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports, Deps   []string
}

// name is the path inside the module, or "" for a foreign package.
func name(importPath string) string {
	in, ours := strings.CutPrefix(importPath, "lockstep/")
	if !ours {
		return ""
	}
	return in
}

// list returns the module's packages and which of them are kinds.
func list(t *testing.T) (all []pkg, kinds map[string]bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,Imports,Deps", "./...")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	kinds = map[string]bool{}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all, kinds
		}
		if err != nil {
			t.Fatal(err)
		}
		if name(p.ImportPath) == "" {
			continue
		}
		all = append(all, p)
		kinds[name(p.ImportPath)] = isKind(t, p)
	}
}

var kindFunc = regexp.MustCompile(`(?m)^func Kind\(\) steps\.Kind\b`)

func isKind(t *testing.T, p pkg) bool {
	t.Helper()
	if !strings.HasPrefix(name(p.ImportPath), "steps/") {
		return false
	}
	return slices.ContainsFunc(p.GoFiles, func(file string) bool {
		text, err := os.ReadFile(filepath.Join(p.Dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return kindFunc.Match(text)
	})
}

// floor is how high a package stands; imports go to a lower one.
func floor(p string, kinds map[string]bool) int {
	switch {
	case strings.HasPrefix(p, "internal/"):
		return 0
	case p == "steps/param", strings.HasPrefix(p, "inventory/"):
		return 1
	case p == "steps", p == "inventory":
		return 2
	case p == "plan":
		return 3
	case kinds[p], p == "executor", strings.HasPrefix(p, "plan/"):
		return 4
	case p == "steps/all", strings.HasPrefix(p, "executor/"):
		return 5
	case strings.HasPrefix(p, "steps/"): // helpers of kinds
		return 3
	default: // cmd, bench, examples, tools
		return 6
	}
}

func TestImportsPointDown(t *testing.T) {
	all, kinds := list(t)
	for _, p := range all {
		from := name(p.ImportPath)
		for _, imported := range p.Imports {
			to := name(imported)
			switch {
			case to == "", besides(from, to):
			case kinds[from] && kinds[to]:
				t.Errorf("%s imports %s: kinds never import kinds; move what both need into a helper below steps/ or internal/", from, to)
			case kinds[from] && to == "plan":
				t.Errorf("%s imports %s: a kind does not know the plan it stands in", from, to)
			case floor(to, kinds) >= floor(from, kinds):
				t.Errorf("%s imports %s, which does not stand below it", from, to)
			}
		}
	}
}

// besides reports packages of one floor that may import each other: those of
// one program, those below internal, helpers of kinds, and what keeps plans from
// what keeps runs.
func besides(from, to string) bool {
	one := func(dir string) bool { return strings.HasPrefix(from, dir) && strings.HasPrefix(to, dir) }
	helper := func(p string) bool {
		return slices.Contains([]string{"steps/dest", "steps/rotation", "steps/serverfiles", "steps/sqlclient", "steps/unit", "steps/wsrep"}, p)
	}
	if from == "executor/saved" && to == "executor/journal" {
		return true
	}
	return one("internal/") || one("cmd/lockstep/") || one("cmd/lockstep-lab/") || one("bench/") ||
		strings.HasPrefix(to, from+"/") && (from == "bench" || strings.HasPrefix(from, "cmd/")) || helper(from) && helper(to)
}

func TestPlanAndExecutorKnowNoKind(t *testing.T) {
	all, kinds := list(t)
	for _, p := range all {
		from := name(p.ImportPath)
		if from != "plan" && from != "executor" && !strings.HasPrefix(from, "executor/") {
			continue
		}
		for _, dep := range p.Deps {
			if to := name(dep); kinds[to] || to == "steps/all" {
				t.Errorf("%s depends on %s: kinds are handed in by cmd", from, to)
			}
		}
	}
}

func TestSSHLivesInOnePlace(t *testing.T) {
	homes := []string{"executor/remote", "internal/sshserver", "internal/sshsig", "cmd/lockstep-lab", "bench"}
	all, _ := list(t)
	for _, p := range all {
		from := name(p.ImportPath)
		if slices.ContainsFunc(homes, func(home string) bool { return from == home || strings.HasPrefix(from, home+"/") }) {
			continue
		}
		for _, to := range p.Imports {
			if strings.HasPrefix(to, "golang.org/x/crypto/ssh") || strings.HasPrefix(to, "github.com/pkg/sftp") {
				t.Errorf("%s imports %s: that belongs into executor/remote; everything else sees executor.Machine", from, to)
			}
		}
	}
}

func TestEveryKindIsListed(t *testing.T) {
	all, kinds := list(t)
	at := slices.IndexFunc(all, func(p pkg) bool { return name(p.ImportPath) == "steps/all" })
	if at < 0 {
		t.Fatal("there is no package steps/all")
	}
	text, err := os.ReadFile(filepath.Join(all[at].Dir, "all.go"))
	if err != nil {
		t.Fatal(err)
	}
	for kind, is := range kinds {
		line := path.Base(kind) + ".Kind(),"
		if is && !strings.Contains(string(text), "\t"+line) {
			t.Errorf("the kind %s is not listed: add the line `%s` to steps/all/all.go, and import %q", kind, line, "lockstep/"+kind)
		}
	}
}
