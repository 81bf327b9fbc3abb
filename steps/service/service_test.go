package service

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/stepstest"
	"lockstep/steps/unit"
)

func show(active string, start time.Time, enabled string) string {
	return "LoadState=loaded\nActiveState=" + active + "\nSubState=x\nResult=success\nMainPID=7\nExecMainStartTimestamp=" +
		start.Format("Mon 2006-01-02 15:04:05.000000 MST") + "\nNeedDaemonReload=no\nUnitFileState=" + enabled + "\n"
}

// build makes a systemd host with mariadb in a state, which systemctl changes.
// Its configuration is older than the service.
func build(active, enabled string) func(w *stepstest.World) {
	return func(w *stepstest.World) {
		f := w.Self
		f.PutDir("/run/systemd/system")
		f.PutFile("/etc/mysql/my.cnf", "[mysqld]\n")
		f.Advance(time.Hour)
		is := func(active, enabled string) {
			f.Answer(show(active, f.Now(), enabled), unit.ShowQuery("mariadb").Argv...)
		}
		is(active, enabled)
		on := func(verb string, after func()) {
			f.OnExec(func(f *stepstest.Fake, _ steps.Command) steps.Output {
				f.Advance(time.Second)
				after()
				return steps.Output{}
			}, "systemctl", verb, "--", "mariadb")
		}
		on("start", func() { active = "active"; is(active, enabled) })
		on("restart", func() { active = "active"; is(active, enabled) })
		on("stop", func() { active = "inactive"; is(active, enabled) })
		on("enable", func() { enabled = "enabled"; is(active, enabled) })
		on("disable", func() { enabled = "disabled"; is(active, enabled) })
		f.Answer("Started mariadb.\n", unit.JournalQuery("mariadb").Argv...)
	}
}

func edited(w *stepstest.World) {
	build("active", "enabled")(w)
	w.Self.Advance(time.Minute)
	w.Self.PutFile("/etc/mysql/my.cnf", "[mysqld]\nssl\n")
}

const currentYAML = `{name: mariadb, state: current, files: [/etc/mysql/my.cnf]}`

func TestConformance(t *testing.T) {
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "start and enable", YAML: `{name: mariadb, state: started, enabled: true}`, Build: build("inactive", "disabled")},
		stepstest.Case{Name: "start what failed", YAML: `{name: mariadb, state: started}`, Build: build("failed", "disabled")},
		stepstest.Case{Name: "stop and disable", YAML: `{name: mariadb, state: stopped, enabled: false}`, Build: build("active", "enabled")},
		stepstest.Case{Name: "started already", YAML: `{name: mariadb, state: started}`, Build: build("active", "enabled"), Holds: true},
		stepstest.Case{Name: "stopped already", YAML: `{name: mariadb, state: stopped}`, Build: build("inactive", "enabled"), Holds: true},
		stepstest.Case{Name: "restarted", YAML: `{name: mariadb, state: restarted}`, Build: build("active", "enabled"), Always: true},
		stepstest.Case{Name: "current already", YAML: currentYAML, Build: build("active", "enabled"), Holds: true},
		stepstest.Case{Name: "edited since", YAML: currentYAML, Build: edited},
		stepstest.Case{Name: "current, but down", YAML: currentYAML, Build: build("inactive", "enabled")},
		stepstest.Case{Name: "another unit runs the server", YAML: `{name: mariadb, state: current, replaces: [mariadb@bootstrap], files: [/etc/mysql/my.cnf]}`, Build: bootstrapped},
		stepstest.Case{Name: "no other unit runs it", YAML: `{name: mariadb, state: started, replaces: [mariadb@other]}`, Build: func(w *stepstest.World) {
			build("inactive", "enabled")(w)
			w.Self.Answer("LoadState=not-found\nActiveState=inactive\n", unit.ShowQuery("mariadb@other").Argv...)
		}},
		stepstest.Case{Name: "setting", YAML: `{name: mariadb, state: current, settings: [{query: [ask], want: "1"}]}`, Build: func(w *stepstest.World) {
			build("active", "enabled")(w)
			w.Self.OnQuery(func(f *stepstest.Fake, _ steps.Command) steps.Output {
				if len(f.Execs()) == 0 {
					return steps.Output{Stdout: []byte("0\n")}
				}
				return steps.Output{Stdout: []byte("1\n")}
			}, "ask")
		}},
	)
}

// bootstrapped lets another unit run the server.
func bootstrapped(w *stepstest.World) {
	build("inactive", "enabled")(w)
	const other = "mariadb@bootstrap"
	w.Self.Answer(show("active", w.Self.Now(), "static"), unit.ShowQuery(other).Argv...)
	w.Self.OnExec(func(f *stepstest.Fake, _ steps.Command) steps.Output {
		f.Answer(show("inactive", f.Now(), "static"), unit.ShowQuery(other).Argv...)
		return steps.Output{}
	}, "systemctl", "stop", "--", other)
}

// TestTakesOver stops the other unit before it starts the service: two servers
// would fight for the data.
func TestTakesOver(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	bootstrapped(w)
	s := stepstest.Decode(t, Kind(), `{name: mariadb, state: started, replaces: [mariadb@bootstrap]}`)
	c, err := s.Probe(t.Context(), w.View())
	if err != nil || len(c.Edits) != 1 || c.Edits[0].Disrupts.Effect != steps.Restarts {
		t.Fatalf("got %+v, %v; want one restart", c.Edits, err)
	}
	if err := s.Apply(t.Context(), w.Self, c); err != nil {
		t.Fatal(err)
	}
	var acts []string
	for _, c := range w.Self.Execs() {
		acts = append(acts, strings.Join(c.Argv, " "))
	}
	if got := strings.Join(acts, "; "); got != "systemctl stop -- mariadb@bootstrap; systemctl start -- mariadb" {
		t.Errorf("got %s", got)
	}
}

func TestWhyIsTheEvidence(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	edited(w)
	c, err := stepstest.Decode(t, Kind(), currentYAML).Probe(t.Context(), w.View())
	if err != nil || len(c.Edits) != 1 || c.Edits[0].Summary != restart || c.Edits[0].Disrupts.Effect != steps.Restarts ||
		!strings.Contains(c.Edits[0].Why, "/etc/mysql/my.cnf (changed 2027-01-10 13:01:") {
		t.Errorf("got %+v, %v; want a restart with its evidence", c.Edits, err)
	}
}

// A run that dies between the edit and the restart leaves only evidence.
func TestRestartIsFoundAgainAfterDeath(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	build("active", "enabled")(w)
	if err := w.Self.WriteFile(t.Context(), "/etc/mysql/my.cnf", []byte("new"), steps.Attrs{}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second run sees what the first one saw
		c, err := stepstest.Decode(t, Kind(), currentYAML).Probe(t.Context(), w.View())
		if err != nil || len(c.Edits) != 1 {
			t.Errorf("got %+v, %v; want a restart", c.Edits, err)
		}
	}
}

func TestFailureToStart(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	edited(w)
	w.Self.OnExec(func(f *stepstest.Fake, _ steps.Command) steps.Output {
		f.Answer("LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\n", unit.ShowQuery("mariadb").Argv...)
		return steps.Output{Code: 1}
	}, "systemctl", "restart", "--", "mariadb")
	w.Self.Answer("Unable to get private key from 'server-key.pem'\n", unit.JournalQuery("mariadb").Argv...)
	step := stepstest.Decode(t, Kind(), currentYAML)
	c, err := step.Probe(t.Context(), w.View())
	if err != nil {
		t.Fatal(err)
	}
	err = step.Apply(t.Context(), w.Self, c)
	if err == nil || !strings.Contains(err.Error(), "Unable to get private key") || !strings.Contains(err.Error(), "result exit-code") {
		t.Errorf("got %v, want the journal's words and the result", err)
	}
	err = step.(steps.Verifier).Verify(t.Context(), w.View())
	if err == nil || !strings.Contains(err.Error(), "not as wanted") {
		t.Errorf("verify: got %v", err)
	}
}

func certificateOf(t *testing.T, cn string) *pki.Pair {
	t.Helper()
	ca, err := pki.NewCA(rand.Reader, time.Now(), pki.CARequest{Name: "test", Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Issue(rand.Reader, time.Now(), pki.LeafRequest{CommonName: cn, Role: pki.RoleServer, Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// serve presents what is in *pair on every connection.
func serve(pair **pki.Pair) stepstest.DialFunc {
	return func(context.Context, string) (net.Conn, error) {
		here, there := net.Pipe()
		config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{(*pair).Cert.Raw}, PrivateKey: (*pair).Key}}}
		go func() {
			defer there.Close()
			server := tls.Server(there, config)
			_ = server.Handshake()        // the client judges
			_, _ = server.Read([]byte{0}) // until it leaves
		}()
		return here, nil
	}
}

func TestCertificates(t *testing.T) {
	old, next := certificateOf(t, "old"), certificateOf(t, "next")
	presented := old
	world := func(inFile *pki.Pair) *stepstest.World {
		w := stepstest.NewWorld(Kind())
		build("active", "enabled")(w)
		w.Self.PutFile("/etc/cert.pem", string(inFile.CertPEM()))
		w.Self.OnDial(serve(&presented))
		return w
	}
	yaml := `{name: mariadb, state: current, certificates: [{port: 4567, protocol: tls, file: /etc/cert.pem}]}`
	for _, row := range []struct {
		name, want string
		w          *stepstest.World
	}{
		{"as in the file", "", world(old)},
		{"another", "presents another certificate on 127.0.0.1:4567 than /etc/cert.pem", world(next)},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, err := stepstest.Decode(t, Kind(), yaml).Probe(t.Context(), row.w.View())
			if err != nil || c.Empty() != (row.want == "") || !c.Empty() && !strings.Contains(c.Edits[0].Why, row.want) {
				t.Errorf("got %+v, %v; want %q", c.Edits, err, row.want)
			}
		})
	}
	w := world(next)
	w.Self.Edit("/etc/cert.pem", func(s *steps.Stat) { s.Unsettled = true })
	c, err := stepstest.Decode(t, Kind(), yaml).Probe(t.Context(), w.View())
	if err != nil || len(c.Edits) != 1 || !strings.Contains(c.Edits[0].Why, "made at apply") {
		t.Errorf("unsettled: got %+v, %v", c.Edits, err)
	}
	w.Self.PutFile("/etc/cert.pem", "no certificate")
	if _, err := stepstest.Decode(t, Kind(), yaml).Probe(t.Context(), w.View()); err == nil {
		t.Error("a file without a certificate was passed over")
	}
}

// What a command before may have changed is told as a restart that may be.
func TestMayRestartAfterAnUnknownCommand(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	build("active", "enabled")(w)
	p := w.Self.Preview()
	if _, err := p.Exec(t.Context(), steps.Command{Argv: []string{"other"}, Writes: []string{"/etc/mysql"}}); err != nil {
		t.Fatal(err)
	}
	step := stepstest.Decode(t, Kind(), currentYAML)
	c, err := step.Probe(t.Context(), w.ViewOf(p))
	if err != nil || len(c.Edits) != 1 || c.Edits[0].Disrupts == nil || !strings.Contains(c.Unknown, "is not known") {
		t.Fatalf("got %+v, %v; want a restart that is unknown", c, err)
	}
	if err := step.Apply(t.Context(), p, c); err != nil {
		t.Errorf("apply to the preview: %v", err)
	}
}

func TestSysV(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	w.Self.PutFile("/etc/init.d/mysql", "#!/bin/sh")
	w.Self.PutFile("/run/mysqld/mysqld.pid", "42")
	w.Self.Answer("", "service", "mysql", "status")
	w.Self.PutFile("/etc/my.cnf", "newer")
	step := stepstest.Decode(t, Kind(), `{name: mysql, state: current, files: [/etc/my.cnf]}`)
	c, err := step.Probe(t.Context(), w.View())
	if err != nil || len(c.Edits) != 1 || c.Edits[0].Summary != restart {
		t.Fatalf("got %+v, %v; want a restart", c.Edits, err)
	}
	w.Self.OnExec(func(f *stepstest.Fake, _ steps.Command) steps.Output {
		f.PutFile("/run/mysqld/mysqld.pid", "43")
		return steps.Output{}
	}, "service", "mysql", "restart")
	if err := step.Apply(t.Context(), w.Self, c); err != nil {
		t.Fatal(err)
	}
	if c, err := step.Probe(t.Context(), w.View()); err != nil || !c.Empty() {
		t.Errorf("after the restart: got %+v, %v", c.Edits, err)
	}
	if _, err := stepstest.Decode(t, Kind(), `{name: mysql, enabled: true}`).Probe(t.Context(), w.View()); err == nil {
		t.Error("enabled was accepted without systemd")
	}
}

func TestRefuses(t *testing.T) {
	for _, row := range []struct{ name, active, enabled, yaml, want string }{
		{"in the middle of a start", "activating", "enabled", `{name: mariadb, state: current, files: [/etc/mysql/my.cnf]}`, "in the middle"},
		{"what cannot be enabled", "active", "static", `{name: mariadb, enabled: true}`, `its unit is "static"`},
		{"a file that is not there", "active", "enabled", `{name: mariadb, state: current, files: [/etc/none]}`, "/etc/none does not exist"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			build(row.active, row.enabled)(w)
			_, err := stepstest.Decode(t, Kind(), row.yaml).Probe(t.Context(), w.View())
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for yaml, want := range map[string]string{
		`{name: mariadb}`:                                                           "nothing to keep",
		`{name: mariadb, state: current}`:                                           "needs evidence",
		`{name: mariadb, state: started, files: [/a]}`:                              "evidence for state: current",
		`{name: mariadb, enabled: "yes"}`:                                           "true or false",
		`{name: --now, state: started}`:                                             "not the name of a service",
		`{name: a.timer, state: started}`:                                           "is a timer unit",
		`{name: a, state: current, settings: [{query: [x]}]}`:                       "either want or matches",
		`{name: a, state: current, settings: [{query: [x], matches: "("}]}`:         "not a regular expression",
		`{name: a, state: current, certificates: [{file: /a, protocol: postgres}]}`: "must be one of",
	} {
		if _, err := stepstest.TryDecode(Kind(), yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", yaml, err, want)
		}
	}
}
