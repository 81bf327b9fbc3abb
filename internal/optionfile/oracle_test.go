package optionfile

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// oracle is the real reader. Without it the tests are skipped, but not in CI.
func oracle(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("my_print_defaults")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("my_print_defaults is missing; install mariadb-client")
		}
		t.Skip("my_print_defaults is not installed, so nothing to compare with")
	}
	return path
}

// ask returns what the oracle prints of a file's groups, and whether it refused
// it.
func ask(t testing.TB, file string, groups ...string) (stdout, stderr string, refused bool) {
	t.Helper()
	cmd := exec.Command(oracle(t), append([]string{"--defaults-file=" + file}, groups...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String(), errs.String(), err != nil
}

func write(t testing.TB, file, text string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOracleGrammar(t *testing.T) {
	oracle(t)
	for _, c := range grammarCases() {
		if c.noRead {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			file := write(t, filepath.Join(t.TempDir(), "my.cnf"), c.text())
			got, _, refused := ask(t, file, "mysqld")
			if refused != c.fatal {
				t.Fatalf("refused = %v, want %v", refused, c.fatal)
			}
			if refused { // it then prints nothing at all
				return
			}
			if want := lines(c.want); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			f := parse(t, c.text())
			for _, g := range []string{"other", " mysqld", "sst", "server"} {
				if got, _, _ := ask(t, file, g); got != Print(f.Options(g)) {
					t.Errorf("[%s]: got %q, want %q", g, Print(f.Options(g)), got)
				}
			}
		})
	}
}

func lines(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return strings.Join(s, "\n") + "\n"
}

// TestOracleRandom compares the reading of random files, many to a process: a
// fatal error in an included file only ends that file.
func TestOracleRandom(t *testing.T) {
	oracle(t)
	const batches, files = 12, 250
	for b := range batches {
		r := rand.New(rand.NewSource(int64(b)))
		texts := make([]string, files)
		for i := range texts {
			texts[i] = randomFile(r)
		}
		compareBatch(t, texts)
	}
}

// TestOracleEdits compares what random files say after a random edit.
func TestOracleEdits(t *testing.T) {
	oracle(t)
	const batches, files = 8, 250
	done := 0
	for b := range batches {
		r := rand.New(rand.NewSource(int64(1000 + b)))
		var texts []string
		for len(texts) < files {
			if next, err := randomEdit(r, parse(t, randomFile(r))); err == nil {
				texts = append(texts, string(next.Bytes()))
				done++
			}
		}
		compareBatch(t, texts)
	}
	t.Logf("%d edits compared", done)
}

func randomEdit(r *rand.Rand, f *File) (*File, error) {
	switch r.Intn(8) {
	case 0:
		return f.setFlag("mysqld", "ssl_ca", "server")
	case 1:
		return f.remove("mysqld", "ssl-ca", "server")
	case 2:
		return f.commentOut("mysqld", "a", "server")
	case 3:
		return f.setSub("mysqld", "socket.ssl_ca", "/a#"+strings.Trim(randomText(r, 5), " \t"), "server")
	case 4:
		return f.set("sst", "encrypt", "4")
	}
	return f.set("mysqld", "ssl-ca", randomText(r, 12), "server")
}

// compareBatch compares groups, keys and values of files, one group at a time
// and several at once.
func compareBatch(t *testing.T, texts []string) {
	t.Helper()
	dir := t.TempDir()
	var main strings.Builder
	const mark = "lockstep-mark"
	for i, text := range texts {
		file := write(t, filepath.Join(dir, fmt.Sprintf("%d", i)), text)
		fmt.Fprintf(&main, "[%s]\n%s=%d\n!include %s\n", mark, mark, i, file)
	}
	file := write(t, filepath.Join(dir, "main.cnf"), main.String())
	for _, groups := range [][]string{{"mysqld"}, {"server"}, {"other"}, {" mysqld"}, {"sst"}, {"other", "server", "mysqld"}} {
		out, stderr, refused := ask(t, file, append(groups, mark)...)
		if refused {
			t.Fatalf("the oracle refused the batch: %s", stderr)
		}
		parts := strings.Split(out, "--"+mark+"=")[1:]
		if len(parts) != len(texts) {
			t.Fatalf("%d parts for %d files", len(parts), len(texts))
		}
		for i, text := range texts {
			_, theirs, _ := strings.Cut(parts[i], "\n")
			f := parse(t, text)
			if got := Print(f.Options(groups...)); got != theirs {
				t.Errorf("file %q, groups %q\n got %q\nwant %q", text, groups, got, theirs)
			}
			stops := strings.Contains(stderr, filepath.Join(dir, fmt.Sprintf("%d at line", i)))
			if got := worst(f.Problems()) == Fatal; got != stops {
				t.Errorf("file %q: fatal = %v, the oracle says %v", text, got, stops)
			}
		}
	}
}

// randomFile makes a file out of what is troublesome in one.
func randomFile(r *rand.Rand) string {
	var b strings.Builder
	if r.Intn(20) > 0 {
		b.WriteString("[mysqld]\n")
	}
	for range r.Intn(8) {
		b.WriteString(randomLine(r))
		b.WriteString([]string{"\n", "\n", "\n", "\r\n"}[r.Intn(4)])
	}
	if r.Intn(4) == 0 {
		return strings.TrimRight(b.String(), "\r\n")
	}
	return b.String()
}

func randomLine(r *rand.Rand) string {
	pick := func(of ...string) string { return of[r.Intn(len(of))] }
	gap := func() string { return pick("", "", " ", "  ", "\t") }
	switch r.Intn(12) {
	case 0:
		return ""
	case 1:
		return gap() + pick("#", ";") + randomText(r, 10)
	case 2:
		return gap() + pick("[mysqld]", "[server]", "[MySQLd ] # x", "[ mysqld]", "[other]", "[mysqld]x", "[]", "[mysqld")
	case 3:
		return pick("!bogus x", "!include /nonexistent/y", "!x")
	case 4:
		return gap() + pick("skip-ssl", "plain words", "x"+randomText(r, 6))
	}
	key := pick("ssl-ca", "ssl_ca", "SSL_CA", "loose-ssl-ca", "a", "b", "wsrep_provider_options")
	q := pick("", "", "\"", "'")
	comment := pick("", "", "", " # c", " # it's", "#x", " ; y")
	return gap() + key + gap() + "=" + gap() + q + randomText(r, 12) + q + gap() + comment
}

func randomText(r *rand.Rand, most int) string {
	const alphabet = `abnrts01 #;'"\=[]!/.` + "\t"
	var b strings.Builder
	for range r.Intn(most) {
		b.WriteByte(alphabet[r.Intn(len(alphabet))])
	}
	return b.String()
}
