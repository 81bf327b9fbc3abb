package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"

	"lockstep/cmd/lockstep/view"
	"lockstep/executor"
	"lockstep/executor/journal"
	"lockstep/executor/saved"
	"lockstep/internal/secret"
	"lockstep/internal/source"
	"lockstep/plan"
	"lockstep/steps"
)

// savedPlan reads a file that may be a saved plan. The plan is nil if it is not,
// or not there.
func savedPlan(file string) (*saved.Plan, []byte, error) {
	data, err := os.ReadFile(file)
	if err != nil || !saved.Is(data) {
		return nil, nil, nil // whoever reads it otherwise says what is wrong with it
	}
	p, err := saved.Parse(file, data)
	return p, data, err
}

// drawing is a dry run as text, for a file. The function hands its events on to
// another view.
func (a *app) drawing(to func(executor.Event)) (*bytes.Buffer, func(executor.Event)) {
	var text bytes.Buffer
	file := view.Text(&text, a.redactor, false, false)
	return &text, func(e executor.Event) {
		own := e // a view may keep and change what it is given
		if e.Change != nil {
			c := *e.Change
			c.Edits = slices.Clone(c.Edits)
			own.Change = &c
		}
		file.Event(own)
		to(e)
	}
}

// storable refuses choices of the command line that no file may hold.
func (a *app) storable(p *plan.Plan) error {
	if a.flags.expires <= 0 {
		return fmt.Errorf("--expires %s: a saved plan must be good for some time", a.flags.expires)
	}
	for _, arg := range a.args(p).Extra {
		if name, hidden := strings.CutSuffix(arg, "="+secret.Mask); hidden {
			return fmt.Errorf("-e %s=...: this is a secret, and a saved plan holds none\n  do:  write it into a file, and pass -e @FILE", name)
		}
	}
	return nil
}

// save keeps what a dry run has shown, and signs it unless sign is nil.
func (a *app) save(x *executor.Executor, shown *executor.Report, preview string, sign signature) error {
	made := time.Now().UTC().Truncate(time.Second)
	p := &saved.Plan{
		Name: x.Plan.Name, Made: made, Expires: made.Add(a.flags.expires), User: operator(), Lockstep: version(),
		Args: a.given(x.Plan), Inputs: portable(a.inputs), Hosts: known(x), Steps: shown.Shown.Steps, Preview: preview,
	}
	if err := saved.Write(a.flags.out, p); err != nil {
		return &outcome{exitUsage, "the plan was not saved", err}
	}
	if sign != nil {
		if err := signSaved(a.flags.out, p, sign); err != nil {
			return &outcome{exitUsage, "the plan was saved, and not signed", err}
		}
	}
	a.say("saved in %s, good until %s: lockstep apply %s", a.flags.out, p.Expires.Local().Format("2006-01-02 15:04 MST"), a.flags.out)
	return nil
}

// given are the choices of the command line with the paths as they were given.
func (a *app) given(p *plan.Plan) journal.Args {
	args := a.args(p)
	args.Plan, args.Key, args.Extra = p.File, a.flags.key, a.flags.extra
	args.Inventory, _ = a.inventoryPaths(p.File) // they were read
	return args
}

// portable are files by their paths from the working folder, those below it, so
// that another copy of the folder has the same.
func portable(files []source.File) []source.File {
	out := slices.Clone(files)
	here := absolute(".")
	for i, f := range out {
		if rel, err := filepath.Rel(here, f.Path); err == nil && filepath.IsLocal(rel) {
			out[i].Path = rel
		}
	}
	return out
}

// checkSavedFlags refuses what a saved plan says itself.
func checkSavedFlags(cmd *cobra.Command) error {
	for _, name := range []string{"inventory", "limit", "tags", "skip-tags", "extra-vars", "approve"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s does not go with a saved plan, which is carried out as it was planned: make another with lockstep plan -o", name)
		}
	}
	return nil
}

// applySaved carries out a saved plan: the file is the approval.
func (a *app) applySaved(ctx context.Context, file string, p *saved.Plan, data []byte) error {
	if a.flags.verify != "" {
		if err := a.verifySaved(file, data); err != nil {
			return refusedBecause("nobody who may has signed the saved plan", err)
		}
	}
	if err := p.Check(time.Now()); err != nil {
		return refusedBecause("the saved plan is not good", fmt.Errorf("%s: %w", file, err))
	}
	if err := a.again(p.Args, nil); err != nil {
		return err
	}
	inv, compiled, err := a.loadUnlocked(ctx, p.Args.Plan)
	if err != nil {
		return err
	}
	if changed := changedInputs(p.Inputs, portable(a.inputs)); len(changed) > 0 {
		return refusedBecause("the plan was made from other files", fmt.Errorf("since %s was made:\n  %s\n  do:  lockstep plan -o, to see and approve what the files as they are now would change", file, strings.Join(changed, "\n  ")))
	}
	if err := a.mayPause(compiled); err != nil {
		return err
	}
	return a.approved(ctx, inv, compiled, journal.Header{Command: "apply"}, a.asPlanned(p))
}

func refusedBecause(why string, err error) error {
	return &outcome{exitRefused, "refused before anything was changed: " + why, err}
}

// mayPause refuses a plan that asks on its way where nobody could say yes.
func (a *app) mayPause(p *plan.Plan) error {
	if slices.ContainsFunc(p.Stages, func(s *plan.Stage) bool { return s.Pause != "" }) {
		if err := a.mayAsk(); err != nil {
			return fmt.Errorf("the plan has a pause, which asks before it goes on: %w", err)
		}
	}
	return nil
}

// asPlanned is the consent of a saved plan: to what it shows, as far as that is
// still to be done.
func (a *app) asPlanned(p *saved.Plan) consent {
	return func(_ context.Context, x *executor.Executor, shown *executor.Report) error {
		if others := p.OtherHosts(known(x)); len(others) > 0 {
			return refusedBecause("these are not the hosts of the plan", errors.New(strings.Join(others, "\n")))
		}
		if done := p.Done(&shown.Shown); done > 0 {
			a.say("%d of %d planned steps are done already", done, len(p.Steps))
		}
		drifts, err := a.undrifted(p.Approval().Drifts(&shown.Shown))
		if err != nil {
			return err
		}
		if len(drifts) == 0 {
			return nil
		}
		var all *multierror.Error
		for _, d := range drifts {
			all = multierror.Append(all, d)
		}
		all = multierror.Append(all, &steps.Problem{
			What: "what is to be done now was not planned",
			Do:   "lockstep plan -o, to see and approve it as it is now; or --allow-drift HOST:STEP for what may be done as it is now",
		})
		return refusedBecause(fmt.Sprintf("%d effects are not as planned", len(drifts)), all)
	}
}

// undrifted are the drifts that --allow-drift does not allow.
func (a *app) undrifted(drifts []executor.Drift) ([]executor.Drift, error) {
	for _, arg := range a.flags.allowDrift {
		at := strings.LastIndexByte(arg, ':')
		if at < 1 || at == len(arg)-1 {
			return nil, fmt.Errorf("--allow-drift %s: write HOST:STEP, such as db1:2.3", arg)
		}
		host, step := arg[:at], arg[at+1:]
		covers := func(d executor.Drift) bool {
			return d.Host == host && (d.Step == step || strings.HasPrefix(d.Step, step+"."))
		}
		if !slices.ContainsFunc(drifts, covers) {
			a.say("--allow-drift %s: nothing has drifted there", arg)
		}
		for _, d := range drifts {
			if covers(d) {
				a.say("allowed: %s", d.Error())
			}
		}
		drifts = slices.DeleteFunc(drifts, covers)
	}
	return drifts, nil
}
