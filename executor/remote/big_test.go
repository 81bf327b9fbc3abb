package remote

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lockstep/executor"
	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// sparse makes a file with a few bytes in each chunk and describes it.
func sparse(t *testing.T, size int64) (string, *steps.Content) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "source")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	err = f.Truncate(size)
	for at := int64(0); at < size; at += chunkSize {
		_, writeErr := f.WriteAt([]byte(nonce()), at)
		err = errors.Join(err, writeErr)
	}
	sum := sha256.New()
	_, readErr := io.Copy(sum, io.NewSectionReader(f, 0, size))
	if err := errors.Join(err, readErr, f.Truncate(size)); err != nil {
		t.Fatal(err)
	}
	return file, &steps.Content{
		Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)),
		Open: func() (steps.Source, error) { return os.Open(file) },
	}
}

func hashOf(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// bigWays are the ways that a big file can take.
func bigWays(t *testing.T, test func(t *testing.T, set func(*Conn))) {
	t.Run("sftp", func(t *testing.T) { test(t, func(*Conn) {}) })
	t.Run("cat", func(t *testing.T) { test(t, func(c *Conn) { c.servers = []string{"/none"} }) })
}

func parts(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(dir + "/.lockstep-*")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// peak runs f and returns the most bytes that lived on the heap meanwhile.
func peak(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	var most atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		var m runtime.MemStats
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapAlloc))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(stop)
	<-done
	return most.Load()
}

func TestBigFileTakesConstantMemory(t *testing.T) {
	bigWays(t, func(t *testing.T, set func(*Conn)) {
		c := local(t)
		set(c)
		_, content := sparse(t, 208<<20+5)
		file := filepath.Join(t.TempDir(), "image")
		var sent atomic.Int64
		batch := []executor.Write{{Op: executor.PutFile, Path: file, From: content, Sent: func(n int64) { sent.Store(max(n, sent.Load())) }}}
		var err error
		most := peak(func() { err = c.Commit(t.Context(), batch) })
		if err != nil {
			t.Fatal(err)
		}
		if most > 32<<20 {
			t.Errorf("%d MiB on the heap, of which the server has a part too", most>>20)
		}
		if sent.Load() != content.Size {
			t.Errorf("told of %d bytes, want %d", sent.Load(), content.Size)
		}
		if got := hashOf(t, file); got != content.SHA256 {
			t.Error("the content was altered")
		}
		d, err := c.Describe(t.Context(), file)
		if err != nil || !d.Same(content) {
			t.Errorf("got %+v, %v", d, err)
		}
		if info, _ := os.Stat(file); info.Mode() != 0o600 {
			t.Errorf("got mode %v", info.Mode())
		}
		if left := parts(t, filepath.Dir(file)); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	})
}

func TestInterruptedBigFileIsResumed(t *testing.T) {
	bigWays(t, func(t *testing.T, set func(*Conn)) {
		var cutter sshserver.Cutter
		wire := func(conn net.Conn) net.Conn { return cutter.Wire(conn) }
		_, target := serve(t, sshserver.Options{Faults: sshserver.Faults{Wire: wire}})
		c := dial(t, target)
		set(c)
		_, content := sparse(t, 10*chunkSize+77)
		dir := t.TempDir()
		batch := []executor.Write{{Op: executor.PutFile, Path: dir + "/image", From: content}}
		cutter.Arm(sshserver.Break{At: 7 * chunkSize, How: sshserver.Cut})
		if err := c.Commit(t.Context(), batch); !errors.Is(err, steps.ErrUnreachable) {
			t.Fatalf("got %v", err)
		}
		left := parts(t, dir)
		if len(left) != 1 {
			t.Fatalf("left: %q", left)
		}
		if info, _ := os.Stat(left[0]); info.Mode() != 0o600 {
			t.Errorf("the part has mode %v", info.Mode())
		}
		if held, err := c.Held(t.Context(), dir+"/image", content); err != nil || held == 0 || held > content.Size+1<<20 {
			t.Errorf("held are %d bytes, %v", held, err)
		}
		before, _ := cutter.Seen()
		if err := c.Commit(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		after, _ := cutter.Seen()
		if sent := after - before; sent > 8*chunkSize {
			t.Errorf("the second try sent %d of %d bytes", sent, content.Size)
		}
		if hashOf(t, dir+"/image") != content.SHA256 || len(parts(t, dir)) > 0 {
			t.Errorf("the content was altered, or left: %q", parts(t, dir))
		}
	})
}

func TestChangedSourceIsRefused(t *testing.T) {
	bigWays(t, func(t *testing.T, set func(*Conn)) {
		c := local(t)
		set(c)
		source, content := sparse(t, chunkSize)
		put(t, source, "shorter")
		dir := t.TempDir()
		put(t, dir+"/image", "old")
		err := c.Commit(t.Context(), []executor.Write{{Op: executor.PutFile, Path: dir + "/image", From: content, Was: was(t, c, dir+"/image")}})
		if !errors.Is(err, steps.ErrDrifted) || !strings.Contains(err.Error(), "its source") {
			t.Errorf("got %v", err)
		}
		if readAll(t, dir+"/image") != "old" || len(parts(t, dir)) > 0 {
			t.Errorf("the target is new, or left: %q", parts(t, dir))
		}
	})
}

// TestStalePartGoesAway: with another content for the target, small or big, and
// with age.
func TestStalePartGoesAway(t *testing.T) {
	c := local(t)
	_, content := sparse(t, chunkSize)
	_, other := sparse(t, chunkSize)
	dir := t.TempDir()
	at := func(name string, c *steps.Content) string { return filepath.Join(dir, partName(dir+"/"+name, c)) }
	put(t, at("image", other), "part")
	put(t, at("small", other), "part")
	put(t, at("old", other), "part")
	put(t, at("young", other), "part")
	past := time.Now().Add(-(partAge + 1) * 24 * time.Hour)
	if err := os.Chtimes(at("old", other), past, past); err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(t.Context(), []executor.Write{
		{Op: executor.PutFile, Path: dir + "/image", From: content},
		{Op: executor.PutFile, Path: dir + "/small", Data: []byte("small")},
	}); err != nil {
		t.Fatal(err)
	}
	if left := parts(t, dir); len(left) != 1 || left[0] != at("young", other) {
		t.Errorf("left: %q", left)
	}
}

// TestPartThatIsNotOursIsNotWrittenTo: its name can be guessed.
func TestPartThatIsNotOursIsNotWrittenTo(t *testing.T) {
	for name, plant := range map[string]func(victim, part string) error{
		"symlink":  os.Symlink,
		"hardlink": os.Link,
		"readable": func(_, part string) error { return errors.Join(os.WriteFile(part, nil, 0o600), os.Chmod(part, 0o644)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := local(t)
			_, content := sparse(t, chunkSize)
			dir := t.TempDir()
			victim := filepath.Join(dir, "victim")
			if err := os.WriteFile(victim, []byte("theirs"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := plant(victim, filepath.Join(dir, partName(dir+"/image", content))); err != nil {
				t.Fatal(err)
			}
			if err := c.Commit(t.Context(), []executor.Write{{Op: executor.PutFile, Path: dir + "/image", From: content}}); err != nil {
				t.Fatal(err)
			}
			if info, _ := os.Lstat(dir + "/image"); info.Mode() != 0o600 || hashOf(t, dir+"/image") != content.SHA256 {
				t.Errorf("got %v", info.Mode())
			}
			if got := readAll(t, victim); got != "theirs" {
				t.Errorf("the victim has %d bytes", len(got))
			}
		})
	}
}
