package serverfiles

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/internal/optionfile"
	"lockstep/steps"
	"lockstep/steps/stepstest"
)

// host is a fake with a main option file that is on this machine, too, and runs
// queries here, so that the real programs answer.
func host(t *testing.T, text string) (h *stepstest.Fake, s Server) {
	t.Helper()
	for _, program := range []string{"my_print_defaults", "mariadbd"} {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing; install mariadb-server and mariadb-client", program)
		}
		t.Skipf("%s is not installed, so nothing answers", program)
	}
	s = Server{Main: filepath.Join(t.TempDir(), "my.cnf")}
	if err := os.WriteFile(s.Main, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h = stepstest.NewFake("db1")
	h.PutFile(s.Main, text)
	h.OnOther(run)
	return h, s
}

// run runs a query on this machine, as the contract says.
func run(_ *stepstest.Fake, c steps.Command) steps.Output {
	cmd := exec.Command(c.Argv[0], c.Argv[1:]...)
	cmd.Stdin, cmd.Dir, cmd.Env = bytes.NewReader(c.Stdin), "/", []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=/root"}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	code := cmd.ProcessState.ExitCode()
	if err != nil && code == 0 {
		code = -1
	}
	return steps.Output{Stdout: out.Bytes(), Stderr: errs.Bytes(), Code: code}
}

// judge lets the host judge a change of the main file's text.
func judge(t *testing.T, h *stepstest.Fake, s Server, before, after string) ([]string, error) {
	t.Helper()
	j := Judged{Server: s}
	var err error
	read := func(text string) (*optionfile.File, *Files) {
		f, parseErr := optionfile.Parse(s.Main, []byte(text))
		all, readErr := s.Read(t.Context(), h, Draft{s.Main, []byte(text)})
		if parseErr != nil || readErr != nil {
			t.Fatal(parseErr, readErr)
		}
		return f, all
	}
	j.Before, j.Found = read(before)
	j.After, j.Wanted = read(after)
	notes, err := j.Judge(t.Context(), h)
	return notes, err
}

const sound = "[mysqld]\nport = 3307 # \"ours\n[client]\npassword = \"a b\"\n[sst]\nencrypt=4\n"

func TestRealProgramsJudgeAnEdit(t *testing.T) {
	for _, tt := range []struct{ name, add, want string }{
		{"sound", "ssl_ca = '/a # b'\nloose-unheard = 1\nwsrep_provider_options=\"a=1;\\tb=2\"", ""},
		{"unknown option", "sll_ca = top-secret", "unknown variable 'sll_ca=...'"},
		{"unknown flag", "skip-everything", "unknown option '--skip-everything'"},
		{"no value", "ssl-ca", "requires an argument"},
		{"bad value", "binlog_format = top-secret", "binlog_format"},
		{"ambiguous", "ssl-c = /x", "ambiguous option"},
		{"of another product", "pxc_encrypt_cluster_traffic = ON", "unknown variable 'pxc_encrypt_cluster_traffic"},
		{"a plugin that is not there", "early-plugin-load = keyring_file.so", "early-plugin-load"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, s := host(t, sound)
			notes, err := judge(t, h, s, sound, sound+"[mysqld]\n"+tt.add+"\n")
			switch {
			case tt.want == "" && (err != nil || len(notes) > 0):
				t.Errorf("got %v, %v", notes, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %s", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "top-secret"):
				t.Errorf("the value is shown: %v", err)
			}
		})
	}
}

// TestJudgingTouchesNoDataDirectory would see a file made or removed there by
// the directory's time.
func TestJudgingTouchesNoDataDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	text := "[mysqld]\ndatadir=" + dir + "\nlog_error=" + dir + "/err\ngeneral_log=1\ngeneral_log_file=" + dir +
		"/gen\nlog-bin=" + dir + "/bin\npid-file=" + dir + "/pid\nsocket=" + dir + "/sock\n"
	h, s := host(t, text)
	before, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := judge(t, h, s, text, text+"port=1\n"); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(dir)
	if entries, _ := os.ReadDir(dir); err != nil || len(entries) > 0 || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("%v, %v: the directory was touched (%v, %v)", err, entries, before.ModTime(), after.ModTime())
	}
}

func TestFilesThatTheServerReadsOtherwise(t *testing.T) {
	h, s := host(t, sound)
	seen := strings.Replace(sound, "3307", "3308", 1)
	h.PutFile(s.Main, seen) // not what is on this machine
	_, err := judge(t, h, s, seen, seen+"[mysqld]\nssl_ca=/a\n")
	if err == nil || !strings.Contains(err.Error(), "as main") {
		t.Errorf("got %v", err)
	}
}

func TestReaderThatReadsOtherwise(t *testing.T) {
	h, s := host(t, sound)
	h.OnOther(func(f *stepstest.Fake, c steps.Command) steps.Output {
		out := run(f, c)
		if strings.Contains(c.Argv[2], "what my_print_defaults reads") {
			out.Stdout = bytes.ReplaceAll(out.Stdout, []byte("a b"), []byte("a-b"))
		}
		return out
	})
	_, err := judge(t, h, s, sound, sound+"[mysqld]\nssl_ca=/a\n")
	if err == nil || !strings.Contains(err.Error(), "option 1 is password here and password there") {
		t.Errorf("got %v", err)
	}
}

func TestMissingProgramsAreANote(t *testing.T) {
	h, s := host(t, sound)
	h.OnOther(func(*stepstest.Fake, steps.Command) steps.Output { return steps.Output{Code: 127} })
	notes, err := judge(t, h, s, sound, sound+"port=1\n")
	if err != nil || len(notes) != 2 {
		t.Errorf("got %q, %v", notes, err)
	}
}

func TestPersisted(t *testing.T) {
	const v1 = `{"Version": 1, "mysql_server": {"port": {"Value": "1"}, "mysql_server_static_options": {"ssl_ca": {"Value": "/x", "Metadata": {"Host": "h"}}}}}`
	h := stepstest.NewFake("db1")
	h.PutFile("/etc/my.cnf", "[mysqld]\ndatadir = /data\n")
	h.PutFile("/data/mysqld-auto.cnf", v1)
	for _, tt := range []struct{ name, conf, auto, want string }{
		{"both kinds", "", v1, "port=1 ssl_ca=/x"},
		{"switched off", "persisted_globals_load=OFF\n", v1, ""},
		{"another directory", "datadir=/elsewhere\n", v1, ""},
		{"damaged", "", "{", "error"},
	} {
		h.PutFile("/etc/my.cnf", "[mysqld]\ndatadir = /data\n"+tt.conf)
		h.PutFile("/data/mysqld-auto.cnf", tt.auto)
		f, err := Server{}.Read(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		all, err := f.Persisted(t.Context(), h, []string{"mysqld"})
		got := ""
		for _, o := range all {
			got += " " + o.Key + "=" + o.Value
		}
		if err != nil {
			got = "error"
		}
		if strings.TrimSpace(got) != tt.want {
			t.Errorf("%s: got %s, %v; want %s", tt.name, got, err, tt.want)
		}
	}
}

// started is a host on which a dry run foresees a start of the server.
type started struct{ *stepstest.Fake }

func (s started) ReadFile(ctx context.Context, p string) ([]byte, error) {
	if strings.HasPrefix(p, "/var/lib/") {
		return nil, &steps.Unforeseen{Resource: p, By: "a restart"}
	}
	return s.Fake.ReadFile(ctx, p)
}

// TestPersistedSurvivesAStart: a start may write below the data directory, but
// not what SET PERSIST has kept.
func TestPersistedSurvivesAStart(t *testing.T) {
	for _, tt := range []struct {
		out  steps.Output
		want int
	}{
		{steps.Output{Stdout: []byte(`{"mysql_server": {"ssl_ca": {"Value": "/c/ca.pem"}}}`)}, 1},
		{steps.Output{Code: 3}, 0},
	} {
		f := started{stepstest.NewFake("db1")}
		f.PutFile("/etc/my.cnf", "[mysqld]\n")
		f.AnswerWith(tt.out, afterStartQuery(PersistedIn(DataDir)).Argv...)
		files, err := Server{}.Read(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := files.Persisted(t.Context(), f, []string{"mysqld"})
		if err != nil || len(got) != tt.want {
			t.Errorf("got %v, %v; want %d options", got, err, tt.want)
		}
	}
}
