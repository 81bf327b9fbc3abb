package main

import (
	"context"
	"fmt"

	"lockstep/executor"
)

// consent is how somebody agrees to what a dry run has shown. Its error says why
// nobody does.
type consent func(ctx context.Context, x *executor.Executor, shown *executor.Report) error

// byHand is the consent of the person at the terminal.
func (a *app) byHand(ctx context.Context, x *executor.Executor, _ *executor.Report) error {
	return a.approve(ctx, len(x.Plan.Hosts))
}

// fingerprinted is the consent of who has seen a dry run with that fingerprint.
func (a *app) fingerprinted(_ context.Context, _ *executor.Executor, shown *executor.Report) error {
	found := shown.Shown.Fingerprint()
	if found == a.flags.approve {
		return nil
	}
	return &outcome{exitRefused, "refused before anything was changed: these changes are not those that were approved", fmt.Errorf(
		"approved: the changes with the fingerprint %s\n  now:     %d changes with the fingerprint %s, as shown\n  why: a file of the plan or of the inventory, or a host, is not as it was, or a part is done already; a fingerprint does not tell which\n  do:  look at these changes and approve their fingerprint, or approve a file of `lockstep plan -o`, which tells",
		a.flags.approve, shown.Changes+shown.Unknown, found)}
}
