package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/executor"
	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// ways are the ways that payloads can take to the host.
func ways() map[string]func(*Conn) {
	return map[string]func(*Conn){
		"inline": func(*Conn) {},
		"sftp":   func(c *Conn) { c.inline = 0 },
		"cat":    func(c *Conn) { c.inline, c.servers = 0, []string{"/none"} },
	}
}

// rig is a host that can be damaged while it takes a batch.
type rig struct {
	said   words
	server *sshserver.Server
	cutter *sshserver.Cutter
	faults sshserver.Faults
	target Target
	conn   *Conn
	dir    string
	batch  []executor.Write
	shut   bool // the host lets nobody in after the fault
}

// words keep what was logged. They may be used by many goroutines.
type words struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *words) has(part string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.text.String(), part)
}

func newRig(t *testing.T, way func(*Conn), tune ...func(*Target)) *rig {
	t.Helper()
	r := &rig{cutter: &sshserver.Cutter{}, dir: t.TempDir()}
	r.faults.Wire = func(conn net.Conn) net.Conn { return r.cutter.Wire(conn) }
	r.server, r.target = serve(t, sshserver.Options{Faults: r.faults})
	for _, f := range tune {
		f(&r.target)
	}
	r.conn = dial(t, r.target)
	r.conn.log = slog.New(slog.NewTextHandler(io.MultiWriter(t.Output(), &r.said), nil))
	way(r.conn)
	r.fill(t)
	return r
}

// fill makes a private file, a public one, and the wish to replace both and to
// make a third.
func (r *rig) fill(t *testing.T) {
	t.Helper()
	for name, data := range map[string]string{"key": "old" + private, "my.cnf": "old"} {
		put(t, filepath.Join(r.dir, name), data)
	}
	if err := os.Chmod(filepath.Join(r.dir, "key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"key": "new" + private, "my.cnf": "new", "token": "first" + private} {
		file := filepath.Join(r.dir, name)
		r.batch = append(r.batch, executor.Write{Op: executor.PutFile, Path: file, Data: []byte(data), Was: was(t, r.conn, file)})
	}
}

// judge reports all that a commit under a fault may not do.
func (r *rig) judge(err error, leaks []string) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if len(leaks) > 0 {
		say("others could read: %q", leaks)
	}
	var failed *executor.CommitError
	if err != nil && !errors.As(err, &failed) {
		say("not a CommitError: %v", err)
	}
	for _, w := range r.batch {
		isNew, whole := r.found(w)
		switch name := filepath.Base(w.Path); {
		case !whole:
			say("%s is neither old nor new", name)
		case err == nil && !isNew:
			say("%s is old, and no error says so", name)
		case failed != nil && !isNew && contains(failed.Done, w.Path):
			say("%s is old, and is told to be done", name)
		case failed != nil && isNew && !contains(failed.Done, w.Path) && !errors.Is(err, steps.ErrUnreachable):
			say("%s is new, and the error denies it: %v", name, err)
		}
	}
	// Where nobody can log in again in time, the private files stay, and it is said.
	if left, _ := filepath.Glob(r.dir + "/.lockstep-*"); len(left) > 0 && !r.shut && !r.said.has("temporary files may be left") {
		say("left: %q", left)
	}
	return problems
}

// found tells whether a target is new, and whether it is whole.
func (r *rig) found(w executor.Write) (isNew, whole bool) {
	data, err := os.ReadFile(w.Path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, w.Was.Kind == steps.Absent
	case err != nil:
		return false, false
	case bytes.Equal(data, w.Data):
		return true, true
	}
	return false, strings.HasPrefix(string(data), "old") && int64(len(data)) == w.Was.Size
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// impatient makes all waiting short, on both sides.
func impatient(t *testing.T) func(*Target) {
	nap := filepath.Dir(namedScript(t, "sleep", "exec /bin/sleep 0.05"))
	return func(target *Target) {
		target.Keepalive = 500 * time.Millisecond
		target.path = nap + ":" + searchPath
	}
}

// TestDamageAtAnyByteLeavesWholeFiles cuts, stalls and garbles the connection
// at bytes of a commit, in both directions. Of the bytes on the wire it takes
// some at equal distances from a place that the seed draws, so that in time it
// comes to all: each costs a login. TestPartOfACommitDoesNothing takes all of
// what the sh on the host reads.
func TestDamageAtAnyByteLeavesWholeFiles(t *testing.T) {
	places := int64(25)
	if testing.Short() {
		places = 5
	}
	tune, random := impatient(t), seeded(t)
	for name, way := range ways() {
		for _, how := range []sshserver.Damage{sshserver.Cut, sshserver.Stall, sshserver.Garble} {
			for _, down := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s down=%v", name, how, down), func(t *testing.T) {
					every(commitLength(t, way, down), places, random, func(at int64) {
						damage(t, way, tune, sshserver.Break{At: at, Down: down, How: how})
					})
				})
			}
		}
	}
}

// seeded draws what a failure can be repeated with.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// commitLength is how many bytes a commit takes in one direction.
func commitLength(t *testing.T, way func(*Conn), down bool) int64 {
	t.Helper()
	r := newRig(t, way)
	seen := func() int64 {
		if down {
			return r.cutter.SeenDown()
		}
		up, _ := r.cutter.Seen()
		return up
	}
	before := seen()
	if err := r.conn.Commit(t.Context(), r.batch); err != nil {
		t.Fatal(err)
	}
	return seen() - before
}

// every calls f with n places below length, at equal distances from a place
// that is drawn, several at a time.
func every(length, n int64, random *rand.Rand, f func(at int64)) {
	stride := max(1, length/n)
	var work sync.WaitGroup
	slots := make(chan struct{}, 16)
	for at := 1 + random.Int64N(stride); at <= length; at += stride {
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			f(at)
		})
	}
	work.Wait()
}

func damage(t *testing.T, way func(*Conn), tune func(*Target), b sshserver.Break) {
	r := newRig(t, way, tune)
	stop := watch(t, r.dir)
	r.cutter.Arm(b)
	err := r.conn.Commit(t.Context(), r.batch)
	problems := r.judge(err, stop())
	if err != nil && !strings.Contains(err.Error(), "lost") {
		problems = append(problems, "the error does not name the fault: "+err.Error())
	}
	for _, p := range problems {
		t.Errorf("byte %d: %s", b.At, p)
	}
	_ = r.conn.Close()
	_ = r.server.Close()
}

// TestPartOfACommitDoesNothing gives a sh each beginning of the text that
// carries a commit, and at the end the whole.
func TestPartOfACommitDoesNothing(t *testing.T) {
	dir, jobs := t.TempDir(), filepath.Join(t.TempDir(), "jobs")
	put(t, filepath.Join(dir, "a"), "old")
	st := was(t, local(t), filepath.Join(dir, "a"))
	plan := []staged{{
		Write: executor.Write{Op: executor.PutFile, Path: dir + "/a", Data: []byte("it's new\n\x00"), Was: st},
		real:  dir + "/a", temp: dir + "/.lockstep-x-0",
	}}
	j := job{base: jobs, id: "id", before: inlineScript(plan), script: commitScript(plan)}
	text := framed("MARK", 1, j.startScript(follower{}))
	before := tree(t, dir)
	n := int64(len(text))
	if testing.Short() {
		n /= 16
	}
	every(int64(len(text))-2, n, seeded(t), func(at int64) {
		sh := exec.Command("sh")
		sh.Stdin = strings.NewReader(text[:at])
		_ = sh.Run() // it complains
	})
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("a part of the text did something: %s", diff)
	}
	sh := exec.Command("sh")
	sh.Stdin = strings.NewReader(text)
	if out, err := sh.CombinedOutput(); err != nil || readAll(t, dir+"/a") != "it's new\n\x00" {
		t.Errorf("the whole text: %s, %v", out, err)
	}
}
