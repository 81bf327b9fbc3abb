package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lockstep/cmd/lockstep/view"
	"lockstep/executor"
	"lockstep/executor/journal"
)

func (a *app) historyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the runs that changed hosts from here",
		Long: `Lists the runs of which this machine keeps a journal, the last one last: those of
apply and resume, of this user. ` + "`lockstep show RUN`" + ` tells what one of them did.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.history() },
	}
	cmd.Flags().BoolVar(&a.flags.json, "json", false, "one JSON object a line; see docs/journal.md")
	return cmd
}

// summary is a run in one line.
type summary struct {
	Run     string     `json:"run"`
	Begun   time.Time  `json:"begun"`
	Ended   *time.Time `json:"ended,omitempty"`
	Command string     `json:"command"`
	Of      string     `json:"of,omitempty"`
	Plan    string     `json:"plan"`
	User    string     `json:"user"`
	Hosts   []string   `json:"hosts"`
	State   string     `json:"state"` // ended, under way, died, unknown
	Code    *int       `json:"code,omitempty"`
	Reason  string     `json:"reason,omitempty"`
}

func summarize(run *journal.Run) summary {
	s := summary{Run: run.ID, Begun: run.Begun, Command: run.Command, Of: run.Of, Plan: run.Plan, User: run.User}
	for _, h := range run.Hosts {
		s.Hosts = append(s.Hosts, h.Name)
	}
	at := executor.Lease{Place: run.Place}
	switch end := run.End(); {
	case end != nil:
		s.State, s.Ended, s.Code, s.Reason = "ended", &end.Time, &end.Code, end.Message
	case ended(at):
		s.State = "died"
	case here(at):
		s.State = "under way"
	default:
		s.State = "unknown"
	}
	return s
}

// outcome is how the run came out, for people.
func (s summary) outcome() string {
	switch s.State {
	case "ended":
		return fmt.Sprintf("exit %d: %s", *s.Code, s.Reason)
	case "died":
		return "died before its end"
	case "unknown":
		return "no end is written down"
	}
	return s.State
}

func (a *app) history() error {
	runs, err := journal.All(a.runsDir())
	if a.flags.json {
		enc := json.NewEncoder(a.stdout) // no secret is in a journal
		for _, run := range runs {
			if err := enc.Encode(summarize(run)); err != nil {
				return err
			}
		}
	} else if err := a.table(runs); err != nil {
		return err
	}
	if err != nil {
		return &outcome{exitFailed, "not all journals can be read", err}
	}
	return nil
}

func (a *app) table(runs []*journal.Run) error {
	if len(runs) == 0 {
		a.say("no run is kept in %s", a.runsDir())
		return nil
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tBEGUN\tCOMMAND\tPLAN\tHOSTS\tOUTCOME")
	for _, run := range runs {
		s := summarize(run)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", s.Run, s.Begun.Local().Format("2006-01-02 15:04:05"), s.Command, s.Plan, len(s.Hosts), flattened(s.outcome()))
	}
	_ = w.Flush() // into memory
	return a.print(view.Printable(text.String()))
}

func flattened(text string) string { return strings.Join(strings.Fields(text), " ") }

func (a *app) showCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show RUN|FILE",
		Short: "Tell what a run did and how to go on, or what a saved plan would do",
		Long: `Tells from the journal of a run what it did. RUN may be cut short, and "last" is
the last run. The journal is evidence of what was done; what is so now, only the
hosts know.

Of a FILE of lockstep plan -o it tells who planned what, from which files and for
which hosts, and whether it is still good. It asks no host.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.show(args[0]) },
	}
	cmd.Flags().BoolVar(&a.flags.json, "json", false, "the records of the journal, one a line; see docs/journal.md; or the saved plan, see docs/saved-plans.md")
	return cmd
}

func (a *app) show(id string) error {
	switch p, _, err := savedPlan(id); {
	case err != nil:
		return err
	case p != nil:
		return a.showSaved(id, p)
	}
	run, err := journal.Open(a.runsDir(), id)
	if err != nil {
		return err
	}
	if a.flags.json {
		enc := json.NewEncoder(a.stdout) // no secret is in a journal
		for _, r := range run.All() {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	return a.print(view.Printable(tale(run)))
}

// tale is what a run did, in words.
func tale(run *journal.Run) string {
	var b strings.Builder
	s := summarize(run)
	fmt.Fprintf(&b, "%s  %s of %s, by %s, %s\n", s.Run, s.Command, s.Plan, s.User, s.Begun.Local().Format("2006-01-02 15:04:05"))
	if s.Of != "" {
		fmt.Fprintf(&b, "  goes back to the run %s\n", s.Of)
	}
	fmt.Fprintf(&b, "  plan %s\n", run.Args.Plan)
	acts := run.Acts()
	for _, host := range actors(acts) {
		fmt.Fprintf(&b, "\n%s\n", host)
		for _, act := range acts {
			if act.Host == host {
				b.WriteString(deed(act))
			}
		}
	}
	if len(acts) == 0 {
		b.WriteString("\nnothing was changed\n")
	}
	failures(&b, run)
	fmt.Fprintf(&b, "\n%s\n", s.outcome())
	if run.Torn {
		b.WriteString("the last line of the journal is cut: what it was to announce did not happen\n")
	}
	b.WriteString(wayOn(s))
	return b.String()
}

// actors are the hosts that were acted on, in that order.
func actors(acts []journal.Act) []string {
	var out []string
	for _, act := range acts {
		if !slices.Contains(out, act.Host) {
			out = append(out, act.Host)
		}
	}
	return out
}

// deed is one act in words.
func deed(act journal.Act) string {
	if act.Command != "" {
		result := "how it ended is not known"
		switch {
		case act.Done != nil && act.Done.Error != "":
			result = act.Done.Error
		case act.Done != nil:
			result = fmt.Sprintf("exit %d", act.Done.Code)
		}
		return fmt.Sprintf("  ! %s %s: %s\n", act.Step, act.Command, flattened(result))
	}
	var b strings.Builder
	for _, w := range act.Writes {
		result := ""
		switch {
		case act.Done == nil:
			result = ": whether it happened is not known"
		case act.Done.Error != "" && !slices.Contains(act.Done.Changed, w.Path):
			result = ": not changed: " + flattened(act.Done.Error)
		}
		fmt.Fprintf(&b, "  %s %s %s%s\n", sign(w), w.Step, w.Path, result)
	}
	return b.String()
}

func sign(w journal.Write) string {
	switch {
	case w.Before.Kind == "absent":
		return "+"
	case w.After.Kind == "absent":
		return "-"
	}
	return "~"
}

// failures are the steps and gates that did not end well.
func failures(b *strings.Builder, run *journal.Run) {
	headed := false
	for _, r := range run.Records {
		bad := r.Error != "" && (r.Type == journal.TypeStep || r.Type == journal.TypeGate && r.Status == string(executor.StatusRed))
		if !bad {
			continue
		}
		if !headed {
			b.WriteString("\nwhat failed\n")
			headed = true
		}
		fmt.Fprintf(b, "  %s %s %s (%s): %s\n", r.Host, r.Step, r.Name, r.Status, strings.ReplaceAll(strings.TrimSpace(r.Error), "\n", "\n    "))
	}
}

// wayOn is what can be done now.
func wayOn(s summary) string {
	switch {
	case s.State == "under way":
		return ""
	case s.State == "ended" && *s.Code == exitDone:
		return ""
	}
	return fmt.Sprintf("to go on: lockstep resume %s\n", s.Run)
}
