package optionfile

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzOracleEdit holds that the real reader sees, behind an edit, what it saw
// before with the one difference that was meant, in the group that was meant
// and in no other.
func FuzzOracleEdit(f *testing.F) {
	for _, c := range grammarCases() {
		f.Add(c.text(), "ssl-ca", "/etc/mysql/certs/ca.pem", byte(0))
		f.Add(c.text(), "a", ` it's "x" # y\n`, byte(2))
	}
	f.Add("[mysqld]\nwsrep_provider_options=a=1; b=2 # x\n", "socket.ssl_ca", "/a#b", byte(4))
	f.Add("[server]\nssl_ca=1\n[sst]\nssl-ca=2\n", "ssl-ca", "", byte(1))
	file := filepath.Join(f.TempDir(), "my.cnf")
	f.Fuzz(func(t *testing.T, text, key, value string, how byte) {
		if strings.Contains(text, "!") { // no file of this machine is to be read
			return
		}
		before := parse(t, text)
		s := fuzzedSetting(key, value, how)
		after, edits, err := Apply(before, []Setting{s})
		if err != nil {
			return
		}
		saw := asked(t, file, before)
		for g, now := range asked(t, file, after) {
			if meant := slices.ContainsFunc(edits, func(e Edit) bool { return sameGroup(e.Group, g) }); meant {
				now, saw[g] = without(now, s.Key), without(saw[g], s.Key)
			}
			if !slices.Equal(now, saw[g]) {
				t.Fatalf("%v in %q\n[%s] was %q\n   and is %q in %q", s, text, g, saw[g], now, after.Bytes())
			}
		}
		holdsFor(t, file, s, after)
	})
}

func fuzzedSetting(key, value string, how byte) Setting {
	s := Setting{Group: "mysqld", Same: []string{"server"}, Key: key}
	switch how % 5 {
	case 0:
		s.Value = value
	case 1:
		s.Flag = true
	case 2:
		s.Absent = true
	case 3:
		s.Commented = true
	case 4:
		s.Key, s.Sub = providerOptions, []Sub{{Key: key, Value: value}}
	}
	return s
}

// asked is what the oracle reads of each group, cut where options begin. That a
// value with a line end in it may give more parts does not matter here.
func asked(t *testing.T, file string, f *File) map[string][]string {
	t.Helper()
	write(t, file, string(f.Bytes()))
	out := map[string][]string{}
	for _, g := range []string{"mysqld", "server", "sst", " mysqld"} {
		text, stderr, refused := ask(t, file, g)
		if refused {
			t.Fatalf("the oracle refuses %q: %s", f.Bytes(), stderr)
		}
		out[g] = strings.Split("\n"+strings.TrimSuffix(text, "\n"), "\n--")[1:]
	}
	return out
}

// without leaves out an option by that name, however it is spelled.
func without(printed []string, key string) []string {
	return slices.DeleteFunc(slices.Clone(printed), func(p string) bool {
		name, _, _ := strings.Cut(p, "=")
		return sameKey(name, key)
	})
}

// holdsFor asks the oracle for the wanted state: the last occurrence has the
// value, or there is none.
func holdsFor(t *testing.T, file string, s Setting, f *File) {
	t.Helper()
	text, _, _ := ask(t, file, s.groups()...)
	mine := f.Find(s.Key, s.groups()...)
	if got := Print(f.Options(s.groups()...)); got != text {
		t.Fatalf("read %q, the oracle %q", got, text)
	}
	gone := s.Absent || s.Commented
	if gone != (len(mine) == 0) || s.Value != "" && mine[len(mine)-1].Value != s.Value {
		t.Fatalf("%v does not hold in %q", s, f.Bytes())
	}
}

// TestOracleRandomGraphs compares files that include one another, by links too.
func TestOracleRandomGraphs(t *testing.T) {
	oracle(t)
	for seed := range 150 {
		r := rand.New(rand.NewSource(int64(seed)))
		dir := t.TempDir()
		names := []string{"my.cnf", "a.cnf", "b.cnf", "d/1.cnf", "d/2.cnf", "d/x.bak", "e/.h.cnf", "e/3.cnf"}
		for _, name := range names {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, name), randomIncluder(r, dir, names))
		}
		for link, to := range map[string]string{"d/9.cnf": "../a.cnf", "e/gone.cnf": "nowhere", "f": "d", "l.cnf": "b.cnf"} {
			if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		root := filepath.Join(dir, "my.cnf")
		want, stderr, refused := ask(t, root, "mysqld", "server")
		g, err := Resolve(disk{}, dir, Root{root, true})
		if err != nil { // too many reads: the oracle has no such limit
			continue
		}
		if got := worst(g.Problems()) == Fatal; got != refused {
			t.Fatalf("seed %d: fatal = %v, the oracle says %v: %s", seed, got, refused, stderr)
		}
		if got := Print(g.Options("mysqld", "server")); !refused && got != want {
			t.Fatalf("seed %d:\n got %q\nwant %q", seed, got, want)
		}
		if refused {
			continue
		}
		one := write(t, filepath.Join(dir, "one.cnf"), string(g.Text()))
		if got, _, _ := ask(t, one, "mysqld", "server"); got != want {
			t.Fatalf("seed %d: as one text:\n got %q\nwant %q", seed, got, want)
		}
	}
}

// randomIncluder is a random file with includes that lead down in most cases,
// so that circles stay rare.
func randomIncluder(r *rand.Rand, dir string, names []string) string {
	var b strings.Builder
	for range 1 + r.Intn(2) {
		b.WriteString("[mysqld]\n")
		switch r.Intn(6) {
		case 0, 1:
			fmt.Fprintf(&b, " !include %s/%s\t\n", dir, names[r.Intn(len(names))])
		case 2:
			fmt.Fprintf(&b, "!includedir %s/%s\n", dir, []string{"d", "e/", "f", "none"}[min(r.Intn(9), 3)%4])
		case 3:
			fmt.Fprintf(&b, "! include %s/l.cnf\n", dir)
		}
		fmt.Fprintf(&b, "n%d = %d\n", r.Intn(9), r.Intn(99))
		if r.Intn(8) == 0 {
			b.WriteString(randomLine(r) + "\n")
		}
	}
	return b.String()
}
