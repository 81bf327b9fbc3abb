package sshconfig

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// missing skips a test that needs something of the machine, or fails it where
// nothing may be skipped.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// options are of the user who runs the test: ssh takes the home from the user
// database.
func options(t *testing.T, file string) Options {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Home: u.HomeDir, User: u.Username, File: file, Getenv: os.Getenv}
}

// written is a configuration with the text as its file.
func written(t *testing.T, text string) Options {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return options(t, file)
}

// TestAgreesWithSSH reads the files of testdata and lets ssh read them.
func TestAgreesWithSSH(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		missing(t, "OpenSSH's client is not installed here")
	}
	files, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	extra, err := filepath.Abs("testdata/extra")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := New(written(t, strings.ReplaceAll(string(text), "${EXTRA}", extra)))
		tree, err := c.load()
		if err != nil || tree.beyond != nil {
			t.Fatalf("%s: %v, %v", file, err, tree.beyond)
		}
		for _, alias := range strings.Fields("db1 db2 db3 db9 web1 web2 web3 web4 10.0.0.1 10.0.0.12 other") {
			for _, q := range []Query{{Alias: alias}, {Alias: alias, User: "root", Port: 77}} {
				compare(t, c, filepath.Base(file), q)
			}
		}
	}
}

func compare(t *testing.T, c *Config, file string, q Query) {
	t.Helper()
	asked, err := c.ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	want, err := c.finish(q, asked)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Host(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s %+v (-ssh +ours):\n%s", file, q, diff)
	}
}

func TestNoFilesGiveTheDefaults(t *testing.T) {
	o := options(t, "")
	o.Home, o.System = t.TempDir(), "/nowhere"
	got, err := New(o).Host(t.Context(), Query{Alias: "db1"})
	if want := (Settings{HostName: "db1", Port: 22, User: o.User}); err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestUserFileWinsOverSystemFile(t *testing.T) {
	o := written(t, "Port 1\nUser system\n")
	o.System, o.File, o.Home = o.File, "", t.TempDir()
	if err := os.Mkdir(o.Home+"/.ssh", 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, o.Home+"/.ssh/config", "Include more\nPort 2\n")
	put(t, o.Home+"/.ssh/more", "IdentityFile ~/key\n")
	got, err := New(o).Host(t.Context(), Query{Alias: "db1"})
	if err != nil || got.Port != 2 || got.User != "system" || !slices.Equal(got.Identities, []string{o.Home + "/key"}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFileThatOthersMayWriteIsRefused(t *testing.T) {
	o := options(t, "")
	o.Home = t.TempDir()
	if err := os.Mkdir(o.Home+"/.ssh", 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, o.Home+"/.ssh/config", "Port 2\n")
	if err := os.Chmod(o.Home+"/.ssh/config", 0o666); err != nil {
		t.Fatal(err)
	}
	wantError(t, o, "others may write it")
}

func wantError(t *testing.T, o Options, words string) {
	t.Helper()
	if got, err := New(o).Host(t.Context(), Query{Alias: "db1"}); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("got %+v, %v; want an error with %q", got, err, words)
	}
}

// TestBeyondTheSubsetSSHIsAsked: and where there is no ssh, that is said.
func TestBeyondTheSubsetSSHIsAsked(t *testing.T) {
	for name, row := range map[string]struct{ text, words string }{
		"exec":             {"Match exec true\nPort 5\n", "port below a Match exec"},
		"include":          {"Match exec true\nInclude FILE\n", "an Include below this Match"},
		"unknown":          {"Prot 22\n", "the keyword prot"},
		"canonicalization": {"CanonicalizeHostname yes\n", "CanonicalizeHostname"},
	} {
		t.Run(name, func(t *testing.T) {
			more := filepath.Join(t.TempDir(), "more")
			put(t, more, "Port 5\n")
			o := written(t, strings.ReplaceAll(row.text, "FILE", more))
			o.Program = "/nowhere/ssh"
			wantError(t, o, row.words)
		})
	}
}

func TestSSHAnswersForAMatchExec(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		missing(t, "OpenSSH's client is not installed here")
	}
	text := "Match exec true\n Port 5\n ConnectTimeout 9\nHost *\n User joe\n"
	got, err := New(written(t, text)).Host(t.Context(), Query{Alias: "db1"})
	want := Settings{HostName: "db1", Port: 5, User: "joe", ConnectTimeout: 9 * time.Second}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	wantError(t, written(t, "Match exec true\nPort 5\nProt 5\n"), "Bad configuration option: prot")
}

func TestMistakesAreToldWithTheirLine(t *testing.T) {
	for text, words := range map[string]string{
		"Host *\nPort x\n":              `config:2: port: "x" is not a number`,
		"Port 0\n":                      "config:1: port",
		"User \"a\n":                    "config:1: user: a quote is not closed",
		"Port\n":                        "config:1: port has no value",
		"IdentitiesOnly maybe\n":        "config:1: identitiesonly",
		"ConnectTimeout soon\n":         "config:1: connecttimeout",
		"ConnectTimeout 99999999999\n":  "config:1: connecttimeout",
		"User a b\n":                    "config:1: user wants one value",
		"IdentityFile %Z\n":             "the token %Z",
		"IdentityFile ~joe/k\n":         "another user's home",
		"IdentityFile ${LS_NOWHERE}/\n": "${LS_NOWHERE} is not set",
		"ProxyCommand nc %\n":           "a % stands at the end",
		"Match host\n":                  "config:1: Match host has no value",
		"Match\n":                       "config:1: Match has no criterion",
	} {
		wantError(t, written(t, text), words)
	}
	wantError(t, options(t, "/nowhere/config"), "no such file")
}

func TestFilesThatIncludeThemselvesEnd(t *testing.T) {
	o := written(t, "")
	put(t, o.File, "Include "+o.File+"\n")
	wantError(t, o, "include each other")
}

func TestJumps(t *testing.T) {
	for text, want := range map[string][]Query{
		"":                        nil,
		"none":                    nil,
		"b1":                      {{Alias: "b1"}},
		"joe@b1:22, [fd00::1]:99": {{Alias: "b1", User: "joe", Port: 22}, {Alias: "fd00::1", Port: 99}},
		"a@b@c,fd00::2":           {{Alias: "c", User: "a@b"}, {Alias: "fd00::2"}},
		"ssh://joe@b1:22":         {{Alias: "b1", User: "joe", Port: 22}},
	} {
		if got, err := Jumps(text); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"a,", "a:0", "a:x", "-oProxyCommand=x", "joe@", "$(x)", "ssh://a/b"} {
		if got, err := Jumps(text); err == nil {
			t.Errorf("%q: got %+v and no error", text, got)
		}
	}
}

func TestCommandOfElsewhereIsFilledIn(t *testing.T) {
	c, q := New(written(t, "HostName %h.example.com\nPort 2222\n")), Query{Alias: "db1", User: "joe"}
	s, err := c.Host(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Command(q, s, "ssh -W %h:%p %r@gw # %n 100%%"); err != nil || got != "ssh -W db1.example.com:2222 joe@gw # db1 100%" {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := c.Command(q, s, "None"); err != nil || got != "" {
		t.Errorf("got %s, %v", got, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("Host a*b !c\nIdentityFile \"x\\\" y\" # z\nMatch final !host a,b user=c\nPort = 3")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "include") {
			return
		}
		o := written(t, text)
		o.Program = "/nowhere/ssh"
		_, _ = New(o).Host(t.Context(), Query{Alias: "db1"})
	})
}
