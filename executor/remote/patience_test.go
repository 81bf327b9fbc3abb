package remote

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/executor"
	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// TestCommitThatDoesNotEndIsNotCalledUntouched: the host may move the files
// after we stopped to wait, and here it does.
func TestCommitThatDoesNotEndIsNotCalledUntouched(t *testing.T) {
	ready, release := holdingFifo(t)
	_, target := serve(t, sshserver.Options{})
	first := filepath.Join(t.TempDir(), "first")
	put(t, first, "")
	slow := namedScript(t, "sync", "rm "+first+" 2>/dev/null || { echo >"+ready+"; exit; }; read -r line <"+release)
	target.path = filepath.Dir(slow) + ":" + searchPath
	c := dial(t, target)
	c.patience = 300 * time.Millisecond
	file := filepath.Join(t.TempDir(), "a")
	err := c.Commit(t.Context(), []executor.Write{{Op: executor.PutFile, Path: file, Data: []byte("new")}})
	var failed *executor.CommitError
	if !errors.As(err, &failed) || !errors.Is(err, steps.ErrUnreachable) || !strings.Contains(err.Error(), "the outcome is unknown") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(release, []byte("go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	readAll(t, ready) // it has moved the file and syncs the folder
	if got := readAll(t, file); got != "new" {
		t.Errorf("got %q", got)
	}
	// Its result is the last thing that it writes.
	wait := "for d in " + target.RunDir + "/*; do while [ ! -e $d/rc ]; do sleep 0.02; done; done"
	if _, err := c.Query(t.Context(), steps.Command{Argv: []string{"sh", "-c", wait}}); err != nil {
		t.Error(err)
	}
}
