package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/executor"
	"lockstep/steps"
)

// dryRun shows what was collected: each host's steps, then what is ahead for
// the services.
func (t *text) dryRun() {
	for _, host := range t.order() {
		headed := false
		for _, e := range t.steps {
			if e.Host != host || !t.shown(e) {
				continue
			}
			if !headed {
				t.printf("\n%s\n", t.paint.in(bold, host))
				headed = true
			}
			t.foreseen(e)
		}
	}
	t.disruptions()
	for _, g := range t.gates {
		if g.Status == executor.StatusHealthy {
			t.printf("\nGate of stage %d today: %s is healthy, as %s sees it\n", g.Stage, g.Kind, g.Host)
		} else {
			t.printf("\n%s: %s\n", t.paint.in(red, fmt.Sprintf("Gate of stage %d today: %s is red, so apply would refuse", g.Stage, g.Kind)), indent(g.Err.Error(), "  "))
		}
	}
}

// shown reports whether there is anything to say about a step of a dry run.
func (t *text) shown(e foreseen) bool {
	return t.verbose || len(t.newNotes(e.Event)) > 0 || e.Status != executor.StatusOK && e.Status != executor.StatusVerified
}

// foreseen is a step of a dry run. How its edits change contents is drawn: the
// contents of all hosts would be much to hold until all is shown.
type foreseen struct {
	executor.Event
	contents []drawing
}

// foresee keeps a step until the dry run is complete. The event is the view's own.
func (t *text) foresee(e executor.Event) {
	f := foreseen{Event: e}
	if e.Change != nil {
		for i := range e.Change.Edits {
			edit := &e.Change.Edits[i]
			f.contents = append(f.contents, t.drawings.of(*edit))
			edit.Before, edit.After = nil, nil
		}
	}
	t.steps = append(t.steps, f)
}

// foreseen shows one step of one host in full.
func (t *text) foreseen(e foreseen) {
	mark, colour := "~", yellow
	switch e.Status {
	case executor.StatusOK, executor.StatusVerified:
		mark, colour = "=", faint
	case executor.StatusUnknown:
		mark, colour = "?", cyan
	case executor.StatusFailed, executor.StatusUnverified:
		mark, colour = "x", red
	case executor.StatusIgnored, executor.StatusRescued:
		mark, colour = "x", yellow
	}
	t.printf("  %s %s %s %s\n", t.paint.in(colour, mark), e.Step, e.Name, t.paint.in(faint, "("+e.Kind+")"))
	if e.Err != nil {
		t.printf("      %s\n", t.paint.in(red, passed(e.Status)+indent(e.Err.Error(), "      ")))
	}
	if e.Change == nil {
		return
	}
	t.notes(e.Event)
	if e.Change.Unknown != "" {
		t.printf("      %s\n", t.paint.in(cyan, "unknown, because "+indent(e.Change.Unknown, "      ")))
	}
	for i, edit := range e.Change.Edits {
		t.printf("      %s\n", t.headline(edit))
		if edit.Why != "" {
			t.printf("          %s\n", t.paint.in(faint, "because "+indent(edit.Why, "          ")))
		}
		for _, line := range e.contents[i].lines(t.redactor) {
			line = Printable(line)
			symbol := byte(' ')
			if line != "" {
				symbol = line[0]
			}
			t.printf("          %s\n", t.paint.op(symbol, line))
		}
	}
}

// notes shows the remarks of a step, each once for a host: what is wrong with a
// file is remarked by all steps that read it.
func (t *text) notes(e executor.Event) {
	for _, note := range t.newNotes(e) {
		t.printf("      %s\n", t.paint.in(yellow, "note: "+indent(note, "      ")))
		t.noted = append(t.noted, e.Host+" "+note)
	}
}

func (t *text) newNotes(e executor.Event) []string {
	if e.Change == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(e.Change.Notes), func(n string) bool { return slices.Contains(t.noted, e.Host+" "+n) })
}

// disruptions lists in order which service is taken away where, and says where
// it is down on every host of its stage.
func (t *text) disruptions() {
	n := 0
	down := map[string][]string{} // service to hosts
	for _, e := range t.steps {
		if e.Change == nil || e.Status == executor.StatusFailed {
			continue
		}
		for _, edit := range e.Change.Edits {
			if edit.Disrupts == nil {
				continue
			}
			if n++; n == 1 {
				t.printf("\n%s\n", t.paint.in(bold, "Disruptions, in this order"))
			}
			t.printf("  %2d. %-8s %s%s\n", n, e.Host, edit.Disrupts.Service+": "+summaryOf(edit), t.downtime(down, e.Host, edit.Disrupts))
		}
	}
	for _, service := range slices.Sorted(maps.Keys(down)) {
		if hosts := down[service]; len(hosts) > 0 {
			t.printf("      %s\n", t.paint.in(red, fmt.Sprintf("%s stays down on %s", service, strings.Join(hosts, ", "))))
		}
	}
}

func summaryOf(e steps.Edit) string {
	if e.Summary != "" {
		return e.Summary
	}
	return string(e.Disrupts.Effect)
}

// downtime follows which hosts lack a service and remarks when all do and when
// the first is back.
func (t *text) downtime(down map[string][]string, host string, d *steps.Disruption) string {
	was := len(down[d.Service])
	switch d.Effect {
	case steps.Stops:
		if !slices.Contains(down[d.Service], host) {
			down[d.Service] = append(down[d.Service], host)
		}
		if len(down[d.Service]) == len(t.hosts) {
			return t.paint.in(red, fmt.Sprintf("   <- from here %s is DOWN on all %d hosts", d.Service, len(t.hosts)))
		}
	case steps.Starts:
		down[d.Service] = slices.DeleteFunc(down[d.Service], func(h string) bool { return h == host })
		if was == len(t.hosts) {
			return t.paint.in(green, fmt.Sprintf("   <- from here %s is back", d.Service))
		}
	case steps.Restarts:
		if len(t.hosts) == 1 {
			return t.paint.in(red, "   <- down while it restarts")
		}
	}
	return ""
}
