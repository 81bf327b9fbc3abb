package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/executor"
	"lockstep/internal/optionfile"
	"lockstep/plan"
	"lockstep/steps"
	"lockstep/steps/serverfiles"
	"lockstep/steps/sqlclient"
)

// explainFlags are what only explain heeds.
type explainFlags struct {
	plan, main string
	login      sqlclient.Login
}

func (a *app) explainCommand() *cobra.Command {
	var own explainFlags
	cmd := &cobra.Command{
		Use:   "explain HOST OPTION",
		Short: "Show where an option of the database server comes from, and change nothing",
		Long: `Show every file and line on a host that sets an option of the MySQL or MariaDB
server or of its programs, which one counts, what the running server has, and
with --plan what that plan would change.

OPTION is spelled as in an option file (ssl_ca and ssl-ca are the same), or is a
parameter inside wsrep_provider_options (socket.ssl). Secret values are not shown.

    lockstep explain node1 ssl_ca
    lockstep explain node1 socket.ssl --plan tls.yml`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.explain(cmd.Context(), args[0], args[1], own)
		},
	}
	a.inventoryFlags(cmd)
	a.connectFlags(cmd)
	f := cmd.Flags()
	f.StringArrayVarP(&a.flags.extra, "extra-vars", "e", nil, "a variable as `name=value`, or @file; wins over all others")
	f.StringVar(&own.plan, "plan", "", "also show what this plan `file` would change")
	f.StringVar(&own.main, "main", "", "the `file` that the server is started with; without it the running server is asked, or it is /etc/my.cnf and /etc/mysql/my.cnf")
	f.StringVar(&own.login.File, "login-file", "", "an option `file` on the host with user and password, where root cannot log in to the server without them")
	f.StringVar(&own.login.Socket, "socket", "", "the server's socket on the host; without it the client's default")
	return cmd
}

func (a *app) explain(ctx context.Context, host, key string, own explainFlags) error {
	inv, p, err := a.explained(ctx, host, own.plan)
	if err != nil {
		return err
	}
	var drafts planned
	x, closeHosts, err := a.executor(ctx, inv, p, func(e executor.Event) { drafts.take(host, e) })
	if err != nil {
		return err
	}
	defer closeHosts()
	r, ok := x.Machines[host]
	if !ok {
		return fmt.Errorf("%s: the plan does not touch the host %s", own.plan, host)
	}
	e := explanation{Host: host, Key: key, Plan: own.plan}
	if err := e.look(ctx, r, own); err != nil {
		return fmt.Errorf("%s: %w", host, err)
	}
	if own.plan != "" {
		report, err := x.Preview(ctx)
		if err := judge(report, err, ""); err != nil {
			return err
		}
		if err := e.foresee(ctx, r, drafts); err != nil {
			return fmt.Errorf("%s: %w", host, err)
		}
	}
	if a.flags.json {
		return a.encodeLine(e)
	}
	_, err = fmt.Fprint(a.masked(a.stdout), e.text())
	return err
}

// explained is what to connect to: the host alone, or all hosts of a plan, since
// its dry run looks at them all.
func (a *app) explained(ctx context.Context, host, planFile string) (*fleet, *plan.Plan, error) {
	if planFile == "" {
		a.flags.limit = host
	}
	inv, p, err := a.patients(ctx, planFile)
	if err == nil && planFile == "" && (len(p.Peers) != 1 || p.Peers[0].Name != host) {
		err = fmt.Errorf("%s is no host of the inventory, but a pattern: name one host", host)
	}
	return inv, p, err
}

// planned are the files of one host as a plan would leave them.
type planned struct {
	drafts  []serverfiles.Draft
	unknown []string
}

// take learns from an event of a dry run.
func (p *planned) take(host string, e executor.Event) {
	if e.Host != host || e.Type != executor.EventStep {
		return
	}
	if e.Status == executor.StatusUnknown {
		p.unknown = append(p.unknown, e.Step+" "+e.Name)
	}
	if e.Change == nil {
		return
	}
	for _, edit := range e.Change.Edits {
		p.drafts = slices.DeleteFunc(p.drafts, func(d serverfiles.Draft) bool { return d.Path == edit.Subject })
		switch {
		case edit.Op == steps.Delete:
			p.drafts = append(p.drafts, serverfiles.Draft{Path: edit.Subject})
		case edit.After != nil && edit.After.Data != nil:
			p.drafts = append(p.drafts, serverfiles.Draft{Path: edit.Subject, Text: edit.After.Data})
		}
	}
}

// look fills in what is on the host.
func (e *explanation) look(ctx context.Context, r steps.Reader, own explainFlags) error {
	started, err := serverfiles.StartedAs(ctx, r)
	if err != nil {
		return err
	}
	if e.product, err = serverfiles.Product(ctx, r); err != nil {
		return err
	}
	e.server, e.started = serverfiles.Server{Main: own.main}, started
	if own.main == "" {
		e.server.Main = started.Main
	}
	if e.Programs, err = e.read(ctx, r); err != nil {
		return err
	}
	key := e.Key
	if optionfile.IsParameter(key) {
		key = "wsrep_provider_options"
	}
	running, err := askVariable(ctx, r, own.login, e.product, key)
	if err != nil {
		e.Running.Unknown, _, _ = strings.Cut(err.Error(), "\n")
		return nil
	}
	e.runs(running)
	return nil
}

// foresee fills in what a plan would leave.
func (e *explanation) foresee(ctx context.Context, r steps.Reader, p planned) error {
	after, err := e.read(ctx, r, p.drafts...)
	e.After, e.Unforeseen = &after, p.unknown
	return err
}

// read explains the option by the files of the host, with drafts in place of
// some of them.
func (e *explanation) read(ctx context.Context, r steps.Reader, drafts ...serverfiles.Draft) ([]reading, error) {
	files, err := e.server.Read(ctx, r, drafts...)
	if err != nil {
		return nil, err
	}
	var out []reading
	for i, program := range optionfile.Programs(e.product, e.started.Suffix) {
		options := files.Options(program.Groups...)
		if i == 0 { // the server takes two things more, behind its files
			persisted, err := files.Persisted(ctx, r, program.Groups)
			if err != nil {
				return nil, err
			}
			options = slices.Concat(options, persisted, e.started.Options)
		}
		if found := optionfile.Explain(options, e.Key); len(found) > 0 {
			out = append(out, newReading(program.Name, e.Key, found))
		}
	}
	return out, nil
}
