package unit

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lockstep/steps"
	"lockstep/steps/stepstest"
)

const up = `MainPID=2346
Result=success
ExecMainStartTimestamp=Mon 2026-11-23 14:57:39.254402 UTC
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/lib/systemd/system/mariadb.service
DropInPaths=/etc/systemd/system/mariadb.service.d/a.conf /run/systemd/system/mariadb.service.d/b.conf
UnitFileState=enabled
NeedDaemonReload=no
`

var start = time.Date(2026, 11, 23, 14, 57, 39, 254402000, time.UTC)

func TestParseShow(t *testing.T) {
	s, err := ParseShow(up)
	if err != nil || !s.Running() || s.PID != 2346 || !s.Started.Equal(start) || s.NeedReload || s.Enabled != "enabled" {
		t.Errorf("got %+v, %v", s, err)
	}
	want := "/lib/systemd/system/mariadb.service /etc/systemd/system/mariadb.service.d/a.conf"
	if got := strings.Join(s.Files, " "); got != want {
		t.Errorf("files: got %s, want %s", got, want)
	}
	if again, err := ParseShow(s.show()); err != nil || again.show() != s.show() {
		t.Errorf("show and ParseShow are no inverses: %+v, %v", again, err)
	}
	if _, err := ParseShow("no properties"); err == nil {
		t.Error("text without properties was taken for a state")
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"Mon 2026-11-23 14:57:39.254402 UTC": "2026-11-23T14:57:39.254402Z",
		"Mon 2026-11-23 14:57:39 UTC":        "2026-11-23T14:57:39.999999Z",
		"":                                   "0001-01-01T00:00:00Z",
		"n/a":                                "0001-01-01T00:00:00Z",
	} {
		got, err := parseTime(text)
		if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: got %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "Mon 2026-11-23 14:57:39 CET"} {
		if got, err := parseTime(text); err == nil {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}

// host runs mariadb under systemd, with configuration older than the process.
func host() *stepstest.Fake {
	f := stepstest.NewFake("db1")
	f.PutDir("/run/systemd/system")
	for _, p := range []string{"/lib/systemd/system/mariadb.service", "/etc/systemd/system/mariadb.service.d/a.conf",
		"/etc/mysql/my.cnf", "/etc/mysql/conf.d/a.cnf", "/etc/mysql/conf.d/deep/b.txt"} {
		f.PutFile(p, "x")
	}
	for _, p := range []string{"/lib/systemd/system/mariadb.service", "/etc/systemd/system/mariadb.service.d/a.conf",
		"/etc/systemd/system/mariadb.service.d", "/etc/mysql/my.cnf", "/etc/mysql/conf.d", "/etc/mysql/conf.d/a.cnf",
		"/etc/mysql/conf.d/deep", "/etc/mysql/conf.d/deep/b.txt"} {
		f.SetChanged(p, start.Add(-time.Hour))
	}
	f.Answer(up, ShowQuery("mariadb").Argv...)
	return f
}

func TestStale(t *testing.T) {
	after := start.Add(time.Microsecond)
	for _, row := range []struct {
		name, files, want string
		change            func(f *stepstest.Fake)
	}{
		{"nothing changed", "/etc/mysql/my.cnf /etc/mysql/conf.d", "", func(*stepstest.Fake) {}},
		{"changed in the moment of the start", "/etc/mysql/my.cnf", "", func(f *stepstest.Fake) { f.SetChanged("/etc/mysql/my.cnf", start) }},
		{"a microsecond later", "/etc/mysql/my.cnf", "/etc/mysql/my.cnf (changed 2026-11-23 14:57:39 UTC) is newer than the service (started 2026-11-23 14:57:39 UTC)",
			func(f *stepstest.Fake) { f.SetChanged("/etc/mysql/my.cnf", after) }},
		{"deep in a directory", "/etc/mysql/conf.d", "/etc/mysql/conf.d/deep/b.txt (changed", func(f *stepstest.Fake) { f.SetChanged("/etc/mysql/conf.d/deep/b.txt", after) }},
		{"a file is gone", "/etc/mysql/conf.d", "/etc/mysql/conf.d (changed", func(f *stepstest.Fake) { f.SetChanged("/etc/mysql/conf.d", after) }},
		{"beside the glob", "/etc/mysql/conf.d/*.cnf", "", func(f *stepstest.Fake) { f.SetChanged("/etc/mysql/conf.d/deep", after) }},
		{"in the glob", "/etc/mysql/conf.d/*.cnf", "/etc/mysql/conf.d/a.cnf (changed", func(f *stepstest.Fake) { f.SetChanged("/etc/mysql/conf.d/a.cnf", after) }},
		{"written by this run", "/etc/mysql/my.cnf", "/etc/mysql/my.cnf is newer", func(f *stepstest.Fake) {
			f.Edit("/etc/mysql/my.cnf", func(s *steps.Stat) { s.Pending = true })
		}},
		{"two files", "/etc/mysql/conf.d/*", "and so are 1 more", func(f *stepstest.Fake) {
			f.SetChanged("/etc/mysql/conf.d/a.cnf", after)
			f.SetChanged("/etc/mysql/conf.d/deep/b.txt", after)
		}},
		{"behind a link", "/etc/link", "/etc/mysql/my.cnf (changed", func(f *stepstest.Fake) {
			f.PutLink("/etc/link", "/etc/mysql/my.cnf")
			f.SetChanged("/etc/link", start.Add(-time.Hour))
			f.SetChanged("/etc/mysql/my.cnf", after)
		}},
		{"drop-in", "", "/etc/systemd/system/mariadb.service.d/a.conf (changed", func(f *stepstest.Fake) { f.SetChanged("/etc/systemd/system/mariadb.service.d/a.conf", after) }},
		{"drop-in that is not there yet", "", "its unit files changed", func(f *stepstest.Fake) {
			f.PutFile("/etc/systemd/system/mariadb.service.d/new.conf", "x")
			f.Edit("/etc/systemd/system/mariadb.service.d/new.conf", func(s *steps.Stat) { s.Pending = true })
		}},
		{"drop-in that systemd overlooks", "", "its unit files changed", func(f *stepstest.Fake) {
			f.PutFile("/etc/systemd/system/mariadb.service.d/new.conf", "x")
			for _, p := range []string{"/etc/systemd/system/mariadb.service.d/new.conf", "/etc/systemd/system/mariadb.service.d"} {
				f.SetChanged(p, start.Add(-time.Hour))
			}
		}},
		{"drop-in that masks", "", "", func(f *stepstest.Fake) {
			f.PutLink("/etc/systemd/system/mariadb.service.d/masked.conf", "/dev/null")
			f.SetChanged("/etc/systemd/system/mariadb.service.d/masked.conf", start.Add(-time.Hour))
			f.SetChanged("/etc/systemd/system/mariadb.service.d", start.Add(-time.Hour))
		}},
		{"systemd did not read it", "", "its unit files changed", func(f *stepstest.Fake) {
			f.Answer(strings.Replace(up, "Reload=no", "Reload=yes", 1), ShowQuery("mariadb").Argv...)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := host()
			row.change(f)
			s, err := Status(t.Context(), f, "mariadb")
			if err != nil {
				t.Fatal(err)
			}
			why, err := Stale(t.Context(), f, s, strings.Fields(row.files)...)
			if err != nil || (row.want == "") != (why == "") || !strings.Contains(why, row.want) {
				t.Errorf("got %q, %v; want %q", why, err, row.want)
			}
		})
	}
	f := host()
	s, _ := Status(t.Context(), f, "mariadb")
	if _, err := Stale(t.Context(), f, s, "/etc/mysql/mispelt.cnf"); err == nil {
		t.Error("a file that does not exist was taken for evidence")
	}
}

func TestRestartThatIsForeseen(t *testing.T) {
	f := host()
	p := f.Preview()
	write := func(path, content string) {
		if err := p.WriteFile(t.Context(), path, []byte(content), steps.Attrs{}); err != nil {
			t.Fatal(err)
		}
	}
	stale := func() string {
		s, err := Status(t.Context(), p, "mariadb")
		if err != nil {
			t.Fatal(err)
		}
		why, err := Stale(t.Context(), p, s, "/etc/mysql/my.cnf", "/etc/mysql/conf.d")
		if err != nil {
			t.Fatal(err)
		}
		return why
	}
	write("/etc/mysql/my.cnf", "new")
	if stale() == "" {
		t.Error("a file was written, but the service is current")
	}
	if err := Restart(t.Context(), p, "mariadb", "/etc/mysql/my.cnf", "/etc/mysql/conf.d"); err != nil {
		t.Fatal(err)
	}
	if why := stale(); why != "" {
		t.Errorf("after the foreseen restart: %s", why)
	}
	write("/etc/mysql/my.cnf", "newer")
	if stale() == "" {
		t.Error("a file was written after the foreseen restart, but the service is current")
	}
}

// A file that goes leaves no file behind that could be newer.
func TestRemovalIsEvidence(t *testing.T) {
	p := host().Preview()
	for _, gone := range []string{"/etc/mysql/conf.d/a.cnf", "/etc/mysql/conf.d/deep/b.txt"} {
		if err := p.Remove(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		s, err := Status(t.Context(), p, "mariadb")
		if err != nil {
			t.Fatal(err)
		}
		if why, err := Stale(t.Context(), p, s, "/etc/mysql/conf.d"); err != nil || why == "" {
			t.Errorf("%s is gone: got %q, %v", gone, why, err)
		}
		if err := Restart(t.Context(), p, "mariadb", "/etc/mysql/conf.d"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReloadComesBeforeTheRestart(t *testing.T) {
	f := host()
	f.Answer(strings.Replace(up, "Reload=no", "Reload=yes", 1), ShowQuery("mariadb").Argv...)
	f.OnExec(nil, "systemctl", "daemon-reload")
	f.OnExec(nil, "systemctl", "restart", "--", "mariadb")
	if err := Restart(t.Context(), f, "mariadb"); err != nil {
		t.Fatal(err)
	}
	if got := f.Execs(); len(got) != 2 || got[0].Argv[1] != "daemon-reload" || !got[1].Long {
		t.Errorf("got %v, want daemon-reload, then a long restart", got)
	}
}

func TestFailureHasTheJournalsWords(t *testing.T) {
	f := host()
	f.OnExec(func(f *stepstest.Fake, _ steps.Command) steps.Output {
		f.Answer("LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\n", ShowQuery("mariadb").Argv...)
		return steps.Output{Code: 1, Stderr: []byte("Job for mariadb.service failed")}
	}, "systemctl", "restart", "--", "mariadb")
	f.Answer("SSL error: Unable to get certificate from '/etc/mysql/certs/server-cert.pem'\n", JournalQuery("mariadb").Argv...)
	err := Restart(t.Context(), f, "mariadb")
	var p *steps.Problem
	if !errors.As(err, &p) || !strings.Contains(p.Why, "Unable to get certificate") || p.What != "systemctl restart mariadb ended with code 1; mariadb is failed, result exit-code" {
		t.Errorf("got %v, want a problem with the journal's words and the result", err)
	}
}

func TestSysV(t *testing.T) {
	f := stepstest.NewFake("db1")
	f.PutFile("/etc/init.d/mysql", "#!/bin/sh")
	f.PutFile("/etc/my.cnf", "x")
	f.PutFile("/run/mysqld/mysqld.pid", "42")
	f.Answer("", "service", "mysql", "status")
	s, err := Must(t.Context(), f, "mysql")
	if err != nil || !s.Running() || s.Systemd || s.Started.IsZero() {
		t.Fatalf("got %+v, %v; want a running service with a start", s, err)
	}
	if why, err := Stale(t.Context(), f, s, "/etc/my.cnf"); err != nil || why != "" {
		t.Errorf("before the change: got %q, %v", why, err)
	}
	p := f.Preview()
	if err := p.WriteFile(t.Context(), "/etc/my.cnf", []byte("y"), steps.Attrs{}); err != nil {
		t.Fatal(err)
	}
	if why, err := Stale(t.Context(), p, s, "/etc/my.cnf"); err != nil || why == "" {
		t.Errorf("after the change: got %q, %v", why, err)
	}
	if err := Restart(t.Context(), p, "mysql", "/etc/my.cnf"); err != nil {
		t.Fatal(err)
	}
	s, err = Status(t.Context(), p, "mysql")
	if err != nil || !s.Foreseen() {
		t.Fatalf("after the foreseen restart: %+v, %v", s, err)
	}
	if why, err := Stale(t.Context(), p, s, "/etc/my.cnf"); err != nil || why != "" {
		t.Errorf("after the foreseen restart: got %q, %v", why, err)
	}
	f.AnswerWith(steps.Output{Code: 3}, "service", "mysql", "status")
	if s, err := Status(t.Context(), f, "mysql"); err != nil || s.Running() {
		t.Errorf("stopped: got %+v, %v", s, err)
	}
	if _, err := Must(t.Context(), f, "mariadb"); err == nil {
		t.Error("a service without a script exists")
	}
}

func TestOldSystemd(t *testing.T) {
	f := host()
	f.AnswerWith(steps.Output{Code: 1, Stderr: []byte("systemctl: unrecognized option '--timestamp=us+utc'")}, ShowQuery("mariadb").Argv...)
	f.Answer("LoadState=loaded\nActiveState=active\nExecMainStartTimestamp=Mon 2026-11-23 14:57:39 UTC\n", oldShowQuery("mariadb").Argv...)
	if s, err := Status(t.Context(), f, "mariadb"); err != nil || !s.Running() || s.Started.Second() != 39 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestMustRefuses(t *testing.T) {
	for load, want := range map[string]string{"not-found": "has no service", "masked": "is masked", "bad-setting": "cannot load"} {
		f := host()
		f.Answer("LoadState="+load+"\nActiveState=inactive\n", ShowQuery("mariadb").Argv...)
		if _, err := Must(t.Context(), f, "mariadb"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", load, err, want)
		}
	}
}
