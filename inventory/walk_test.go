package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFoldersAreReadToAnEnd holds that neither a link in circles nor a pipe nor
// a device in a folder makes Load wait or fill the memory.
func TestFoldersAreReadToAnEnd(t *testing.T) {
	for _, folder := range []string{"prod", "prod/sub", "group_vars/pxc", "host_vars"} {
		for _, row := range []struct {
			name, want string
			make       func(path string) error
		}{
			{"circle", "this is a link to a folder above it", func(path string) error { return os.Symlink(".", path) }},
			{"pipe", "this is neither a file nor a folder", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
			{"zeros", "this is neither a file nor a folder", func(path string) error { return os.Symlink("/dev/zero", path) }},
		} {
			t.Run(filepath.Base(folder)+" "+row.name, func(t *testing.T) {
				t.Chdir(t.TempDir())
				for _, f := range []string{"prod", folder} {
					if err := os.MkdirAll(f, 0o755); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.WriteFile("hosts", []byte("[pxc]\ndb1\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(folder, "b")
				if folder == "host_vars" {
					path = filepath.Join(folder, "db1")
				}
				if err := row.make(path); err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(folder, "group_vars") { // two links multiply at every level
					if err := os.Symlink(".", filepath.Join(folder, "a")); err != nil {
						t.Fatal(err)
					}
				}
				_, err := load("hosts", "prod")
				if err == nil || !strings.Contains(err.Error(), row.want) {
					t.Errorf("got %v, want %q", err, row.want)
				}
			})
		}
	}
}

func TestFilesAreBounded(t *testing.T) {
	if _, err := load("/dev/zero"); err == nil || !strings.Contains(err.Error(), "it is larger than 64 MiB") {
		t.Errorf("got %v", err)
	}
}
