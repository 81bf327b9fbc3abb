package local_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/executor"
	"lockstep/executor/local"
	"lockstep/steps"
)

var m local.Machine

func mode(m fs.FileMode) *fs.FileMode { return &m }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func stat(t *testing.T, path string) steps.Stat {
	t.Helper()
	st, err := m.Stat(t.Context(), path)
	must(t, err)
	return st
}

// put returns a write of content over what is at path now.
func put(t *testing.T, path, content string, a steps.Attrs) executor.Write {
	t.Helper()
	return executor.Write{Op: executor.PutFile, Path: path, Data: []byte(content), Attrs: a, Was: stat(t, path)}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	names, err := m.ReadDir(t.Context(), dir)
	must(t, err)
	return names
}

func TestStat(t *testing.T) {
	dir := t.TempDir()
	file, link, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	must(t, os.WriteFile(file, []byte("12345"), 0o600))
	must(t, os.Chmod(file, 0o640))
	must(t, os.Symlink("file", link))
	must(t, syscall.Mkfifo(pipe, 0o600))
	must(t, os.Chmod(dir, 0o711|fs.ModeSticky))
	got := stat(t, file)
	if got.Kind != steps.Regular || got.Mode != 0o640 || got.Size != 5 || got.Owner == "" || got.Group == "" || got.Version == "" || time.Since(got.Changed) > time.Minute {
		t.Errorf("a file: got %+v", got)
	}
	if got := stat(t, link); got.Kind != steps.Link || got.Target != "file" {
		t.Errorf("a link: got %+v", got)
	}
	if got := stat(t, dir); got.Kind != steps.Directory || got.Mode != 0o1711 {
		t.Errorf("a directory: got %+v", got)
	}
	if got := stat(t, pipe); got.Kind != steps.Special {
		t.Errorf("a pipe: got %+v", got)
	}
	if got := stat(t, filepath.Join(dir, "no")); got != (steps.Stat{Kind: steps.Absent}) {
		t.Errorf("nothing: got %+v", got)
	}
	if _, err := m.ReadFile(t.Context(), pipe); err == nil {
		t.Error("a pipe was read")
	}
	if _, err := m.ReadFile(t.Context(), filepath.Join(dir, "no")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
	must(t, os.Truncate(file, steps.MaxRead+1))
	if _, err := m.ReadFile(t.Context(), link); !errors.Is(err, steps.ErrTooBig) {
		t.Errorf("got %v, want ErrTooBig", err)
	}
}

func TestVersions(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	before := stat(t, dir).Version
	must(t, os.WriteFile(file, []byte("a"), 0o600))
	if stat(t, dir).Version != before {
		t.Error("a directory's version changed with what is in it")
	}
	last := stat(t, file).Version
	for name, change := range map[string]func() error{
		"content":    func() error { return os.WriteFile(file, []byte("bb"), 0o600) },
		"attributes": func() error { return os.Chmod(file, 0o644) },
		"another": func() error {
			return errors.Join(os.WriteFile(file+"2", []byte("bb"), 0o644), os.Rename(file+"2", file))
		},
	} {
		must(t, change())
		if now := stat(t, file).Version; now == last {
			t.Errorf("%s: the version is the same", name)
		} else {
			last = now
		}
	}
}

func TestCommit(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(at("old"), []byte("old"), 0o600))
	must(t, os.Chmod(at("old"), 0o644))
	must(t, os.WriteFile(at("attrs"), []byte("same"), 0o600))
	must(t, os.WriteFile(at("gone"), nil, 0o600))
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	must(t, m.Commit(t.Context(), []executor.Write{
		{Op: executor.PutDir, Path: at("dir"), Attrs: steps.Attrs{Mode: mode(0o2755)}, Was: stat(t, at("dir"))},
		{Op: executor.PutDir, Path: at("plain"), Was: stat(t, at("plain"))},
		put(t, at("dir/new"), "new", steps.Attrs{}),
		put(t, at("suid"), "x", steps.Attrs{Mode: mode(0o4755), Owner: stat(t, dir).Owner}),
		put(t, at("old"), "newer", steps.Attrs{}),
		{Op: executor.PutAttrs, Path: at("attrs"), Attrs: steps.Attrs{Mode: mode(0o444)}, Was: stat(t, at("attrs"))},
		{Op: executor.PutGone, Path: at("gone"), Was: stat(t, at("gone"))},
	}))
	for name, want := range map[string]fs.FileMode{"dir": 0o2755, "plain": 0o700, "dir/new": 0o600, "suid": 0o4755, "old": 0o644, "attrs": 0o444} {
		if got := stat(t, at(name)); got.Mode != want {
			t.Errorf("%s: mode %04o, want %04o", name, got.Mode, want)
		}
	}
	for name, want := range map[string]string{"dir/new": "new", "old": "newer", "attrs": "same"} {
		if got, err := m.ReadFile(t.Context(), at(name)); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if got, want := names(t, dir), []string{"attrs", "dir", "old", "plain", "suid"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCommitRefusesDrift(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for name, drift := range map[string]func() error{
		"changed": func() error { return os.WriteFile(b, []byte("somebody else's"), 0o600) },
		"removed": func() error { return os.Remove(b) },
	} {
		must(t, os.WriteFile(a, []byte("0"), 0o600))
		must(t, os.WriteFile(b, []byte("0"), 0o600))
		batch := []executor.Write{put(t, a, "1", steps.Attrs{}), put(t, b, "1", steps.Attrs{})}
		must(t, drift())
		err := m.Commit(t.Context(), batch)
		var ce *executor.CommitError
		if !errors.Is(err, steps.ErrDrifted) || !errors.As(err, &ce) || ce.Path != b || len(ce.Done) != 0 {
			t.Errorf("%s: got %#v", name, err)
		}
		if got, _ := os.ReadFile(a); string(got) != "0" {
			t.Errorf("%s: a target before the drifted one was changed", name)
		}
	}
	must(t, os.WriteFile(b, []byte("0"), 0o600))
	w := put(t, filepath.Join(dir, "new"), "1", steps.Attrs{})
	must(t, os.WriteFile(w.Path, nil, 0o600))
	if err := m.Commit(t.Context(), []executor.Write{w}); !errors.Is(err, steps.ErrDrifted) {
		t.Errorf("made meanwhile: got %v", err)
	}
}

func TestCommitLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	w := put(t, filepath.Join(dir, "f"), "x", steps.Attrs{Owner: "no_such_user_here"})
	err := m.Commit(t.Context(), []executor.Write{w})
	if err == nil || !strings.Contains(err.Error(), "no_such_user_here") {
		t.Errorf("got %v", err)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("it left %q", left)
	}
}

func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 && os.Getenv("CI") == "true" {
		t.Fatal("CI leaves nothing out, and only root gives files away")
	} else if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	file := filepath.Join(t.TempDir(), "f")
	must(t, m.Commit(t.Context(), []executor.Write{put(t, file, "1", steps.Attrs{Owner: "4711", Group: "4712"})}))
	must(t, m.Commit(t.Context(), []executor.Write{put(t, file, "2", steps.Attrs{})}))
	if got := stat(t, file); got.Owner != "4711" || got.Group != "4712" {
		t.Errorf("got %s:%s, want the owner that was there", got.Owner, got.Group)
	}
}

func TestRun(t *testing.T) {
	t.Setenv("SECRET_OF_THE_CALLER", "x")
	for _, row := range []struct {
		name string
		c    steps.Command
		code int
		out  string
	}{
		{"output", steps.Command{Argv: []string{"echo", "a  b", "$HOME"}}, 0, "a  b $HOME\n"},
		{"input", steps.Command{Argv: []string{"cat"}, Stdin: []byte("in")}, 0, "in"},
		{"code", steps.Command{Argv: []string{"sh", "-c", "exit 3"}}, 3, ""},
		{"signal", steps.Command{Argv: []string{"sh", "-c", "kill -TERM $$"}}, 143, ""},
		{"environment", steps.Command{Argv: []string{"sh", "-c", "echo $A$SECRET_OF_THE_CALLER$LC_ALL"}, Env: []string{"A=1"}}, 0, "1C\n"},
		{"folder", steps.Command{Argv: []string{"pwd"}}, 0, "/\n"},
		{"another folder", steps.Command{Argv: []string{"pwd"}, Dir: "/usr"}, 0, "/usr\n"},
		{"not found", steps.Command{Argv: []string{"no-such-program-here"}}, 127, ""},
		{"no such file", steps.Command{Argv: []string{"/no/such/program"}}, 127, ""},
		{"not a program", steps.Command{Argv: []string{"/etc/hostname"}}, 126, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := m.Run(t.Context(), row.c)
			if err != nil || out.Code != row.code || string(out.Stdout) != row.out {
				t.Errorf("got %d %q %q, %v; want %d %q", out.Code, out.Stdout, out.Stderr, err, row.code, row.out)
			}
		})
	}
	if _, err := m.Run(t.Context(), steps.Command{}); err == nil {
		t.Error("a command without words ran")
	}
}

// A command that is cut off takes its children with it and returns soon.
func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := m.Run(ctx, steps.Command{Argv: []string{"sh", "-c", "sleep 60 & wait"}})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("after %s: got %v", time.Since(start), err)
	}
}

// A command that leaves a child behind has ended all the same.
func TestLongIsHeardWhileItRuns(t *testing.T) {
	release := filepath.Join(t.TempDir(), "release")
	must(t, syscall.Mkfifo(release, 0o600))
	heard := map[bool]chan string{false: make(chan string, 9), true: make(chan string, 9)}
	done := make(chan steps.Output, 1)
	go func() {
		out, _ := m.Run(t.Context(), steps.Command{
			Argv: []string{"sh", "-c", "echo one; read word <" + release + "; echo bad >&2; exit 3"}, Long: true,
			Said: func(stderr bool, piece []byte) { heard[stderr] <- string(piece) },
		})
		done <- out
	}()
	if got := <-heard[false]; got != "one\n" {
		t.Errorf("heard %q", got)
	}
	must(t, os.WriteFile(release, []byte("go\n"), 0o600))
	if got := <-heard[true]; got != "bad\n" {
		t.Errorf("heard %q", got)
	}
	if out := <-done; string(out.Stdout) != "one\n" || string(out.Stderr) != "bad\n" || out.Code != 3 {
		t.Errorf("got %+v", out)
	}
}

func TestRunDoesNotWaitForDaemons(t *testing.T) {
	start := time.Now()
	out, err := m.Run(t.Context(), steps.Command{Argv: []string{"sh", "-c", "sleep 15 & echo started"}})
	if err != nil || string(out.Stdout) != "started\n" || time.Since(start) > 10*time.Second {
		t.Errorf("after %s: got %q, %v", time.Since(start), out.Stdout, err)
	}
}
