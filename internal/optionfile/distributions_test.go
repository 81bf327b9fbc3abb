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
// of every file, one at a time, and looks at the bytes that are not the same.
func TestDistributionsKeepAllElse(t *testing.T) {
	edits := 0
	for name, text := range distributed(t) {
		f := parse(t, text)
		if err := refusals(f.Problems()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, o := range f.Options() {
			if all := f.Find(o.Key, o.Group); len(all) > 1 && all[len(all)-1].Line != o.Line || o.Is(providerOptions) {
				continue
			}
			edits++
			line := strings.SplitAfter(text, "\n")[o.Line-1]
			next, err := f.set(o.Group, o.Key, "/etc/another # value")
			if err != nil {
				t.Fatalf("%s: %s: %v", name, o.Key, err)
			}
			was, now := differing(text, string(next.Bytes()))
			if !strings.Contains(line, was) || strings.Contains(was, "\n") && o.Value != "" || !strings.Contains(`"/etc/another # value"`, strings.Trim(now, "= \t")) {
				t.Errorf("%s:%d: %q became %q", name, o.Line, was, now)
			}
			if gone, err := f.remove(o.Group, o.Key); err != nil || len(text)-len(gone.Bytes()) < len(line) {
				t.Errorf("%s: %s was not removed: %v", name, o.Key, err)
			}
			hidden, err := f.commentOut(o.Group, o.Key)
			if was, now := differing(text, string(hidden.Bytes())); err != nil || strings.Trim(now, "#") != "" || was != "" {
				t.Errorf("%s: %s: %q became %q, %v", name, o.Key, was, now, err)
			}
		}
	}
	t.Logf("%d options changed, removed and commented out", edits)
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
