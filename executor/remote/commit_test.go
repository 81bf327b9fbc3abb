package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/executor"
	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// eachWay runs a test for each way that payloads can take, and each sh.
func eachWay(t *testing.T, test func(t *testing.T, c *Conn)) {
	for name, set := range map[string]func(*Conn){
		"inline": func(*Conn) {},
		"sftp":   func(c *Conn) { c.inline = 0 },
		"cat":    func(c *Conn) { c.inline, c.servers = 0, []string{"/none"} },
	} {
		t.Run(name, func(t *testing.T) {
			eachSh(t, func(t *testing.T, c *Conn) {
				set(c)
				test(t, c)
			})
		})
	}
}

func mode(m fs.FileMode) *fs.FileMode { return &m }

// was is what the host answers now.
func was(t *testing.T, c *Conn, path string) steps.Stat {
	t.Helper()
	st, err := c.Stat(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func put(t *testing.T, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o640); err != nil {
		t.Fatal(err)
	}
}

// tree renders all below dir: mode, name and content.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		content := ""
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = fmt.Sprintf(" %.20q", data)
		}
		name, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%s %s%s\n", info.Mode(), name, content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCommitMakesTheWholeBatch(t *testing.T) {
	eachWay(t, func(t *testing.T, c *Conn) {
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		put(t, at("old"), "old")
		put(t, at("it's a $name"), "old")
		put(t, at("gone"), "")
		put(t, at("attrs"), "")
		if err := errors.Join(os.Symlink("old", at("link")), os.Mkdir(at("empty"), 0o755)); err != nil {
			t.Fatal(err)
		}
		batch := []executor.Write{
			{Op: executor.PutFile, Path: at("link"), Data: []byte("via link")},
			{Op: executor.PutFile, Path: at("it's a $name"), Data: everyByte(), Attrs: steps.Attrs{Mode: mode(0o604)}},
			{Op: executor.PutDir, Path: at("certs"), Attrs: steps.Attrs{Mode: mode(0o750)}},
			{Op: executor.PutDir, Path: at("certs/private")},
			{Op: executor.PutFile, Path: at("certs/private/key"), Data: []byte("secret")},
			{Op: executor.PutFile, Path: at("certs/empty")},
			{Op: executor.PutAttrs, Path: at("attrs"), Attrs: steps.Attrs{Mode: mode(0o4711)}},
			{Op: executor.PutGone, Path: at("gone")},
			{Op: executor.PutGone, Path: at("empty")},
			{Op: executor.PutGone, Path: at("never was")},
		}
		for i := range batch {
			batch[i].Was = was(t, c, batch[i].Path)
		}
		if err := c.Commit(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		want := `-u-rwx--x--x attrs ""
drwxr-x--- certs
-rw------- certs/empty ""
drwx------ certs/private
-rw------- certs/private/key "secret"
-rw----r-- it's a $name "\x00\x01\x02\x03\x04\x05\x06\a\b\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13"
Lrwxrwxrwx link
-rw-r----- old "via link"
`
		want = strings.Replace(want, "-u-rwx--x--x", "urwx--x--x", 1)
		if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
			t.Error(diff)
		}
		if data, _ := os.ReadFile(at("it's a $name")); !bytes.Equal(data, everyByte()) {
			t.Error("the content was altered")
		}
	})
}

func TestDriftOfOneStopsAll(t *testing.T) {
	eachWay(t, func(t *testing.T, c *Conn) {
		dir := t.TempDir()
		first, second := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		put(t, first, "first")
		put(t, second, "second")
		batch := []executor.Write{
			{Op: executor.PutFile, Path: first, Data: []byte("new"), Was: was(t, c, first)},
			{Op: executor.PutFile, Path: second, Data: []byte("new"), Was: was(t, c, second)},
		}
		put(t, second, "hotfix")
		before := tree(t, dir)
		err := c.Commit(t.Context(), batch)
		var failed *executor.CommitError
		if !errors.As(err, &failed) || !errors.Is(err, steps.ErrDrifted) || failed.Path != second || len(failed.Done) > 0 {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFileThatAppearedIsDrift(t *testing.T) {
	c := local(t)
	file := filepath.Join(t.TempDir(), "a")
	put(t, file, "theirs")
	err := c.Commit(t.Context(), []executor.Write{{Op: executor.PutFile, Path: file, Data: []byte("ours")}})
	if !errors.Is(err, steps.ErrDrifted) {
		t.Errorf("got %v", err)
	}
}

func TestFailedStageLeavesNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, c *Conn) {
		dir := t.TempDir()
		put(t, dir+"/a", "old")
		before := tree(t, dir)
		err := c.Commit(t.Context(), []executor.Write{
			{Op: executor.PutFile, Path: dir + "/a", Data: []byte("new"), Was: was(t, c, dir+"/a")},
			{Op: executor.PutFile, Path: dir + "/none/b", Data: []byte("new")},
		})
		var failed *executor.CommitError
		if !errors.As(err, &failed) || failed.Path != dir+"/none/b" || len(failed.Done) > 0 {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFailureSaysWhatIsDone(t *testing.T) {
	eachWay(t, func(t *testing.T, c *Conn) {
		dir := t.TempDir()
		put(t, dir+"/full", "")
		if err := os.MkdirAll(dir+"/dir/full", 0o755); err != nil {
			t.Fatal(err)
		}
		batch := []executor.Write{
			{Op: executor.PutFile, Path: dir + "/a", Data: []byte("new")},
			{Op: executor.PutGone, Path: dir + "/dir"},
			{Op: executor.PutFile, Path: dir + "/b", Data: []byte("new")},
		}
		for i := range batch {
			batch[i].Was = was(t, c, batch[i].Path)
		}
		err := c.Commit(t.Context(), batch)
		var failed *executor.CommitError
		if !errors.As(err, &failed) || failed.Path != dir+"/dir" || !cmp.Equal(failed.Done, []string{dir + "/a"}) ||
			!strings.Contains(err.Error(), "not empty") {
			t.Errorf("got %v", err)
		}
		want := "-rw------- a \"new\"\ndrwxr-xr-x dir\ndrwxr-xr-x dir/full\n-rw-r----- full \"\"\n"
		if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestUnknownOwnerFailsBeforeTheFirstMove(t *testing.T) {
	c := local(t)
	dir := t.TempDir()
	err := c.Commit(t.Context(), []executor.Write{
		{Op: executor.PutFile, Path: dir + "/a", Data: []byte("new")},
		{Op: executor.PutFile, Path: dir + "/b", Data: []byte("new"), Attrs: steps.Attrs{Owner: "nosuchuser"}},
	})
	var failed *executor.CommitError
	if !errors.As(err, &failed) || failed.Path != dir+"/b" || len(failed.Done) > 0 || !strings.Contains(err.Error(), "nosuchuser") {
		t.Errorf("got %v", err)
	}
	if left := tree(t, dir); left != "" {
		t.Errorf("left: %s", left)
	}
}

func TestOwnerAndModeOfTheOldFileStay(t *testing.T) {
	if os.Getuid() != 0 {
		missing(t, "only root gives files away")
	}
	eachSh(t, func(t *testing.T, c *Conn) {
		file := filepath.Join(t.TempDir(), "a")
		put(t, file, "old")
		if err := errors.Join(os.Chown(file, 1, 2), os.Chmod(file, 0o464)); err != nil {
			t.Fatal(err)
		}
		if err := c.Commit(t.Context(), []executor.Write{{Op: executor.PutFile, Path: file, Data: []byte("new"), Was: was(t, c, file)}}); err != nil {
			t.Fatal(err)
		}
		if st := was(t, c, file); st.Owner != "daemon" || st.Group != "bin" || st.Mode != 0o464 || st.Size != 3 {
			t.Errorf("got %+v", st)
		}
	})
}

func TestCancelledCommitChangesNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, c *Conn) {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := c.Commit(ctx, []executor.Write{{Op: executor.PutFile, Path: dir + "/a", Data: []byte("new")}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if left := tree(t, dir); left != "" {
			t.Errorf("left: %s", left)
		}
	})
}

// TestCutAnywhereLeavesWholeFiles breaks the connection at many places of a
// commit. Each file must be wholly old or wholly new, and the error must not
// deny what was done.
func TestCutAnywhereLeavesWholeFiles(t *testing.T) {
	for name, inline := range map[string]int{"inline": 1 << 20, "sftp": 0} {
		t.Run(name, func(t *testing.T) {
			var cutter sshserver.Cutter
			wire := func(conn net.Conn) net.Conn { return cutter.Wire(conn) }
			_, target := serve(t, sshserver.Options{Faults: sshserver.Faults{Wire: wire}})
			start, _ := cutter.Seen()
			cutOnce(t, target, inline, func() { start, _ = cutter.Seen() })
			end, _ := cutter.Seen()
			const places = 12
			for i := range int64(places) {
				at := 1 + (end-start)*i/places
				t.Run(fmt.Sprint(at), func(t *testing.T) {
					cutOnce(t, target, inline, func() { cutter.Arm(sshserver.Break{At: at, How: sshserver.Cut}) })
				})
			}
		})
	}
}

func cutOnce(t *testing.T, target Target, inline int, arm func()) {
	c := dial(t, target)
	c.inline = inline
	dir := t.TempDir()
	var batch []executor.Write
	for _, name := range []string{"a", "b", "c"} {
		file := filepath.Join(dir, name)
		put(t, file, "old")
		batch = append(batch, executor.Write{Op: executor.PutFile, Path: file, Data: bytes.Repeat([]byte("new"), 10000), Was: was(t, c, file)})
	}
	arm()
	err := c.Commit(t.Context(), batch)
	var failed *executor.CommitError
	if err != nil && !errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}
	for _, w := range batch {
		data, readErr := os.ReadFile(w.Path)
		isNew := bytes.Equal(data, w.Data)
		if readErr != nil || !isNew && string(data) != "old" {
			t.Errorf("%s has %d bytes, %v", w.Path, len(data), readErr)
		}
		if err == nil && !isNew {
			t.Errorf("%s is old, and no error says so", w.Path)
		}
	}
	if left, _ := filepath.Glob(dir + "/.lockstep-*"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	_ = c.Close()
}

func TestCancelStopsALargeTransfer(t *testing.T) {
	for name, servers := range map[string][]string{"sftp": sftpServers(), "cat": {"/none"}} {
		t.Run(name, func(t *testing.T) {
			c := local(t)
			c.servers = servers
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				done <- c.Commit(ctx, []executor.Write{{Op: executor.PutFile, Path: dir + "/a", Data: make([]byte, 512<<20)}})
			}()
			for { // until the first bytes are there
				found, _ := filepath.Glob(dir + "/.lockstep-*")
				if len(found) > 0 {
					break
				}
				time.Sleep(time.Millisecond)
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if left := tree(t, dir); left != "" {
				t.Errorf("left: %s", left)
			}
			c.inline = 0
			if err := c.Commit(t.Context(), []executor.Write{{Op: executor.PutFile, Path: dir + "/a", Data: []byte("next")}}); err != nil {
				t.Errorf("the next commit: %v", err)
			}
		})
	}
}
