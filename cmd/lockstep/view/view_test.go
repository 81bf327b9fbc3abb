package view

import (
	"bytes"
	"crypto/rand"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/executor"
	"lockstep/internal/pki"
	"lockstep/internal/secret"
	"lockstep/steps"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const password = "sst:hunter22"

// stopped is an edit that takes mariadb away, started one that brings it back.
func stopped() steps.Edit {
	return steps.Edit{Op: steps.Run, Subject: "service mariadb", Summary: "stop", Why: "/etc/my.cnf is newer than the service", Disrupts: &steps.Disruption{Service: "mariadb", Effect: steps.Stops}}
}

func started(summary string) steps.Edit {
	return steps.Edit{Op: steps.Run, Subject: "service mariadb", Summary: summary, Disrupts: &steps.Disruption{Service: "mariadb", Effect: steps.Starts}}
}

// config is an edit of a file whose neighbouring line holds a secret.
func config() steps.Change {
	before := "[mysqld]\nwsrep_sst_auth = " + password + "\nport = 3306\n"
	after := before + "ssl_ca = /etc/mysql/certs/ca.pem\n"
	return steps.Change{
		Secrets: []string{password},
		Edits:   []steps.Edit{{Op: steps.Update, Subject: "/etc/my.cnf", Before: steps.NewContent([]byte(before), false), After: steps.NewContent([]byte(after), false)}},
	}
}

func step(host, id, name, kind string, status executor.Status, c steps.Change) executor.Event {
	return executor.Event{Type: executor.EventStep, Host: host, Stage: 1, Step: id, Name: name, Kind: kind, Status: status, Change: &c}
}

func edits(e ...steps.Edit) steps.Change { return steps.Change{Edits: e} }

// story is a dry run of two hosts with everything that a plan can show.
func story() []executor.Event {
	copied := edits(
		steps.Edit{Op: steps.Create, Subject: "/etc/mysql/certs", Attrs: []steps.AttrEdit{{Name: "kind", After: "directory"}, {Name: "mode", After: "0750"}}},
		steps.Edit{Op: steps.Create, Subject: "/etc/mysql/certs/server-key.pem", After: steps.NewContent([]byte("x"), true), Attrs: []steps.AttrEdit{{Name: "mode", After: "0600"}}},
		steps.Edit{Op: steps.Update, Subject: "/etc/mysql/blob", Before: steps.NewContent([]byte{0, 1}, false), After: steps.NewContent([]byte{0, 2, 3}, false)},
	)
	noted := []string{"/etc/my.cnf:3: port has no effect: /etc/my.cnf:9 sets it later"}
	return []executor.Event{
		{Type: executor.EventStart, Name: "Encrypt everything", Hosts: []string{"db1", "db2"}, Stages: 3, DryRun: true},
		{Type: executor.EventStage, Stage: 1, Hosts: []string{"db1", "db2"}},
		step("db1", "1.1", "certificates", "copy", executor.StatusChange, copied),
		step("db1", "1.2", "settings", "my_cnf", executor.StatusChange, config()),
		step("db1", "1.3", "already there", "file", executor.StatusOK, steps.Change{}),
		step("db1", "1.4", "more settings", "my_cnf", executor.StatusOK, steps.Change{Notes: noted}),
		step("db1", "1.5", "the rest", "my_cnf", executor.StatusOK, steps.Change{Notes: noted}),
		step("db2", "1.1", "certificates", "copy", executor.StatusOK, steps.Change{}),
		step("db2", "1.2", "tune", "command", executor.StatusUnknown, steps.Change{Unknown: "the effect of a command is not known before it ran", Edits: []steps.Edit{{Op: steps.Run, Subject: "sysctl -p"}}}),
		{Type: executor.EventGate, Stage: 2, Host: "db2", Kind: "galera", Status: executor.StatusRed, Err: errors.New("db1 is Donor/Desynced\n  do: wait")},
		step("db2", "2.1", "stop", "galera", executor.StatusChange, edits(stopped())),
		step("db1", "2.1", "stop", "galera", executor.StatusChange, edits(stopped())),
		step("db1", "3.1", "start", "galera", executor.StatusChange, edits(started("bootstrap the cluster"))),
		step("db2", "3.1", "start", "galera", executor.StatusChange, edits(started("start"))),
		{Type: executor.EventEnd, DryRun: true, Counts: &executor.Counts{OK: 4, Changes: 6, Unknown: 1}},
	}
}

// live is a run that fails in its third step.
func live() []executor.Event {
	c := config()
	return []executor.Event{
		{Type: executor.EventStart, Name: "Encrypt everything", Hosts: []string{"db1", "db2"}, Stages: 2},
		{Type: executor.EventStage, Stage: 1, Hosts: []string{"db1", "db2"}},
		{Type: executor.EventStep, Host: "db1", Step: "1.1", Name: "settings", Kind: "my_cnf", Status: executor.StatusChanged, Change: &c, Elapsed: 1500 * time.Millisecond},
		step("db2", "1.1", "settings", "my_cnf", executor.StatusOK, steps.Change{}),
		{Type: executor.EventStage, Stage: 2, Name: "restart", Hosts: []string{"db2", "db1"}, Width: 1},
		{Type: executor.EventGate, Stage: 2, Host: "db2", Kind: "galera", Status: executor.StatusWaiting, Err: errors.New("db2 is Joiner")},
		{Type: executor.EventGate, Stage: 2, Host: "db2", Kind: "galera", Status: executor.StatusHealthy, Elapsed: 2 * time.Second},
		{Type: executor.EventStep, Host: "db2", Step: "2.1", Name: "restart", Kind: "service", Status: executor.StatusFailed, Err: errors.New("mariadb did not start\n  why: password " + password + " is wrong")},
		{Type: executor.EventNote, Stage: 2, Hosts: []string{"db1"}, Message: "not touched in this stage because of the failure"},
		{Type: executor.EventEnd, Counts: &executor.Counts{OK: 1, Changes: 1, Failed: 1}},
	}
}

func TestViews(t *testing.T) {
	nothing := []executor.Event{
		{Type: executor.EventStart, Name: "All well", Hosts: []string{"db1", "db2"}, DryRun: true},
		step("db1", "1.1", "proof", "verify", executor.StatusVerified, steps.Change{}),
		{Type: executor.EventEnd, DryRun: true, Counts: &executor.Counts{OK: 4, Verified: 2}},
	}
	for name, events := range map[string][]executor.Event{"plan": story(), "run": live(), "nothing": nothing} {
		for _, form := range []string{"txt", "jsonl"} {
			t.Run(name+"."+form, func(t *testing.T) {
				var out bytes.Buffer
				r := &secret.Redactor{}
				r.Add(password)
				v := Text(&out, r, false, false)
				if form == "jsonl" {
					v = JSON(&out, r)
				}
				for _, e := range events {
					v.Event(e)
				}
				v.Exit(0, "done")
				golden(t, name+"."+form, out.String())
				if strings.Contains(out.String(), "hunter22") {
					t.Error("the password is shown")
				}
			})
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs from what is printed (-want +got):\n%s", file, diff)
	}
}

func TestKeysAreShownAsFingerprints(t *testing.T) {
	ca, err := pki.NewCA(rand.Reader, time.Now(), pki.CARequest{Name: "test", Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	keyPEM, err := ca.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	e := steps.Edit{Op: steps.Create, Subject: "/k", After: steps.NewContent(keyPEM, false)}
	text := strings.Join(draw(e).lines(&secret.Redactor{}), "\n")
	if !strings.HasPrefix(text, "+ private key") || strings.Contains(text, "BEGIN") || strings.Contains(text, "\n") {
		t.Errorf("a key is shown as %q", text)
	}
}

func TestUnknownSecretSettingsAreMasked(t *testing.T) {
	e := steps.Edit{Op: steps.Update, Subject: "/etc/app.ini",
		Before: steps.NewContent([]byte("db_password = old-one\nport=1\n"), false),
		After:  steps.NewContent([]byte("db_password = new-one\nport=2\n"), false)}
	text := strings.Join(draw(e).lines(&secret.Redactor{}), "\n")
	if strings.Contains(text, "-one") || !strings.Contains(text, "+port=2") {
		t.Errorf("got %s", text)
	}
}

func TestColourIsOnlyUsedWhenAsked(t *testing.T) {
	var plain, coloured bytes.Buffer
	for _, e := range story() {
		Text(&plain, &secret.Redactor{}, false, true).Event(e)
	}
	v := Text(&coloured, &secret.Redactor{}, true, true)
	for _, e := range story() {
		v.Event(e)
	}
	if strings.Contains(plain.String(), "\x1b") || !strings.Contains(coloured.String(), "\x1b[31m") {
		t.Error("colour is wrong")
	}
}

func TestWhatNewContentReplacesIsShown(t *testing.T) {
	ca, err := pki.NewCA(rand.Reader, time.Now(), pki.CARequest{Name: "old", Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	e := steps.Edit{Op: steps.Update, Subject: "/ca.pem", Before: steps.NewContent(ca.CertPEM(), false), After: steps.NewContent([]byte("x"), true)}
	text := strings.Join(draw(e).lines(&secret.Redactor{}), "\n")
	if !strings.HasPrefix(text, "- CA certificate CN=old CA") || !strings.Contains(text, "\n+ made at apply") {
		t.Errorf("got %q", text)
	}
	e.Before.Unsettled = true // it stands in for what the run makes, under another name
	if text := strings.Join(draw(e).lines(&secret.Redactor{}), "\n"); strings.Contains(text, "CN=") || !strings.Contains(text, "- what is made at apply") {
		t.Errorf("of a dry run: got %q", text)
	}
}

// TestRunThatEndedEarlyDoesNotSayAllIsWell: nobody looked at the rest.
func TestRunThatEndedEarlyDoesNotSayAllIsWell(t *testing.T) {
	for _, dry := range []bool{true, false} {
		var out bytes.Buffer
		v := Text(&out, &secret.Redactor{}, false, false)
		v.Event(executor.Event{Type: executor.EventStart, Hosts: []string{"db1"}, DryRun: dry})
		v.Event(executor.Event{Type: executor.EventEnd, DryRun: dry, Counts: &executor.Counts{OK: 2}, Err: executor.ErrInterrupted})
		if text := out.String(); strings.Contains(text, "nothing to do") || !strings.Contains(text, "2 as wanted, ended early") {
			t.Errorf("dry run %v: got\n%s", dry, text)
		}
	}
}

// TestSecretsThatAreLearntLaterAreMasked: a dry run is shown when it is complete,
// and a step may tell of a secret that an earlier one has shown.
func TestSecretsThatAreLearntLaterAreMasked(t *testing.T) {
	var out bytes.Buffer
	r := &secret.Redactor{}
	r.Add(password[:6])
	v := Text(&out, r, false, false)
	v.Event(executor.Event{Type: executor.EventStart, Hosts: []string{"db1"}, DryRun: true})
	e := edits(steps.Edit{Op: steps.Update, Subject: "/etc/app.ini", Before: steps.NewContent([]byte("a=1\n"), false), After: steps.NewContent([]byte("a="+password+"\n"), false)})
	v.Event(step("db1", "1.1", "settings", "copy", executor.StatusChange, e))
	r.Add(password)
	v.Event(executor.Event{Type: executor.EventEnd, DryRun: true, Counts: &executor.Counts{Changes: 1}})
	if text := out.String(); strings.Contains(text, password[6:]) || !strings.Contains(text, "+a="+secret.Mask+"\n") {
		t.Errorf("got\n%s", text)
	}
}

// TestEqualEditsAreDrawnOnce, and no others.
func TestEqualEditsAreDrawnOnce(t *testing.T) {
	text := func(s string) *steps.Content { return steps.NewContent([]byte(s), false) }
	var d drawings
	for i, e := range []steps.Edit{
		{Subject: "/a", Before: text("x\n"), After: text("y\n")},
		{Subject: "/b", Before: text("x\n"), After: text("y\n")},
		{Subject: "/a", Before: text("x\n"), After: text("z\n")},
		{Subject: "/a", Before: nil, After: text("y\n")},
		{Subject: "/a", Before: text(""), After: text("y\n")},
		{Subject: "/a", Before: text("y\n"), After: nil},
		{Subject: "/a", Before: text("y\n"), After: steps.NewContent([]byte("z"), true)},
	} {
		want := draw(e)
		for range 2 {
			if got := d.of(e); !cmp.Equal(got, want, cmp.AllowUnexported(drawing{})) {
				t.Errorf("edit %d is drawn as %+v, want %+v", i, got, want)
			}
		}
	}
	if len(d.made) != 6 {
		t.Errorf("%d drawings were kept, want 6: what nobody knows yet is no content to know again", len(d.made))
	}
	for i := range 3 * mostDrawings {
		d.of(steps.Edit{Subject: "/a", After: text(strings.Repeat("x", i))})
	}
	if len(d.made) > mostDrawings {
		t.Errorf("%d drawings are kept", len(d.made))
	}
}
