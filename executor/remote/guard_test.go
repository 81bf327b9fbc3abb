package remote

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	}{{steps.Attrs{Mode: mode(0o600)}, "0600\n"}, {steps.Attrs{}, "0600\n0600\n"}} {
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

// TestManyFilesAreGuardedByFewPrograms: only what takes a file's name in place
// of another is run for each of them.
func TestManyFilesAreGuardedByFewPrograms(t *testing.T) {
	_, target := serve(t, sshserver.Options{})
	log, bin := filepath.Join(t.TempDir(), "log"), t.TempDir()
	put(t, log, "")
	for _, name := range []string{"stat", "chown", "chgrp", "chmod", "wc", "rm", "sync", "getfacl", "mv"} {
		if real, err := exec.LookPath(name); err == nil {
			put(t, filepath.Join(bin, name), "#!/bin/sh\necho "+name+" >>"+log+"\nexec "+real+" \"$@\"\n")
			if err := os.Chmod(filepath.Join(bin, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	target.path = bin + ":" + searchPath
	c := dial(t, target)
	dir := t.TempDir()
	var batch []executor.Write
	const files = 40
	for i := range files {
		file := filepath.Join(dir, fmt.Sprint(i))
		if i%2 == 0 {
			put(t, file, "old")
		}
		batch = append(batch, executor.Write{Op: executor.PutFile, Path: file, Data: []byte("new"), Was: was(t, c, file), Attrs: steps.Attrs{Mode: mode(0o640)}})
	}
	put(t, log, "")
	if err := c.Commit(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, name := range strings.Fields(readAll(t, log)) {
		count[name]++
	}
	if count["mv"] < files || count["mv"] > files+2 {
		t.Errorf("%d files were moved by %d programs", files, count["mv"])
	}
	delete(count, "mv")
	for name, n := range count {
		if n > 4 {
			t.Errorf("%s was run %d times", name, n)
		}
	}
	for i := range files {
		if got := readAll(t, filepath.Join(dir, fmt.Sprint(i))); got != "new" {
			t.Errorf("%d: got %q", i, got)
		}
	}
}
