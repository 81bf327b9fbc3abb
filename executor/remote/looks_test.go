package remote

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/steps"
)

// found is what a look found.
type found struct {
	Stat steps.Stat
	Data []byte
	Nil  bool
	Err  string
}

func lookAt(t *testing.T, c *Conn, path string, limit int) found {
	st, data, err := c.look(t.Context(), path, limit)
	f := found{Stat: st, Data: data, Nil: data == nil}
	if err != nil {
		f.Err = err.Error()
	}
	return f
}

func TestLooksTogetherFindWhatEachFindsAlone(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		dir := t.TempDir()
		name := func(base string) string { return filepath.Join(dir, base) }
		if err := errors.Join(os.WriteFile(name("-n it's * a \n file"), everyByte(), 0o600), os.WriteFile(name("empty"), nil, 0o644),
			os.WriteFile(name("big"), make([]byte, peekLimit+1), 0o600), os.Mkdir(name("d"), 0o755), os.Mkdir(name("d/e"), 0o755),
			os.Symlink("empty", name("link")), os.Symlink("loop", name("loop")), syscall.Mkfifo(name("fifo"), 0o600)); err != nil {
			t.Fatal(err)
		}
		paths := []string{"/", "/none", "relative", "", dir + "/", name("d/")}
		for _, base := range []string{"-n it's * a \n file", "empty", "big", "d", "d/e", "link", "link/x", "loop", "loop/x", "fifo", "none", "none/none", "empty/x", strings.Repeat("x", 300)} {
			paths = append(paths, name(base))
		}
		for len(paths) < looksTogether+20 {
			paths = append(paths, paths[0])
		}
		want := map[string]found{}
		for _, p := range paths {
			for _, limit := range []int{-1, peekLimit} {
				want[p+string(rune(limit))] = lookAt(t, c, p, limit)
			}
		}
		s := reading(t, c)
		s.mu.Lock() // nothing is sent while the callers queue up
		var callers sync.WaitGroup
		for _, p := range slices.Concat(paths, paths) {
			for _, limit := range []int{-1, peekLimit} {
				callers.Go(func() {
					got, want := lookAt(t, c, p, limit), want[p+string(rune(limit))]
					if strings.Contains(p, "xxx") && got.Stat.Kind == steps.Absent {
						return // a name that no file can have
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%q, %d: %s", p, limit, diff)
					}
				})
			}
		}
		s.mu.Unlock()
		callers.Wait()
	})
}

func reading(t *testing.T, c *Conn) *shell {
	t.Helper()
	l, err := c.live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.readShell(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLooksAreTrustedOnlyWhole: whatever is cut, missing or changed in the
// answer makes the paths be looked at alone.
func TestLooksAreTrustedOnlyWhole(t *testing.T) {
	c := local(t)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := errors.Join(os.WriteFile(a, []byte("one\n"), 0o600), os.WriteFile(b, []byte("two\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	out, err := c.ask(t.Context(), "lockstep_looks 100 "+a+" "+filepath.Join(dir, "none")+" "+b)
	if err != nil || out.code != 0 {
		t.Fatal(out.code, err)
	}
	whole := splitLooks(out.out, 0, 3)
	for i, want := range []string{"data\none\n", "", "data\ntwo\n"} {
		if whole[i] == nil || !strings.HasSuffix(string(whole[i].out), want) {
			t.Fatalf("%d: got %v", i, whole[i])
		}
	}
	certain := func(out []byte) bool {
		found := splitLooks(out, 0, 3)
		return found[0] != nil || found[2] != nil
	}
	for n := range len(out.out) {
		if certain(out.out[:n]) && !strings.HasPrefix(string(out.out[n:]), "data") {
			t.Errorf("cut at %d it is trusted", n)
		}
	}
	if more := append(slices.Clone(out.out), 'x'); certain(more) {
		t.Error("with more behind it, it is trusted")
	}
	if changed := strings.Replace(string(out.out), "one\ntwo\n", "one\nand\ntwo\n", 1); certain([]byte(changed)) {
		t.Error("a file that grew is trusted")
	}
	if splitLooks(out.out, 1, 3)[0] != nil {
		t.Error("a program that failed is trusted")
	}
}
