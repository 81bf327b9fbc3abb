package remote

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/executor"
)

// smallDisk mounts a file system of 64 KiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "lockstep-test", dir).CombinedOutput(); err != nil {
		missing(t, "a small file system cannot be mounted here: "+string(out))
	}
	t.Cleanup(func() { _ = exec.Command("umount", dir).Run() })
	return dir
}

func TestFullDiskKeepsTheOldFileAndSaysSo(t *testing.T) {
	eachWay(t, func(t *testing.T, c *Conn) {
		file := filepath.Join(smallDisk(t), "my.cnf")
		put(t, file, "old")
		if c.inline > 0 {
			c.inline = 1 << 20
		}
		err := c.Commit(t.Context(), []executor.Write{{
			Op: executor.PutFile, Path: file, Data: bytes.Repeat([]byte("x"), 200<<10), Was: was(t, c, file),
		}})
		var failed *executor.CommitError
		if !errors.As(err, &failed) || failed.Path != file {
			t.Fatalf("got %v", err)
		}
		for _, want := range []string{"no room for " + file, "KiB are free on"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q lacks %q", err, want)
			}
		}
		if data, _ := os.ReadFile(file); string(data) != "old" {
			t.Errorf("the file has %d bytes", len(data))
		}
		if left, _ := filepath.Glob(filepath.Dir(file) + "/.lockstep-*"); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	})
}
