package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"lockstep/cmd/lockstep/view"
	"lockstep/executor"
	"lockstep/internal/secret"
	"lockstep/steps/stepstest"
)

// TestPlansForPXC keeps what a dry run says of clusters that cannot run here, for
// somebody who knows them to read. Each host answers as a recording says, through
// the same code as a live one.
func TestPlansForPXC(t *testing.T) {
	for _, row := range []struct {
		name, recording, plan string
		extra                 []string
	}{
		{name: "5.7-enable-automatic", recording: "5.7-plaintext", plan: "pxc-tls/plan.yml"},
		{name: "5.7-enable-manual", recording: "5.7-plaintext", plan: "pxc-tls/plan.yml", extra: []string{"mode=manual"}},
		{name: "8.0-enable-automatic", recording: "8.0-plaintext", plan: "pxc-tls/plan.yml"},
		{name: "8.0-enable-manual", recording: "8.0-plaintext", plan: "pxc-tls/plan.yml", extra: []string{"mode=manual"}},
		{name: "8.4-enable-automatic", recording: "8.4-plaintext", plan: "pxc-tls/plan.yml"},
		{name: "8.4-enable-manual", recording: "8.4-plaintext", plan: "pxc-tls/plan.yml", extra: []string{"mode=manual"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := dryRunOf(t, filepath.Join("..", "..", "examples", filepath.FromSlash(row.plan)), row.recording, row.extra)
			golden(t, filepath.Join("testdata", "pxc", row.name+".golden"), got)
		})
	}
}

// dryRunOf is what `lockstep plan` says of a plan and three hosts of a recording.
func dryRunOf(t *testing.T, plan, recording string, extra []string) string {
	t.Helper()
	a := &app{console: console{getenv: func(string) string { return "" }, stderr: os.Stderr}, redactor: &secret.Redactor{}}
	a.flags.extra = extra
	_, p, err := a.load(t.Context(), plan)
	must(t, err)
	machines := map[string]executor.Machine{}
	for _, h := range p.Peers {
		machines[h.Name] = readOnly{recorded(t, recording, h.Name, h.Address)}
	}
	var out bytes.Buffer
	show := view.Text(&out, a.redactor, false, false)
	here, err := filepath.Abs(filepath.Dir(plan))
	must(t, err)
	control := stepstest.NewFake("control")
	control.PutDir(here)
	control.OnOther(recordingOfControl)
	x := &executor.Executor{Plan: p, Machines: machines, Control: readOnly{control}, Redactor: a.redactor,
		Emit: show.Event, Poll: time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	report, err := x.Preview(t.Context())
	if err != nil || report.Failed > 0 {
		t.Fatalf("%v\n%s", err, out.String())
	}
	text := strings.ReplaceAll(out.String(), here, ".") // the fingerprint of a plan covers the folder, too
	return regexp.MustCompile(`(?m)^fingerprint [0-9a-f]+$`).ReplaceAllString(text, "fingerprint ...")
}

// golden compares text with a file, which -update writes.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		must(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant what it holds; -update writes it", file, got)
	}
}
