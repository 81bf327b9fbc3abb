package executor

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/steps"
)

func mode(m fs.FileMode) *fs.FileMode { return &m }

func dry(t *testing.T) (*machine, *overlay) {
	m := newMachine(t, "db1")
	return m, newOverlay(newCache(m), false)
}

func live(t *testing.T) (*machine, *overlay) {
	m := newMachine(t, "db1")
	return m, newOverlay(newCache(m), true)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, r steps.Reader, p string) string {
	t.Helper()
	data, err := r.ReadFile(t.Context(), p)
	must(t, err)
	return string(data)
}

func wantUnforeseen(t *testing.T, err error, by string) {
	t.Helper()
	u, ok := steps.IsUnforeseen(err)
	if !ok {
		t.Fatalf("got %v, want an *Unforeseen", err)
	}
	if !strings.Contains(u.By, by) {
		t.Errorf("it is unforeseen because of %q, want %q", u.By, by)
	}
}

func TestOverlayReadsThroughWhatIsPending(t *testing.T) {
	ctx := t.Context()
	m, o := dry(t)
	m.PutFile("/etc/old", "old")
	m.PutFile("/etc/gone", "x")
	m.PutLink("/etc/link", "old")
	before := m.State()

	must(t, o.Mkdir(ctx, "/etc/new", steps.Attrs{Mode: mode(0o750)}))
	must(t, o.WriteFile(ctx, "/etc/new/a", []byte("A"), steps.Attrs{Owner: "mysql"}))
	must(t, o.WriteFile(ctx, "/etc/link", []byte("through the link"), steps.Attrs{}))
	must(t, o.SetAttrs(ctx, "/etc/old", steps.Attrs{Mode: mode(0o600)}))
	must(t, o.Remove(ctx, "/etc/gone"))

	for path, want := range map[string]string{"/etc/new/a": "A", "/etc/old": "through the link", "/etc/link": "through the link"} {
		if got := content(t, o, path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	for _, row := range []struct {
		path string
		want steps.Stat
	}{
		{"/etc/new", steps.Stat{Kind: steps.Directory, Mode: 0o750, Owner: "root", Group: "root", Pending: true}},
		{"/etc/new/a", steps.Stat{Kind: steps.Regular, Mode: 0o600, Owner: "mysql", Group: "root", Size: 1, Pending: true}},
		{"/etc/new/../old", steps.Stat{Kind: steps.Regular, Mode: 0o600, Owner: "root", Group: "root", Size: 16, Pending: true}},
		{"/etc/gone", steps.Stat{Kind: steps.Absent, Pending: true}},
	} {
		got, err := o.Stat(ctx, row.path)
		must(t, err)
		row.want.Changed = got.Changed
		if d := cmp.Diff(row.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", row.path, d)
		}
	}
	if _, err := o.ReadFile(ctx, "/etc/gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a removed file: got %v, want ErrNotExist", err)
	}
	for dir, want := range map[string][]string{"/etc": {"link", "new", "old"}, "/etc/new": {"a"}} {
		got, err := o.ReadDir(ctx, dir)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("names in %s: got %q, %v; want %q", dir, got, err, want)
		}
	}
	if m.acts() != "" || m.State() != before {
		t.Errorf("a dry run changed the host: %s", m.acts())
	}
}

func TestOverlayRefusesWhatTheHostWould(t *testing.T) {
	ctx := t.Context()
	m, o := dry(t)
	m.unknown = "nobody_here"
	m.PutFile("/etc/file", "x")
	m.PutSpecial("/dev/null")
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"missing parent", o.WriteFile(ctx, "/no/dir/f", nil, steps.Attrs{}), "/no/dir is absent"},
		{"missing parent of a directory", o.Mkdir(ctx, "/no/dir", steps.Attrs{}), "/no is absent"},
		{"a file above", o.WriteFile(ctx, "/etc/file/f", nil, steps.Attrs{}), "/etc/file"},
		{"unknown owner", o.WriteFile(ctx, "/etc/f", nil, steps.Attrs{Owner: "nobody_here"}), `the user "nobody_here" does not exist on db1`},
		{"unknown group", o.SetAttrs(ctx, "/etc/file", steps.Attrs{Group: "nobody_here"}), `the group "nobody_here" does not exist on db1`},
		{"a directory where a file is to be", o.WriteFile(ctx, "/etc", nil, steps.Attrs{}), "is a directory"},
		{"a device where a file is to be", o.WriteFile(ctx, "/dev/null", nil, steps.Attrs{}), "is a special"},
		{"a file where a directory is to be", o.Mkdir(ctx, "/etc/file", steps.Attrs{}), "is a file"},
		{"attributes of nothing", o.SetAttrs(ctx, "/etc/nothing", steps.Attrs{Mode: mode(0o600)}), "not exist"},
		{"a directory that is not empty", o.Remove(ctx, "/etc"), "is not empty"},
	} {
		if row.err == nil || !strings.Contains(row.err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", row.name, row.err, row.want)
		}
	}
	if !o.untouched() {
		t.Error("what was refused is pending all the same")
	}
	must(t, o.WriteFile(ctx, "/etc/f", nil, steps.Attrs{Owner: "4711"}))
}

func TestOverlayFollowsLinksAsTheKernelDoes(t *testing.T) {
	ctx := t.Context()
	m, o := dry(t)
	m.PutFile("/data/conf/shared.cnf", "right")
	m.PutFile("/etc/shared.cnf", "wrong")
	m.PutDir("/data/conf/mysql")
	m.PutLink("/etc/mysql", "/data/conf/mysql")
	m.PutLink("/data/conf/mysql/my.cnf", "../shared.cnf")
	m.PutLink("/etc/loop", "loop")
	if got := content(t, o, "/etc/mysql/my.cnf"); got != "right" {
		t.Errorf("read the %s file", got)
	}
	must(t, o.WriteFile(ctx, "/etc/mysql/my.cnf", []byte("new"), steps.Attrs{}))
	if got := content(t, o, "/data/conf/shared.cnf"); got != "new" {
		t.Errorf("the file that the link leads to holds %q", got)
	}
	if _, err := o.ReadFile(ctx, "/etc/loop"); err == nil || !strings.Contains(err.Error(), "links in a row") {
		t.Errorf("a loop: got %v", err)
	}
}

func TestOverlayMergesWritesOfOnePath(t *testing.T) {
	ctx := t.Context()
	type write func(o *overlay) error
	put := func(data string, a steps.Attrs) write {
		return func(o *overlay) error { return o.WriteFile(ctx, "/etc/f", []byte(data), a) }
	}
	attrs := func(a steps.Attrs) write { return func(o *overlay) error { return o.SetAttrs(ctx, "/etc/f", a) } }
	remove := func(o *overlay) error { return o.Remove(ctx, "/etc/f") }
	for _, row := range []struct {
		name            string
		first, second   write
		content, commit string
		mode            fs.FileMode
		owner           string
	}{
		{"two contents", put("1", steps.Attrs{Mode: mode(0o640)}), put("2", steps.Attrs{}), "2", "commit /etc/f", 0o640, "root"},
		{"content, then attributes", put("1", steps.Attrs{Owner: "a"}), attrs(steps.Attrs{Mode: mode(0o600)}), "1", "commit /etc/f", 0o600, "a"},
		{"attributes, then content", attrs(steps.Attrs{Mode: mode(0o600), Owner: "a"}), put("2", steps.Attrs{Owner: "b"}), "2", "commit /etc/f", 0o600, "b"},
		{"removed, then made again", remove, put("2", steps.Attrs{}), "2", "commit /etc/f; commit /etc/f", 0o600, "root"},
		{"written, then removed", put("1", steps.Attrs{}), remove, "", "commit /etc/f; commit /etc/f", 0, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, o := live(t)
			m.PutFile("/etc/f", "0")
			d := newOverlay(newCache(m), false)
			for _, w := range []write{row.first, row.second} {
				must(t, w(d))
				must(t, w(o))
			}
			must(t, o.flush(ctx))
			if got := m.acts(); got != row.commit {
				t.Errorf("got %q, want %q", got, row.commit)
			}
			st, err := m.Fake.Stat(ctx, "/etc/f")
			must(t, err)
			if st.Mode != row.mode || st.Owner != row.owner || m.Content("/etc/f") != row.content {
				t.Errorf("got %q %04o %s, want %q %04o %s", m.Content("/etc/f"), st.Mode, st.Owner, row.content, row.mode, row.owner)
			}
			foreseen, err := d.Stat(ctx, "/etc/f")
			must(t, err)
			if foreseen.Kind != st.Kind || foreseen.Mode != st.Mode || foreseen.Owner != st.Owner || foreseen.Size != st.Size {
				t.Errorf("the dry run foresaw %+v, the run made %+v", foreseen, st)
			}
		})
	}
}

var (
	status  = steps.Command{Argv: []string{"status"}, Reads: []string{"service:db", "/etc/db"}}
	restart = steps.Command{Argv: []string{"restart"}, Writes: []string{"service:db", "/run/db"},
		Foresees: []steps.Foreseen{
			{Query: status, Output: steps.Output{Stdout: []byte("current")}},
			{Path: "/run/db/pid", Data: []byte("1")},
		}}
)

func TestOverlayForesees(t *testing.T) {
	ctx := t.Context()
	m, o := dry(t)
	m.PutFile("/run/db/pid", "0")
	m.Chown("/run/db/pid", "mysql", "mysql", 0o640)
	m.PutFile("/run/db/other", "0")
	must(t, o.WriteFile(ctx, "/etc/f", []byte("1"), steps.Attrs{}))
	o.as("step 1.1 restart", "1.1")
	_, err := o.Exec(ctx, restart)
	must(t, err)

	out, err := o.Query(ctx, status)
	if err != nil || string(out.Stdout) != "current" {
		t.Errorf("the foreseen answer: got %q, %v", out.Stdout, err)
	}
	if got := content(t, o, "/run/db/pid"); got != "1" {
		t.Errorf("the foreseen file holds %q", got)
	}
	st, err := o.Stat(ctx, "/run/db/pid")
	if err != nil || st.Owner != "mysql" || st.Mode != 0o640 {
		t.Errorf("the foreseen file: got %+v, %v; want the attributes that it has now", st, err)
	}
	if got := content(t, o, "/etc/f"); got != "1" {
		t.Errorf("a file that the act does not touch holds %q", got)
	}
	_, err = o.ReadFile(ctx, "/run/db/other")
	wantUnforeseen(t, err, "step 1.1 restart")
	_, err = o.ReadDir(ctx, "/run")
	wantUnforeseen(t, err, "step 1.1 restart")
	_, err = o.Query(ctx, steps.Command{Argv: []string{"ps"}, Reads: []string{"service:db"}})
	wantUnforeseen(t, err, "step 1.1 restart")
	_, err = o.Dial(ctx, "localhost:3306")
	wantUnforeseen(t, err, "step 1.1 restart")
	if _, err = o.Query(ctx, steps.Command{Argv: []string{"uname"}}); err != nil {
		t.Errorf("a query that rests on nothing: %v", err)
	}
	if m.acts() != "" {
		t.Errorf("a dry run did %s", m.acts())
	}
}

// What was foreseen does not outlive what changes it again.
func TestOverlayForgetsWhatItForesaw(t *testing.T) {
	ctx := t.Context()
	for _, row := range []struct {
		name string
		act  func(o *overlay) error
	}{
		{"an act on the service", func(o *overlay) error {
			_, err := o.Exec(ctx, steps.Command{Argv: []string{"stop"}, Writes: []string{"service:db", "/run/db/pid"}})
			return err
		}},
		{"an act on anything", func(o *overlay) error {
			_, err := o.Exec(ctx, steps.Command{Argv: []string{"script"}})
			return err
		}},
		{"an act with an empty list of writes", func(o *overlay) error {
			_, err := o.Exec(ctx, steps.Command{Argv: []string{"script"}, Writes: []string{}})
			return err
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, o := dry(t)
			must(t, o.WriteFile(ctx, "/etc/db", []byte("1"), steps.Attrs{}))
			_, err := o.Exec(ctx, restart)
			must(t, err)
			o.as("later", "1.2")
			must(t, row.act(o))
			_, err = o.Query(ctx, status)
			wantUnforeseen(t, err, "later")
			_, err = o.ReadFile(ctx, "/run/db/pid")
			wantUnforeseen(t, err, "later")
		})
	}
	t.Run("a write of what the answer rests on", func(t *testing.T) {
		_, o := dry(t)
		_, err := o.Exec(ctx, restart)
		must(t, err)
		must(t, o.WriteFile(ctx, "/etc/db", []byte("2"), steps.Attrs{}))
		_, err = o.Query(ctx, status)
		wantUnforeseen(t, err, "")
	})
	t.Run("a file of ours that an act may change", func(t *testing.T) {
		_, o := dry(t)
		must(t, o.WriteFile(ctx, "/etc/f", []byte("ours"), steps.Attrs{}))
		o.as("later", "1.2")
		_, err := o.Exec(ctx, steps.Command{Argv: []string{"script"}, Writes: []string{"/etc"}})
		must(t, err)
		_, err = o.ReadFile(ctx, "/etc/f")
		wantUnforeseen(t, err, "later")
	})
	t.Run("a write over a foreseen file", func(t *testing.T) {
		m, o := dry(t)
		m.PutDir("/run/db")
		act := restart
		act.Writes = []string{"service:db"}
		_, err := o.Exec(ctx, act)
		must(t, err)
		must(t, o.WriteFile(ctx, "/run/db/pid", []byte("2"), steps.Attrs{}))
		_, err = o.Query(ctx, steps.Command{Argv: []string{"cat", "/run/db/pid"}, Reads: []string{"/run/db"}})
		wantUnforeseen(t, err, "/run/db/pid")
	})
}

// A foreseen file that replaced a written one and was invalidated in its turn
// once left a hole in the list of writes.
func TestOverlayForeseesOverAWrite(t *testing.T) {
	ctx := t.Context()
	m, o := dry(t)
	m.PutDir("/run/db")
	must(t, o.WriteFile(ctx, "/run/db/pid", []byte("ours"), steps.Attrs{}))
	_, err := o.Exec(ctx, restart)
	must(t, err)
	_, err = o.Exec(ctx, steps.Command{Argv: []string{"stop"}, Writes: []string{"/run/db"}})
	must(t, err)
	if _, err = o.Query(ctx, steps.Command{Argv: []string{"uname"}, Reads: []string{"kernel"}}); err != nil {
		t.Error(err)
	}
}

func TestIntersects(t *testing.T) {
	for _, row := range []struct {
		reads, writes string
		want          bool
	}{
		{"", "*", false},
		{"*", "", false},
		{"*", "service:a", true},
		{"service:a", "*", true},
		{"service:a", "service:a", true},
		{"service:a", "service:ab", false},
		{"/etc/mysql", "/etc/mysql", true},
		{"/etc/mysql", "/etc/mysql/my.cnf", true},
		{"/etc/mysql/my.cnf", "/etc/mysql", true},
		{"/etc/mysql", "/etc/mysql2", false},
		{"/etc/mysql2", "/etc/mysql", false},
		{"/", "/etc/x", true},
		{"/etc/x", "/", true},
		{"/etc/", "/etc/x", true},
		{"service:a", "/", false},
		{"a,b,/x", "c,/x/y", true},
		{"a,b", "c,d", false},
	} {
		split := func(s string) []string {
			return slices.DeleteFunc(strings.Split(s, ","), func(s string) bool { return s == "" })
		}
		if got := intersects(split(row.reads), split(row.writes)); got != row.want {
			t.Errorf("reads %q, writes %q: got %v, want %v", row.reads, row.writes, got, row.want)
		}
	}
}

func TestOverlayWritesBeforeItRunsOrAsks(t *testing.T) {
	ctx := t.Context()
	cat := steps.Command{Argv: []string{"cat", "/etc/f"}, Reads: []string{"/etc"}}
	t.Run("live", func(t *testing.T) {
		m, o := live(t)
		m.PutFile("/etc/f", "old")
		out, err := o.Query(ctx, cat)
		if err != nil || string(out.Stdout) != "old" {
			t.Fatalf("got %q, %v", out.Stdout, err)
		}
		must(t, o.WriteFile(ctx, "/etc/f", []byte("new"), steps.Attrs{}))
		if _, err = o.Query(ctx, steps.Command{Argv: []string{"uname"}, Reads: []string{"kernel"}}); err != nil || m.acts() != "" {
			t.Errorf("a query that does not read the file: %v, %s", err, m.acts())
		}
		out, err = o.Query(ctx, cat)
		if err != nil || string(out.Stdout) != "new" {
			t.Errorf("a query that reads the file: got %q, %v; want the pending content", out.Stdout, err)
		}
		must(t, o.WriteFile(ctx, "/etc/f", []byte("newer"), steps.Attrs{}))
		_, err = o.Exec(ctx, steps.Command{Argv: []string{"reload"}})
		must(t, err)
		if got, want := m.acts(), "commit /etc/f; commit /etc/f; run reload"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("dry", func(t *testing.T) {
		m, o := dry(t)
		must(t, o.WriteFile(ctx, "/etc/f", []byte("new"), steps.Attrs{}))
		_, err := o.Query(ctx, cat)
		wantUnforeseen(t, err, "/etc/f")
		if m.acts() != "" || m.readCount("query cat /etc/f") != 0 {
			t.Error("the dry run asked or changed the host")
		}
	})
}

func TestOverlayRefusesDriftedFiles(t *testing.T) {
	ctx := t.Context()
	m, o := live(t)
	m.PutFile("/etc/a", "0")
	m.PutFile("/etc/b", "0")
	touched := false
	o.touch = func() { touched = true }
	must(t, o.WriteFile(ctx, "/etc/a", []byte("1"), steps.Attrs{}))
	must(t, o.WriteFile(ctx, "/etc/b", []byte("1"), steps.Attrs{}))
	m.PutFile("/etc/b", "somebody else's")
	err := o.flush(ctx)
	var ce *CommitError
	if !errors.Is(err, steps.ErrDrifted) || !errors.As(err, &ce) || ce.Path != "/etc/b" {
		t.Fatalf("got %v, want ErrDrifted of /etc/b", err)
	}
	if touched || m.Content("/etc/a") != "0" {
		t.Error("a refused batch counts as a change")
	}
}

func TestOverlayNotesADirectoryWhoseEntriesChange(t *testing.T) {
	ctx := t.Context()
	m, o := dry(t)
	m.PutFile("/etc/conf.d/a", "a")
	m.PutDir("/etc/other")
	pendingDir := func(dir string) bool {
		t.Helper()
		st, err := o.Stat(ctx, dir)
		must(t, err)
		return st.Pending
	}
	must(t, o.WriteFile(ctx, "/etc/conf.d/a", []byte("b"), steps.Attrs{}))
	if pendingDir("/etc/conf.d") {
		t.Error("new content of an entry makes the directory pending, want not")
	}
	must(t, o.Remove(ctx, "/etc/conf.d/a"))
	must(t, o.WriteFile(ctx, "/etc/other/new", []byte("n"), steps.Attrs{}))
	for _, dir := range []string{"/etc/conf.d", "/etc/other"} {
		if !pendingDir(dir) {
			t.Errorf("%s is not pending, but an entry went or came", dir)
		}
	}
}
