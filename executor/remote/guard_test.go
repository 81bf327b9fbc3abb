package remote

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lockstep/executor"
	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// TestNewContentIsNeverMoreOpenThanItsMode: a private key that replaces a
// readable file is not readable on its way there.
func TestNewContentIsNeverMoreOpenThanItsMode(t *testing.T) {
	chmod, err := exec.LookPath("chmod")
	if err != nil {
		t.Fatal(err)
	}
	_, target := serve(t, sshserver.Options{})
	dir := t.TempDir()
	modes, file := filepath.Join(dir, "modes"), filepath.Join(dir, "key")
	target.path = filepath.Dir(namedScript(t, "chmod", `echo "$1" >>`+modes+`; exec `+chmod+` "$@"`)) + ":" + searchPath
	c := dial(t, target)
	put(t, file, "old")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		attrs steps.Attrs
		want  string
	}{{steps.Attrs{Mode: mode(0o600)}, "0600\n"}, {steps.Attrs{}, "0600\n600\n"}} {
		batch := []executor.Write{{Op: executor.PutFile, Path: file, Data: []byte("new"), Attrs: row.attrs, Was: was(t, c, file)}}
		if err := c.Commit(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, modes); got != row.want {
			t.Errorf("modes on the way: got %q, want %q", got, row.want)
		}
	}
}

// namedScript is script under a name of its own.
func namedScript(t *testing.T, name, text string) string {
	t.Helper()
	file := script(t, text)
	to := filepath.Join(filepath.Dir(file), name)
	if err := os.Rename(file, to); err != nil {
		t.Fatal(err)
	}
	return to
}
