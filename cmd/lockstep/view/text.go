package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lockstep/executor"
	"lockstep/internal/secret"
	"lockstep/steps"
)

// text shows a dry run host by host once it is complete, and a run as it goes.
type text struct {
	w        io.Writer
	redactor *secret.Redactor
	paint    painter
	verbose  bool

	dry    bool
	hosts  []string // of the plan, in the inventory's order
	stages []executor.Event
	steps  []foreseen // of a dry run
	gates  []executor.Event
	noted  []string // notes that were shown, each behind its host
	ways   ways     // big files that are under way

	drawings drawings
}

func (t *text) printf(format string, args ...any) {
	_, _ = io.WriteString(t.w, t.ways.clear()+t.redactor.String(fmt.Sprintf(format, args...))) // a broken pipe shows at exit
}

// Event takes one event.
func (t *text) Event(e executor.Event) {
	e = printable(e)
	switch e.Type {
	case executor.EventStart:
		*t = text{w: t.w, redactor: t.redactor, paint: t.paint, verbose: t.verbose, dry: e.DryRun, hosts: e.Hosts}
		if t.dry {
			t.printf("%s\n%s on %s\n", t.paint.in(bold, e.Name), plural(e.Stages, "stage"), plural(len(e.Hosts), "host")+": "+strings.Join(e.Hosts, ", "))
		}
	case executor.EventStage:
		t.stages = append(t.stages, e)
		if !t.dry {
			t.stage(e)
		}
	case executor.EventStep:
		if t.dry {
			t.foresee(e)
		} else {
			t.step(e)
		}
	case executor.EventGate:
		if t.dry {
			t.gates = append(t.gates, e)
		} else {
			t.gate(e)
		}
	case executor.EventProgress:
		t.progress(e)
	case executor.EventOutput:
		t.output(e)
	case executor.EventNote:
		t.printf("  %s: %s\n", strings.Join(e.Hosts, ", "), e.Message)
	case executor.EventEnd:
		t.end(e)
	}
}

func (t *text) stage(e executor.Event) {
	name := e.Name
	if name == "" {
		name = "steps"
	}
	how := "all at once"
	switch {
	case len(e.Hosts) == 1:
		how = e.Hosts[0]
	case e.Width == 1:
		how = "one after another: " + strings.Join(e.Hosts, ", ")
	case e.Width > 1:
		how = fmt.Sprintf("%d at a time: %s", e.Width, strings.Join(e.Hosts, ", "))
	}
	t.printf("\n%s %s\n", t.paint.in(bold, fmt.Sprintf("stage %d %s", e.Stage, name)), t.paint.in(faint, "("+how+")"))
}

// step is a line about a step of a run, and one for each thing it changed.
func (t *text) step(e executor.Event) {
	if e.Status == executor.StatusOK && !t.verbose {
		return
	}
	mark, colour := "=", faint
	switch e.Status {
	case executor.StatusChanged:
		mark, colour = "~", yellow
	case executor.StatusVerified:
		mark, colour = "v", green
	case executor.StatusFailed, executor.StatusUnverified:
		mark, colour = "x", red
	case executor.StatusIgnored, executor.StatusRescued:
		mark, colour = "x", yellow
	}
	took := ""
	if e.Elapsed > 100*time.Millisecond {
		took = fmt.Sprintf("  %.1fs", e.Elapsed.Seconds())
	}
	t.printf("  %s %-8s %s %s%s\n", t.paint.in(colour, mark), e.Host, e.Step, e.Name, t.paint.in(faint, took))
	if e.Err != nil {
		t.printf("      %s\n", t.paint.in(red, passed(e.Status)+indent(e.Err.Error(), "      ")))
	}
	if e.Change != nil {
		t.notes(e)
		for _, edit := range e.Change.Edits {
			t.printf("      %s\n", t.headline(edit))
		}
	}
}

// passed says loudly why a failure does not end the work.
func passed(s executor.Status) string {
	switch s {
	case executor.StatusIgnored:
		return "FAILED, AND IGNORED as the plan says: "
	case executor.StatusRescued:
		return "FAILED, and its rescue follows: "
	}
	return ""
}

// headline is an edit in one line.
func (t *text) headline(e steps.Edit) string {
	line := string(e.Op) + " " + e.Subject
	if e.Summary != "" {
		line += ": " + e.Summary
	}
	if attrs := attrLine(e.Attrs); attrs != "" {
		line += "  " + attrs
	}
	return t.paint.op(e.Op[0], line)
}

func (t *text) gate(e executor.Event) {
	switch e.Status {
	case executor.StatusHealthy:
		t.printf("  %s %-8s %s healthy%s\n", t.paint.in(green, "v"), e.Host, gateName(e), t.paint.in(faint, fmt.Sprintf("  %.1fs", e.Elapsed.Seconds())))
	case executor.StatusWaiting:
		t.printf("  %s %-8s %s waits: %s\n", t.paint.in(faint, "."), e.Host, gateName(e), indent(e.Err.Error(), "      "))
	default:
		t.printf("  %s %-8s %s is red: %s\n", t.paint.in(red, "x"), e.Host, gateName(e), indent(e.Err.Error(), "      "))
	}
}

func gateName(e executor.Event) string { return "gate " + e.Kind }

func (t *text) end(e executor.Event) {
	if t.dry {
		t.dryRun()
	}
	c := e.Counts
	parts := []string{}
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	if t.dry {
		add(c.Changes, "to change")
		add(c.Unknown, "unknown")
	} else {
		add(c.Changes, "changed")
	}
	add(c.OK, "as wanted")
	add(c.Verified, "verified")
	add(c.Failed, "failed")
	add(c.Ignored, "FAILED BUT IGNORED OR RESCUED")
	if e.Err != nil && c.Failed == 0 {
		parts = append(parts, "ended early")
	} else if c.Changes+c.Unknown+c.Failed+c.Ignored == 0 {
		t.printf("\n%s as wanted, nothing to do", plural(len(t.hosts), "host"))
		if c.Verified > 0 {
			t.printf("; %d verified", c.Verified)
		}
		t.printf("\n")
		return
	}
	word := "Run"
	if t.dry {
		word = "Plan"
	}
	t.printf("\n%s: %s\n", t.paint.in(bold, word), strings.Join(parts, ", "))
	if e.Fingerprint != "" && c.Failed == 0 && e.Err == nil {
		t.printf("%s\n", t.paint.in(faint, "fingerprint "+e.Fingerprint))
	}
}

// Exit says nothing here: the reason is the last line on stderr.
func (t *text) Exit(int, string) {}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func indent(s, by string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n"+by) }

// order is the order of hosts in the answer: the control machine first, then
// the inventory's.
func (t *text) order() []string {
	var out []string
	for _, e := range t.steps {
		if !slices.Contains(t.hosts, e.Host) && !slices.Contains(out, e.Host) {
			out = append(out, e.Host)
		}
	}
	return append(out, t.hosts...)
}
