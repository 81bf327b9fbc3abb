package optionfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree is a host's files in memory.
type tree map[string]string

func (t tree) Load(name string) ([]byte, error) {
	text, ok := t[path.Clean(name)]
	switch {
	case !ok:
		return nil, fs.ErrNotExist
	case text == "ignored":
		return nil, fmt.Errorf("%w: it is world-writable", ErrIgnored)
	case text == "denied":
		return nil, fs.ErrPermission
	}
	return []byte(text), nil
}

func (t tree) List(dir string) ([]string, error) {
	var out []string
	for name := range t {
		if path.Dir(name) == path.Clean(dir) {
			out = append(out, path.Base(name))
		}
	}
	if out == nil {
		return nil, fs.ErrNotExist
	}
	return out, nil
}

func resolve(t *testing.T, files tree, roots ...Root) *Graph {
	t.Helper()
	g, err := Resolve(files, "/", roots...)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func places(options []Option) []string {
	var out []string
	for _, o := range options {
		out = append(out, fmt.Sprintf("%s:%d %s", o.File, o.Line, o.Value))
	}
	return out
}

func TestResolveFollowsDebian(t *testing.T) {
	g := resolve(t, tree{
		"/etc/mysql/my.cnf":                "[client-server]\nport=1\n!includedir /etc/mysql/conf.d/\n!includedir /etc/mysql/mariadb.conf.d\nsocket=s\n",
		"/etc/mysql/conf.d/a.cnf":          "[mysqld]\nssl-ca=/a\n",
		"/etc/mysql/conf.d/z.bak":          "[mysqld]\nssl-ca=/bak\n",
		"/etc/mysql/mariadb.conf.d/9.cnf":  "[mysqld]\nssl-ca=/9\n",
		"/etc/mysql/mariadb.conf.d/10.cnf": "[mysqld]\nssl-ca=/10\n",
		"/etc/mysql/mariadb.conf.d/.h.cnf": "[galera]\nSSL_CA=/h\n",
		"/root/.my.cnf":                    "[mysqld]\nloose-ssl-ca=/home\n",
	}, Root{Path: "/etc/my.cnf"}, Root{Path: "/etc/mysql/my.cnf"}, Root{Path: "/root/.my.cnf"})
	want := []string{
		"/etc/mysql/conf.d/a.cnf:2 /a",
		"/etc/mysql/mariadb.conf.d/.h.cnf:2 /h",
		"/etc/mysql/mariadb.conf.d/10.cnf:2 /10",
		"/etc/mysql/mariadb.conf.d/9.cnf:2 /9",
		"/root/.my.cnf:2 /home",
	}
	if diff := cmp.Diff(want, places(g.Find("ssl-ca", "mysqld", "galera"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := places(g.Find("socket", "client-server")); len(got) != 1 {
		t.Errorf("the includer's group does not go on: %v", got)
	}
	if len(g.Files()) != 6 || len(g.Problems()) > 0 {
		t.Errorf("%d files, problems %v", len(g.Files()), g.Problems())
	}
}

func TestResolveTellsProblems(t *testing.T) {
	for _, c := range []struct {
		name     string
		files    tree
		root     Root
		want     string
		severity Severity
		options  int
	}{
		{"required root missing", tree{}, Root{"/my.cnf", true}, "/my.cnf: the file is missing", Fatal, 0},
		{"root world-writable", tree{"/my.cnf": "ignored"}, Root{"/my.cnf", true}, "/my.cnf: the server ignores this file: it is world-writable", Warning, 0},
		{"include missing", tree{"/my.cnf": "[a]\n!include /x\nb=1\n"}, Root{"/my.cnf", true}, "/my.cnf:2: the included file is missing", Warning, 1},
		{"directory missing", tree{"/my.cnf": "[a]\nb=1\n!includedir /x\nc=1\n"}, Root{"/my.cnf", true}, "/my.cnf:3: the included directory is missing", Fatal, 1},
		{"fatal at the top", tree{"/my.cnf": "[a]\nb=1\n[x\nc=1\n"}, Root{"/my.cnf", true}, "/my.cnf:3: the group header", Fatal, 1},
		{"fatal below", tree{"/my.cnf": "[a]\n!include /x\nb=1\n", "/x": "[a]\nc=1\n[x\nd=1\n"}, Root{"/my.cnf", true}, "/x:3: the group header", Refuse, 2},
		{"directory missing below", tree{"/my.cnf": "[a]\n!include /x\nb=1\n", "/x": "[a]\n!includedir /none\nc=1\n"}, Root{"/my.cnf", true}, "/x:2: the included directory is missing", Refuse, 1},
		{"circle", tree{"/my.cnf": "[a]\nb=1\n!include my.cnf\n"}, Root{"/my.cnf", true}, "10 deep", Warning, 11},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := resolve(t, c.files, c.root)
			got := g.Problems()
			if len(got) == 0 || !strings.Contains(got[0].Error(), c.want) || got[0].Severity != c.severity {
				t.Errorf("got %v, want %s: %s", got, c.severity, c.want)
			}
			if n := len(g.Options()); n != c.options {
				t.Errorf("%d options, want %d", n, c.options)
			}
		})
	}
}

func TestResolveStopsAtWhatItCannotRead(t *testing.T) {
	if _, err := Resolve(tree{"/my.cnf": "denied"}, "/", Root{Path: "/my.cnf"}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
	bomb := tree{"/my.cnf": "[a]\n" + strings.Repeat("!include /my.cnf\n", 10)}
	if _, err := Resolve(bomb, "/", Root{Path: "/my.cnf"}); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("got %v", err)
	}
}

// disk reads real files for the comparison with the oracle.
type disk struct{}

func (disk) Load(name string) ([]byte, error) {
	if st, err := os.Stat(name); err == nil && (st.IsDir() || st.Mode().IsRegular() && st.Mode()&0o002 != 0) {
		return nil, ErrIgnored
	}
	return os.ReadFile(name)
}

func (disk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out, err
}

func TestOracleIncludes(t *testing.T) {
	oracle(t)
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, file, strings.ReplaceAll(text, "DIR", dir))
	}
	put("my.cnf", "[mysqld]\na=1\n !includedir DIR/d \n!include\tDIR/one.cnf \r\nb=2\n! include DIR/cut\nc=3\n!include DIR/deep.cnf\nd=4\n")
	for _, name := range []string{"z.cnf", "a.cnf", "B.cnf", "10.cnf", "9.cnf", ".h.cnf", ".cnf", "x.ini", "x.cnf.bak", "u.CNF"} {
		put("d/"+name, "[mysqld]\nfrom="+name+"\n")
	}
	put("d/dir.cnf/x.cnf", "[mysqld]\nfrom=dir\n")
	put("one.cnf", "[other]\nx=1\n[mysqld]\ny=1\n[broken\nz=1\n")
	put("cut", "[mysqld]\ncut=1\n!include DIR/shortX")
	put("short", "[mysqld]\nshort=1\n!includedir DIR/none\nlost=1\n")
	put("deep.cnf", "[mysqld]\ndeep=1\n!include DIR/deep.cnf\nup=1\n")
	want, stderr, refused := ask(t, filepath.Join(dir, "my.cnf"), "mysqld")
	if refused {
		t.Fatal(stderr)
	}
	g, err := Resolve(disk{}, dir, Root{filepath.Join(dir, "my.cnf"), true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, Print(g.Options("mysqld"))); diff != "" {
		t.Errorf("(-oracle +got):\n%s", diff)
	}
}

// TestOracleFiles holds the rules that need files against the real reader, which
// runs in DIR: what it prints, what it refuses with code 2, and what it says of
// a file that it passes over.
func TestOracleFiles(t *testing.T) {
	program := oracle(t)
	for _, c := range []struct {
		name, main string // main is my.cnf; DIR stands for its directory
		want       string
		fatal      bool
		said       string // part of a warning
	}{
		{name: "include", main: "[mysqld]\n!include DIR/one\nb=2\n", want: "--one=1\n--b=2\n"},
		{name: "include with blanks around", main: "[mysqld]\n  !include   DIR/one \t\nb=2\n", want: "--one=1\n--b=2\n"},
		{name: "the includer's group goes on", main: "[mysqld]\n!include DIR/other\nb=2\n", want: "--b=2\n"},
		{name: "relative to the working directory", main: "[mysqld]\n!include sub/here\n", want: "--here=1\n"},
		{name: "not relative to the includer", main: "[mysqld]\n!include DIR/sub/below\n", want: ""},
		{name: "missing", main: "[mysqld]\n!include DIR/none\nb=2\n", want: "--b=2\n"},
		{name: "quoted", main: "[mysqld]\n!include \"DIR/one\"\nb=2\n", want: "--b=2\n"},
		{name: "a directory", main: "[mysqld]\n!includedir DIR/d\nb=2\n", want: "--d=.h\n--d=10\n--d=9\n--d=B\n--d=a\n--d=z\n--b=2\n"},
		{name: "a directory with a slash", main: "[mysqld]\n!includedir DIR/d/\nb=2\n", want: "--d=.h\n--d=10\n--d=9\n--d=B\n--d=a\n--d=z\n--b=2\n"},
		{name: "a directory that is missing", main: "[mysqld]\n!includedir DIR/none\nb=2\n", fatal: true},
		{name: "a directory with a comment", main: "[mysqld]\n!includedir DIR/d # ours\nb=2\n", fatal: true},
		{name: "a directory without a name", main: "[mysqld]\n!includedir \nb=2\n", fatal: true},
		{name: "a circle", main: "[mysqld]\na=1\n!include DIR/my.cnf\n", want: strings.Repeat("--a=1\n", 11), said: "recursion level"},
		{name: "world-writable", main: "[mysqld]\na=1\n!include DIR/open\nb=2\n", want: "--a=1\n--b=2\n", said: "World-writable"},
		{name: "no file", fatal: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, sub := range []string{"d", "sub"} {
				if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range []string{"z", "a", "B", "10", "9", ".h"} {
				write(t, filepath.Join(dir, "d", name+".cnf"), "[mysqld]\nd="+name+"\n")
				write(t, filepath.Join(dir, "d", name+".bak"), "[mysqld]\nd=wrong\n")
			}
			write(t, filepath.Join(dir, "one"), "[mysqld]\none=1\n")
			write(t, filepath.Join(dir, "other"), "[other]\nx=1\n")
			write(t, filepath.Join(dir, "sub/here"), "[mysqld]\nhere=1\n")
			write(t, filepath.Join(dir, "sub/below"), "[mysqld]\n!include here\n")
			if err := os.Chmod(write(t, filepath.Join(dir, "open"), "[mysqld]\nopen=1\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			main := filepath.Join(dir, "my.cnf")
			if c.main != "" {
				write(t, main, strings.ReplaceAll(c.main, "DIR", dir))
			}
			cmd := exec.Command(program, "--defaults-file="+main, "mysqld")
			cmd.Dir = dir
			var out, said strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &said
			err := cmd.Run()
			if c.fatal != (err != nil) || err != nil && cmd.ProcessState.ExitCode() != 2 || !c.fatal && out.String() != c.want || !strings.Contains(said.String(), c.said) {
				t.Errorf("the reader: %v, %q, %s", err, out.String(), said.String())
			}
			g, err := Resolve(disk{}, dir, Root{main, true})
			if err != nil {
				t.Fatal(err)
			}
			if got := worst(g.Problems()) == Fatal; got != c.fatal || !c.fatal && Print(g.Options("mysqld")) != c.want {
				t.Errorf("we: fatal %v, %q, %v", got, Print(g.Options("mysqld")), g.Problems())
			}
		})
	}
}
