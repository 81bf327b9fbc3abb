package remote

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// AppendKnownHosts adds lines at the end of a known_hosts file, except those
// that it has. Nothing in the file is changed, and others who do the same wait.
func AppendKnownHosts(name string, lines []string) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("known hosts: %w", err)
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("known hosts: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("known hosts: lock %s: %w", name, err)
	}
	had, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("known hosts: %w", err)
	}
	var text strings.Builder
	if len(had) > 0 && !bytes.HasSuffix(had, []byte("\n")) {
		text.WriteString("\n")
	}
	for _, line := range lines {
		if !bytes.Contains(append([]byte("\n"), had...), []byte("\n"+line+"\n")) {
			text.WriteString(line + "\n")
		}
	}
	if _, err := file.WriteString(text.String()); err != nil {
		return fmt.Errorf("known hosts: %w", err)
	}
	return file.Sync()
}
