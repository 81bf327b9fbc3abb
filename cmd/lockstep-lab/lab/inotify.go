package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// All hosts share root's inotify instances with this machine, and each systemd
// takes eight or so. With the kernel's 128 the fourteenth host hangs half
// booted, without sshd.
const (
	inotifyPath = "/proc/sys/fs/inotify/max_user_instances"
	inotifyWant = 1024
)

func (l *Lab) inotifySaved() string { return l.Path("inotify.before") }

// raiseInotify lifts the limit if it is lower and notes in the file at saved
// what it was, for restoreInotify.
func raiseInotify(limit, saved string) error {
	now, err := readNumber(limit)
	if err != nil || now >= inotifyWant {
		return err
	}
	if _, err := os.Stat(saved); errors.Is(err, fs.ErrNotExist) {
		if err := writeFile(saved, []byte(strconv.Itoa(now)+"\n"), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(limit, []byte(strconv.Itoa(inotifyWant)), 0o644)
}

// restoreInotify sets the limit back unless someone else has changed it since.
func restoreInotify(limit, saved string) error {
	before, err := readNumber(saved)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if now, err := readNumber(limit); err != nil || now != inotifyWant {
		return err
	}
	return os.WriteFile(limit, []byte(strconv.Itoa(before)), 0o644)
}

func readNumber(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}
