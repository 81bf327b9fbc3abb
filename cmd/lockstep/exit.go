package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/cmd/lockstep/view"
	"lockstep/executor"
	"lockstep/steps"
)

// The exit codes; the root command's help lists them.
const (
	exitDone        = 0
	exitUsage       = 1
	exitFailed      = 2
	exitRefused     = 3
	exitUnreachable = 4
	exitUnverified  = 5
	exitInterrupted = 130
)

// outcome ends a command with a code other than 1. Its error is shown above
// the last line; it may be nil.
type outcome struct {
	code   int
	reason string
	err    error
}

// Error is the reason.
func (o *outcome) Error() string { return o.reason }

// say writes one line for people to stderr.
func (a *app) say(format string, args ...any) {
	_, _ = io.WriteString(a.masked(a.stderr), view.Printable(fmt.Sprintf(format, args...))+"\n") // nowhere else to complain
}

// exit shows what err is and returns its code. The last line on stderr always
// says the code and why.
func (a *app) exit(err error) int {
	o := &outcome{exitDone, "done", nil}
	switch {
	case errors.As(err, &o):
	case err != nil && a.signal && errors.Is(err, context.Canceled):
		o = &outcome{exitInterrupted, "interrupted; nothing was changed", nil}
	case err != nil:
		o = &outcome{exitUsage, "invalid input or usage", err}
	}
	if o.err != nil {
		a.say("%s", strings.Join(texts(o.err), "\n"))
	}
	if a.view != nil {
		a.view.Exit(o.code, o.reason)
	}
	if a.view != nil || o.code != exitDone {
		a.say("lockstep: exit %d: %s", o.code, o.reason)
	}
	return o.code
}

// texts are the problems in err, each by itself.
func texts(err error) []string {
	list, ok := err.(*multierror.Error)
	if !ok {
		return []string{err.Error()}
	}
	var out []string
	for _, e := range list.Errors {
		out = append(out, texts(e)...)
	}
	return out
}

// flat is err as one error that can stand in another: the problems of a list,
// one a line, without the heading that the list gives itself.
func flat(err error) error {
	if list, ok := err.(*multierror.Error); ok {
		return errors.Join(list.Errors...)
	}
	return err
}

// judge turns the outcome of a run into an exit. What was failing before any
// change is a refusal.
func judge(report *executor.Report, err error, changed string) error {
	if interrupted(report, err) {
		return &outcome{exitInterrupted, "interrupted" + changed + "; run apply again to go on: what holds is skipped", nil}
	}
	if len(report.Failures) == 0 {
		if err != nil {
			return &outcome{exitFailed, err.Error(), nil}
		}
		return nil
	}
	first := report.Failures[0]
	code, word := exitFailed, "a step failed"
	switch {
	case every(report, func(f executor.HostError) bool { return errors.Is(f, steps.ErrUnreachable) }):
		code, word = exitUnreachable, "unreachable"
	case !report.Acted:
		code, word = exitRefused, "refused before anything was changed"
	case first.Unverified:
		code, word = exitUnverified, "changed, but not verified"
	}
	where := first.Host
	if first.Step != "" {
		where += ", step " + first.Step
	}
	if n := len(report.Failures); n > 1 {
		where += fmt.Sprintf(" and %d more", n-1)
	}
	return &outcome{code, fmt.Sprintf("%s: %s%s", word, where, changed), report.Untold()}
}

// interrupted reports whether the run ended early because it was asked to,
// also where that cut a wait short.
func interrupted(report *executor.Report, err error) bool {
	if errors.Is(err, executor.ErrInterrupted) || errors.Is(err, context.Canceled) {
		return true
	}
	return len(report.Failures) > 0 && every(report, func(f executor.HostError) bool { return errors.Is(f, executor.ErrInterrupted) })
}

func every(report *executor.Report, holds func(executor.HostError) bool) bool {
	for _, f := range report.Failures {
		if !holds(f) {
			return false
		}
	}
	return true
}
