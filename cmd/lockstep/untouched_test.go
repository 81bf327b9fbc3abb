package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"lockstep/cmd/lockstep-lab/lab"
)

// state is what a host looks like: files, and what runs.
type state struct {
	files     map[string]lab.File
	processes []string
}

// look takes the state of all hosts, by name.
func look(t *testing.T, l *lab.Lab) map[string]state {
	t.Helper()
	all := map[string]state{}
	for _, n := range l.Nodes() {
		all[n.Name()] = state{filesOf(t, n), processesOf(t, n)}
	}
	return all
}

// filesOf is every file that a plan could want to touch, and what is in the
// program's own directory, which comes and goes. Of what a running server rewrites
// at will, the name, owner and mode count.
func filesOf(t *testing.T, n *lab.Node) map[string]lab.File {
	t.Helper()
	files, err := n.Snapshot(t.Context(), "/etc", "/root", "/home", "/tmp", "/var/tmp", "/opt", "/usr/local", "/run/lockstep", "/var/lib/mysql")
	must(t, err)
	delete(files, "/run/lockstep")
	for path, f := range files {
		if strings.HasPrefix(path, "/var/lib/mysql/") && f.Mode.IsRegular() {
			f.Size, f.MTime, f.SHA256 = 0, 0, ""
			files[path] = f
		}
	}
	return files
}

// processesOf leaves out what belongs to a login.
func processesOf(t *testing.T, n *lab.Node) []string {
	t.Helper()
	list, err := n.Processes()
	must(t, err)
	var out []string
	for _, p := range list {
		if text := p.String(); !ofLogin(text) {
			out = append(out, text)
		}
	}
	return out
}

func ofLogin(process string) bool {
	return slices.ContainsFunc([]string{"sshd", "sftp-server", "(sd-pam)", "systemd --user", "systemd-logind"}, func(word string) bool {
		return strings.Contains(process, word)
	})
}

// wantUntouched compares the hosts with how they looked before.
func wantUntouched(t *testing.T, l *lab.Lab, before map[string]state, hosts ...string) {
	t.Helper()
	for _, n := range l.Nodes() {
		if len(hosts) > 0 && !slices.Contains(hosts, n.Name()) {
			continue
		}
		was := before[n.Name()]
		compareFiles(t, n.Name(), was.files, filesOf(t, n))
		if now := processesOf(t, n); !slices.Equal(was.processes, now) {
			t.Errorf("%s: processes: got\n  %s\nwant as before\n  %s", n.Name(), strings.Join(now, "\n  "), strings.Join(was.processes, "\n  "))
		}
	}
}

func compareFiles(t *testing.T, host string, was, now map[string]lab.File) {
	t.Helper()
	all := maps.Clone(was)
	maps.Copy(all, now)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		old, existed := was[path]
		f, exists := now[path]
		switch {
		case !exists:
			t.Errorf("%s: %s is gone; want %s", host, path, old)
		case !existed:
			t.Errorf("%s: %s is new: got %s", host, path, f)
		case old != f:
			t.Errorf("%s: %s: got %s, want %s", host, path, f, old)
		}
	}
}

// wantNothingTemporary looks for what a run may have left anywhere.
func wantNothingTemporary(t *testing.T, l *lab.Lab) {
	t.Helper()
	wantNoStrayFile(t, l)
	for _, n := range l.Nodes() {
		if left := on(t, n, "find", "/run", "-path", "/run/lockstep/*"); left != "" {
			t.Errorf("%s: results of commands left behind: got\n%s\nwant none", n.Name(), left)
		}
	}
}

// wantNoStrayFile is the same for a run that was killed: what its last command
// said may still be in /run/lockstep, for root only.
func wantNoStrayFile(t *testing.T, l *lab.Lab) {
	t.Helper()
	for _, n := range l.Nodes() {
		found := on(t, n, "find", "/etc", "/root", "/home", "/tmp", "/run", "/var", "/opt", "/srv", "/usr/local", "/dev/shm",
			"-path", "/run/lockstep", "-prune", "-o", "-name", "*lockstep*", "-print")
		if found != "" {
			t.Errorf("%s: left behind: got\n%s\nwant nothing", n.Name(), found)
		}
		if open := on(t, n, "find", "/run", "-path", "/run/lockstep*", "-prune", "-not", "-perm", "0700", "-ls"); open != "" {
			t.Errorf("%s: others may look into what commands said: got %s, want mode 0700", n.Name(), open)
		}
	}
}
