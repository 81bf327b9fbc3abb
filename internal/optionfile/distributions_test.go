package optionfile

import (
	"bytes"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/google/go-cmp/cmp"
)

// distributed are the option files of distribution packages, and what this
// machine itself has.
func distributed(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, root := range []string{"testdata/distributions", "/etc/mysql"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".md") || root == "/etc/mysql" && !strings.HasSuffix(path, ".cnf") {
				return nil // /etc/mysql may be missing
			}
			data, err := os.ReadFile(path)
			if err == nil {
				out[path] = string(data)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(out) < 20 {
		t.Fatalf("only %d files", len(out))
	}
	return out
}

// TestDistributionsKeepAllElse changes, removes and comments out every option
// of every file, one at a time, and compares all lines with those that were.
func TestDistributionsKeepAllElse(t *testing.T) {
	edits := 0
	for name, text := range distributed(t) {
		f := parse(t, text)
		if err := refusals(f.Problems()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, o := range f.Options() {
			all := f.Find(o.Key, o.Group)
			if len(all) == 0 || all[len(all)-1].Line != o.Line || o.Is(providerOptions) {
				continue
			}
			edits++
			next, err := f.set(o.Group, o.Key, "/etc/another # value")
			if err != nil {
				t.Fatalf("%s: %s: %v", name, o.Key, err)
			}
			onlyLine(t, name, o.Line, text, string(next.Bytes()))
			gone, err := f.remove(o.Group, o.Key)
			if want := withLines(text, all, func(string) string { return "" }); err != nil || string(gone.Bytes()) != want {
				t.Errorf("%s: %s removed gives\n%s\nwant\n%s, %v", name, o.Key, gone.Bytes(), want, err)
			}
			hidden, err := f.commentOut(o.Group, o.Key)
			if want := withLines(text, all, func(line string) string { return "#" + line }); err != nil || string(hidden.Bytes()) != want {
				t.Errorf("%s: %s commented out gives\n%s\nwant\n%s, %v", name, o.Key, hidden.Bytes(), want, err)
			}
		}
	}
	if edits < 60 {
		t.Errorf("only %d options were edited", edits)
	}
}

// onlyLine holds that nothing but a line changed, and in it nothing but the
// value.
func onlyLine(t *testing.T, name string, number int, before, after string) {
	t.Helper()
	a, b := strings.SplitAfter(before, "\n"), strings.SplitAfter(after, "\n")
	if len(a) != len(b) || !slices.Equal(a[:number-1], b[:number-1]) || !slices.Equal(a[number:], b[number:]) {
		t.Errorf("%s: more than line %d changed:\n%s", name, number, after)
		return
	}
	was, now := differing(a[number-1], b[number-1])
	_, value, hasValue := strings.Cut(a[number-1], "=")
	if hasValue && !strings.Contains(value, was) || !hasValue && was != "" || !strings.Contains(`"/etc/another # value"`, strings.Trim(now, "= \t")) {
		t.Errorf("%s:%d: %q became %q", name, number, was, now)
	}
}

// withLines changes the lines of options.
func withLines(text string, of []Option, change func(string) string) string {
	lines := strings.SplitAfter(text, "\n")
	for _, o := range of {
		lines[o.Line-1] = change(lines[o.Line-1])
	}
	return strings.Join(lines, "")
}

// differing cuts what two texts have in common at both ends.
func differing(a, b string) (string, string) {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}

// TestDistributionsTLS shows what encrypting a cluster does to each file.
func TestDistributionsTLS(t *testing.T) {
	want := settings(t, `same server mariadb mariadbd galera
set [mysqld] ssl-ca = /etc/mysql/certs/ca.pem
set [mysqld] bind-address = 0.0.0.0
set [sst] encrypt = 4
absent [mysqld] skip-ssl
comment [client] port
sub [mysqld] socket.ssl = yes`)
	var got bytes.Buffer
	for name, text := range sorted(distributed(t)) {
		if !strings.HasPrefix(name, "testdata/") {
			continue
		}
		next, _, err := Apply(parse(t, text), want)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkTwice(t, next, want)
		name = strings.TrimPrefix(name, "testdata/distributions/")
		got.WriteString(udiff.Unified(name, name, text, string(next.Bytes())))
	}
	const golden = "testdata/distributions.diff"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), got.String()); diff != "" {
		t.Errorf("(-want +got, renew with -update):\n%s", diff)
	}
}

// sorted walks a map in the order of its keys.
func sorted(m map[string]string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
