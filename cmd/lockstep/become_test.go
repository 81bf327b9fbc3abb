package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"lockstep/cmd/lockstep-lab/lab"
)

// rootsFile is what the tests of small plans write, and remove again.
const rootsFile = "/etc/only-root"

// small writes one file that only root may read.
func small(t *testing.T) string {
	t.Helper()
	return write(t, "small.yml", `name: a file of root's
hosts: pxc
become: true
steps:
  - name: the file
    copy: {dest: `+rootsFile+`, content: "only root reads this\n", owner: root, group: root, mode: "0600"}
`)
}

func TestEveryUserThatMayBecomesRoot(t *testing.T) {
	l := healthy(t)
	password := passwordOf(t, l)
	file := write(t, "password", password+"\n")
	must(t, os.Chmod(file, 0o600)) // a secret's file is nobody else's
	secret := "\"{{ login }}\"\n    login: dba\n    sudo: !secret {file: " + file + "}\n    ansible_become_password: \"{{ sudo }}\""
	for _, row := range []struct {
		name, user, stdin string
		flags             []string
	}{
		{"root", "root", "", nil},
		{"sudo without a password", "deploy", "", nil},
		{"sudo with the password on stdin", "dba", password + "\n", []string{"-K"}},
		{"sudo with the password in a file", "dba", "", []string{"--become-password-file", file}},
		{"sudo with the password in a secret of the inventory", secret, "", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			onAll(t, l, "rm", "-f", rootsFile)
			afterwards(t, l, "rm", "-f", rootsFile)
			inv, plan := inventoryWith(t, l, map[string]string{"ansible_user: root": "ansible_user: " + row.user}), small(t)
			watch := watchProcesses()
			first := exits(t, exitDone, lockstep(t, row.stdin, slices.Concat([]string{"apply", "-y", "-vv", "-i", inv, plan}, row.flags)...))
			again := exits(t, exitDone, lockstep(t, row.stdin, slices.Concat([]string{"plan", "--json", "--detailed-exitcode", "-i", inv, plan}, row.flags)...))
			seen := watch()
			for what, text := range map[string]string{
				"stdout": first.stdout + again.stdout, "stderr": first.stderr + again.stderr, "a process list": seen,
			} {
				if strings.Contains(text, password) {
					t.Errorf("the sudo password is in %s", what)
				}
			}
			if !strings.Contains(seen, "sshd") {
				t.Errorf("the processes of the logins were not seen: got\n%s", seen)
			}
			wantRootsFile(t, l)
			wantNothingTemporary(t, l)
		})
	}
}

func passwordOf(t *testing.T, l *lab.Lab) string {
	t.Helper()
	password, err := l.Password("dba")
	must(t, err)
	return password
}

func wantRootsFile(t *testing.T, l *lab.Lab) {
	t.Helper()
	for _, n := range l.Nodes() {
		got := on(t, n, "stat", "-c", "%a %U:%G %s", rootsFile)
		if want := "600 root:root 21"; got != want {
			t.Errorf("%s: %s: got %s, want %s", n.Name(), rootsFile, got, want)
		}
	}
}

// watchProcesses collects the command lines on all hosts and on this machine
// until the returned function is called.
func watchProcesses() func() string {
	seen, stop := map[string]bool{}, make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			for _, line := range commandLines() {
				seen[line] = true
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	return func() string {
		close(stop)
		done.Wait()
		var lines []string
		for line := range seen {
			lines = append(lines, line)
		}
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
}

// commandLines are those of all processes: the hosts' are this machine's too.
func commandLines() []string {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is valid
	var lines []string
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil && len(data) > 0 {
			lines = append(lines, strings.ReplaceAll(string(data), "\x00", " "))
		}
	}
	return lines
}
