package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"lockstep/cmd/lockstep/audit"
	"lockstep/cmd/lockstep/view"
	"lockstep/executor"
	"lockstep/steps"
)

// auditFlags are the flags of audit alone.
type auditFlags struct {
	failOn     string
	out        []string
	exceptions string
}

func (a *app) auditCommand() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "audit PLAN.yml",
		Short: "Tell what of the hosts is not as it should be, and change nothing",
		Long: `Walk a plan over the hosts as a dry run does, change nothing, and tell for each
thing that was looked at what was found, what was expected, why it matters and
what to do. Any plan can be audited: what it would change is a finding, and so is
a verification that does not hold. Kinds such as galera_audit and verify look at
more than that.

What cannot be told is "unknown", which counts like what is wrong.

Exit codes: 0 when nothing as bad as --fail-on was found, 2 otherwise.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.audit(cmd.Context(), args[0], f) },
	}
	a.planFlags(cmd)
	a.connectFlags(cmd)
	cmd.Flags().StringVar(&f.failOn, "fail-on", string(steps.Warning), "the `severity` from which on a finding makes the exit code 2: info, warning or critical")
	cmd.Flags().StringArrayVar(&f.out, "out", nil, "write a report to a `file` too, whose end says the format: .html, .json, .prom (Prometheus textfile), .sarif or .xml (JUnit); may be given more than once")
	cmd.Flags().StringVar(&f.exceptions, "exceptions", "", "a `file` of findings to live with for now: check, host, reason and until of each")
	return cmd
}

func (a *app) audit(ctx context.Context, file string, f auditFlags) error {
	failOn, err := severity(f.failOn)
	if err != nil {
		return err
	}
	for _, out := range f.out {
		if _, err := audit.WriterOf(out); err != nil {
			return fmt.Errorf("--out %w", err)
		}
	}
	exceptions, err := readExceptions(f.exceptions)
	if err != nil {
		return err
	}
	inv, p, err := a.loadUnlocked(ctx, file)
	if err != nil {
		return err
	}
	c := &audit.Collector{Clean: func(s string) string { return view.Printable(a.redactor.String(s)) }}
	x, closeHosts, err := a.executor(ctx, inv, p, c.Event)
	if err != nil {
		return err
	}
	defer closeHosts()
	found, err := x.Audit(ctx)
	if err != nil {
		return judge(found, err, "")
	}
	r := c.Report(found.Failures)
	r.At, r.FailOn = time.Now(), failOn
	for i := range exceptions {
		e := &exceptions[i]
		e.Check, e.Host, e.Reason = c.Clean(e.Check), c.Clean(e.Host), c.Clean(e.Reason)
	}
	r = r.Except(filepath.Base(f.exceptions), exceptions)
	if err := a.showAudit(r); err != nil {
		return err
	}
	for _, out := range f.out {
		if err := writeAudit(out, r); err != nil {
			return fmt.Errorf("--out %w", err)
		}
	}
	return audited(found, r)
}

// readExceptions reads a file of exceptions; without one there are none.
func readExceptions(file string) ([]audit.Exception, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--exceptions: %w", err)
	}
	return audit.ParseExceptions(file, data)
}

// writeAudit writes a report as a whole or not at all: other programs may read the
// file at any time.
func writeAudit(file string, r audit.Report) error {
	write, err := audit.WriterOf(file)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := write(&text, r); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return renameio.WriteFile(file, text.Bytes(), 0o644)
}

func severity(word string) (steps.Severity, error) {
	if s := steps.Severity(word); slices.Contains(steps.Severities(), s) {
		return s, nil
	}
	return "", fmt.Errorf("--fail-on %s: it is one of info, warning and critical", word)
}

// audited is the exit of an audit. Hosts that were lost make it that of a run
// which reached none, if nothing else is wrong.
func audited(found *executor.Report, r audit.Report) error {
	failing := r.Failing()
	if len(found.Failures) > 0 && len(failing) == len(found.Failures) {
		return judge(found, nil, "")
	}
	if len(failing) == 0 {
		return &outcome{exitDone, "audited: " + r.Counts().String(), nil}
	}
	var hosts []string
	for _, f := range failing {
		if !slices.Contains(hosts, f.Host) {
			hosts = append(hosts, f.Host)
		}
	}
	return &outcome{exitFailed, fmt.Sprintf("the audit found something on %s: %s", strings.Join(hosts, ", "), r.Counts()), nil}
}

func (a *app) showAudit(r audit.Report) error {
	if a.flags.json {
		return audit.JSON(a.stdout, r)
	}
	colour := a.colour()
	return audit.Text(a.stdout, r, a.flags.verbose > 0, func(c audit.Cell, s string) string {
		if !colour {
			return s
		}
		return view.Paint(string(c), s)
	})
}
