package remote

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// eachSh runs a test against every sh that the machine has. Busybox brings its
// own stat, mv and so on.
func eachSh(t *testing.T, test func(t *testing.T, c *Conn)) {
	for _, name := range []string{"dash", "bash", "busybox", "ksh"} {
		t.Run(name, func(t *testing.T) {
			program, err := exec.LookPath(name)
			if err != nil {
				missing(t, name+" is not installed here")
			}
			_, target := serve(t, sshserver.Options{})
			dir := t.TempDir()
			if err := os.Symlink(program, filepath.Join(dir, "sh")); err != nil {
				t.Fatal(err)
			}
			target.path = dir + ":" + searchPath
			if name == "busybox" {
				if out, err := exec.Command(program, "--install", "-s", dir).CombinedOutput(); err != nil && len(out) == 0 {
					t.Fatal(err)
				}
			}
			test(t, dial(t, target))
		})
	}
}

// everyByte has what shells may alter.
func everyByte() []byte {
	var b []byte
	for i := range 256 {
		b = append(b, byte(i))
	}
	return append(b, "\\n\\0101 'x' \"$HOME\" `id` %s\r\n\n\n"...)
}

func TestQueryKeepsEveryByte(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		for _, stdin := range [][]byte{everyByte(), bytes.Repeat(everyByte(), 500), []byte("no newline")} {
			out, err := c.Query(t.Context(), steps.Command{Argv: []string{"cat"}, Stdin: stdin})
			if err != nil || !bytes.Equal(out.Stdout, stdin) {
				t.Errorf("%d bytes came back as %d, %v", len(stdin), len(out.Stdout), err)
			}
		}
		word := "a 'b' \"c\" $HOME `id` \\ \n*;&|!é"
		out, err := c.Query(t.Context(), steps.Command{Argv: []string{"printf", "%s", word}})
		if err != nil || string(out.Stdout) != word {
			t.Errorf("got %q, %v", out.Stdout, err)
		}
	})
}

func TestQueryHonoursEnvAndDir(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		out, err := c.Query(t.Context(), steps.Command{
			Argv: []string{"sh", "-c", `pwd; echo "$A|$LC_ALL|$SSH_CONNECTION"; echo bad >&2; exit 3`},
			Env:  []string{"A=x y'z"}, Dir: "/usr",
		})
		want := steps.Output{Stdout: []byte("/usr\nx y'z|C|\n"), Stderr: []byte("bad\n"), Code: 3}
		if diff := cmp.Diff(want, out); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

func TestQueryCannotLeaveItsPlace(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		for _, argv := range [][]string{{"exit", "5"}, {"no-such-program"}, {"cat"}, {"kill", "-9", "0x"}} {
			if _, err := c.Query(t.Context(), steps.Command{Argv: argv}); err != nil {
				t.Errorf("%v: %v", argv, err)
			}
		}
		out, err := c.Query(t.Context(), steps.Command{Argv: []string{"no-such-program"}})
		if err != nil || out.Code != 127 || !strings.Contains(string(out.Stderr), "not found") {
			t.Errorf("got %d %q, %v", out.Code, out.Stderr, err)
		}
		out, err = c.Query(t.Context(), steps.Command{Argv: []string{"sh", "-c", "kill -9 $$"}})
		if err != nil || out.Code != 137 {
			t.Errorf("got %d, %v", out.Code, err)
		}
	})
}

func TestStatDescribesWhatIsThere(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		dir := t.TempDir()
		file, link := filepath.Join(dir, "a file"), filepath.Join(dir, "link")
		if err := errors.Join(os.WriteFile(file, []byte("abc"), 0o640), os.Chmod(file, 0o640|fs.ModeSetgid),
			os.Chtimes(file, time.Time{}, time.Now().Add(time.Hour).Truncate(time.Millisecond)), os.Symlink("a file", link)); err != nil {
			t.Fatal(err)
		}
		info, _ := os.Stat(file)
		got, err := c.Stat(t.Context(), file)
		want := steps.Stat{Kind: steps.Regular, Mode: 0o2640, Owner: got.Owner, Group: got.Group, Size: 3, Changed: info.ModTime().UTC(), Version: got.Version}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		through, err := c.Stat(t.Context(), link)
		if err != nil || through.Kind != steps.Link || through.Target != "a file" {
			t.Errorf("got %+v, %v", through, err)
		}
		if err := os.WriteFile(file, []byte("abd"), 0o640); err != nil {
			t.Fatal(err)
		}
		after, _ := c.Stat(t.Context(), file)
		afterLink, _ := c.Stat(t.Context(), link)
		if after.Version == got.Version || afterLink.Version == through.Version {
			t.Error("a new content has an old version")
		}
		for _, path := range []string{dir + "/none", file + "/below"} {
			if st, err := c.Stat(t.Context(), path); err != nil || st.Kind != steps.Absent {
				t.Errorf("%s: got %+v, %v", path, st, err)
			}
		}
	})
}

func TestReadFileAndReadDir(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		dir := t.TempDir()
		names := []string{"-n", ".hidden", "..odd", "a b", "new\nline", "z'"}
		slices.Sort(names)
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), everyByte(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := c.ReadDir(t.Context(), dir)
		if diff := cmp.Diff(names, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		data, err := c.ReadFile(t.Context(), filepath.Join(dir, "-n"))
		if err != nil || !bytes.Equal(data, everyByte()) {
			t.Errorf("got %q, %v", data, err)
		}
		_, err = c.ReadFile(t.Context(), dir+"/none")
		_, dirErr := c.ReadDir(t.Context(), dir+"/none")
		if !errors.Is(err, fs.ErrNotExist) || !errors.Is(dirErr, fs.ErrNotExist) {
			t.Errorf("got %v, %v", err, dirErr)
		}
		if empty, err := c.ReadDir(t.Context(), t.TempDir()); err != nil || len(empty) > 0 {
			t.Errorf("got %q, %v", empty, err)
		}
	})
}

func TestReadFileHasALimit(t *testing.T) {
	c := local(t)
	file := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), steps.MaxRead), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := c.ReadFile(t.Context(), file); err != nil || len(data) != steps.MaxRead {
		t.Errorf("got %d bytes, %v", len(data), err)
	}
	if err := os.Truncate(file, steps.MaxRead+1); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadFile(t.Context(), file); !errors.Is(err, steps.ErrTooBig) {
		t.Errorf("got %v", err)
	}
}

func TestForbiddenReadsSaySo(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become daemon")
	}
	_, target := serve(t, sshserver.Options{})
	target.Become = Become{Enabled: true, User: "daemon"}
	c := dial(t, target)
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(dir+"/key", nil, 0o600), os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755),
		os.Mkdir(dir+"/closed", 0o700), os.WriteFile(dir+"/closed/key", nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	_, err := c.ReadFile(t.Context(), dir+"/key")
	_, below := c.ReadFile(t.Context(), dir+"/closed/key")
	_, list := c.ReadDir(t.Context(), dir+"/closed")
	_, stat := c.Stat(t.Context(), dir+"/closed/key")
	for i, err := range []error{err, below, list, stat} {
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%d: got %v", i, err)
		}
	}
}

func TestDialReachesWhatTheHostSees(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	conn, err := local(t).Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	_ = errors.Join(conn.Close(), listener.Close())
	if _, err := local(t).Dial(t.Context(), address); err == nil || errors.Is(err, steps.ErrUnreachable) {
		t.Errorf("got %v for a closed port", err)
	}
}

func TestPeekBringsSmallContentsAlong(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		dir := t.TempDir()
		name := func(base string) string { return filepath.Join(dir, base) }
		big := bytes.Repeat([]byte("x"), peekLimit+1)
		if err := errors.Join(os.WriteFile(name("it's * a file"), everyByte(), 0o600), os.WriteFile(name("empty"), nil, 0o600),
			os.WriteFile(name("limit"), big[1:], 0o600), os.WriteFile(name("big"), big, 0o600),
			os.Symlink("empty", name("link")), os.Symlink("no\nwhere", name("dangling"))); err != nil {
			t.Fatal(err)
		}
		for base, want := range map[string][]byte{"it's * a file": everyByte(), "empty": {}, "limit": big[1:], "big": nil, "link": nil, "dangling": nil, "none": nil, ".": nil} {
			st, data, err := c.Peek(t.Context(), name(base))
			if err != nil || !bytes.Equal(data, want) || (data == nil) != (want == nil) {
				t.Errorf("%s: got %d bytes (nil: %t), %v", base, len(data), data == nil, err)
			}
			alone, err := c.Stat(t.Context(), name(base))
			if diff := cmp.Diff(alone, st); err != nil || diff != "" {
				t.Errorf("%s: %v\n%s", base, err, diff)
			}
		}
	})
}
