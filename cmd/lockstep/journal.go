package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/executor"
	"lockstep/executor/journal"
	"lockstep/internal/secret"
	"lockstep/plan"
)

// keptJournals is how many journals stay on the control machine.
const keptJournals = 500

// stateDir is where the program keeps what outlives it.
func (a *app) stateDir() string {
	switch dir := a.getenv("LOCKSTEP_STATE_DIR"); {
	case dir != "":
		return absolute(dir)
	case os.Geteuid() == 0:
		return "/var/lib/lockstep"
	}
	if dir := a.getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lockstep")
	}
	return filepath.Join(a.getenv("HOME"), ".local", "state", "lockstep")
}

func (a *app) runsDir() string { return filepath.Join(a.stateDir(), "runs") }

// recorded makes the changes of a plan, with a journal of the run.
func (a *app) recorded(ctx context.Context, x *executor.Executor, h journal.Header) error {
	a.fill(&h, x)
	j, err := journal.Create(a.runsDir(), a.redactor, h)
	if err != nil {
		return &outcome{exitRefused, "refused before anything was changed: there would be no journal of it", err}
	}
	a.keepJournal(j)
	show := x.Emit
	x.Recorder, x.Emit = j, func(e executor.Event) {
		show(e)
		j.Event(e)
	}
	x.Stop = a.gracefully()
	report, err := x.Apply(ctx)
	end := applied(report, err)
	a.keepJournal(nil)
	a.close(j, h.ID, end)
	return end
}

// close ends the journal of a run with its exit.
func (a *app) close(j *journal.Writer, id string, end error) {
	var o *outcome
	if !errors.As(end, &o) {
		o = &outcome{exitUsage, end.Error(), nil}
	}
	if err := j.Close(o.code, o.reason); err != nil {
		a.say("%v", err)
	}
	if o.code != exitDone {
		a.say("what was done: lockstep show %s; to go on: lockstep resume %s", id, id)
	}
	if err := journal.Prune(a.runsDir(), keptJournals); err != nil {
		a.say("old journals stay: %v", err)
	}
}

// keepJournal says where interrupts and answers are to be kept.
func (a *app) keepJournal(j *journal.Writer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.journal = j
}

// answered keeps what a person was asked during a run.
func (a *app) answered(question string, agreed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.journal != nil {
		a.journal.Pause(question, agreed)
	}
}

// keyed is a machine that knows by which key it was let in.
type keyed interface{ HostKey() string }

// fill puts in what is known of every run.
func (a *app) fill(h *journal.Header, x *executor.Executor) {
	h.Plan, h.Inputs, h.Args = x.Plan.Name, a.inputs, a.args(x.Plan)
	h.User, h.Place, h.Lockstep = operator(), placeOf(os.Getpid()), version()
	h.Hosts = known(x)
}

// known are the hosts of a plan with the keys by which they let us in.
func known(x *executor.Executor) []journal.Host {
	var out []journal.Host
	for _, host := range slices.Concat(x.Plan.Peers, x.Plan.Helpers) {
		entry := journal.Host{Name: host.Name, Address: host.Address}
		if m, ok := x.Machines[host.Name].(keyed); ok {
			entry.Key = m.HostKey()
		}
		out = append(out, entry)
	}
	return out
}

// args are the choices of the command line, so that they hold in any folder.
func (a *app) args(p *plan.Plan) journal.Args {
	args := journal.Args{
		Plan: absolute(p.File), Limit: a.limit, Tags: a.flags.tags, SkipTags: a.flags.skip,
		User: a.flags.user, Become: a.flags.become,
	}
	if a.flags.key != "" {
		args.Key = absolute(a.flags.key)
	}
	paths, _ := a.inventoryPaths(p.File) // they were read
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			path = absolute(path)
		}
		args.Inventory = append(args.Inventory, path)
	}
	for _, arg := range a.flags.extra {
		name, value, _ := strings.Cut(arg, "=")
		switch file, isFile := strings.CutPrefix(arg, "@"); {
		case isFile:
			arg = "@" + absolute(file)
		case secret.IsName(name), a.redactor.String(value) != value:
			arg = name + "=" + secret.Mask
		}
		args.Extra = append(args.Extra, arg)
	}
	return args
}
