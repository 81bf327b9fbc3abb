package audit

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"lockstep/steps"
)

// Text writes a report for people: the verdict, a row for each area, and what is
// to be done, the worst first. With all it tells the whole of each finding, and
// lists what passed too. Paint colours a
// text, or does not.
func Text(w io.Writer, r Report, all bool, paint func(Cell, string) string) error {
	t := text{paint: paint}
	t.verdict(r)
	t.matrix(r)
	for _, g := range Groups(r.where(func(f Finding) bool { return f.Result != steps.Passed })) {
		t.finding(g, all)
	}
	if all {
		t.passed(r)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

type text struct {
	strings.Builder
	paint func(Cell, string) string
}

func (t *text) printf(format string, args ...any) { fmt.Fprintf(&t.Builder, format, args...) }

// Verdict is the answer in a few words.
func (r Report) Verdict() string {
	if r.Clean() {
		return "as it should be"
	}
	return "NOT as it should be"
}

func (t *text) verdict(r Report) {
	cell := CellOK
	if !r.Clean() {
		cell = CellCritical
	}
	t.printf("%s\n%s: %s\n", r.Plan, t.paint(cell, r.Verdict()), r.Counts())
}

func (t *text) matrix(r Report) {
	rows := r.Matrix()
	if len(rows) == 0 {
		return
	}
	widths := make([]int, len(r.Hosts)+1)
	for i, h := range r.Hosts {
		widths[i+1] = max(utf8.RuneCountInString(h), len(CellCritical))
	}
	for _, row := range rows {
		widths[0] = max(widths[0], utf8.RuneCountInString(row.Area))
	}
	t.printf("\n%*s", -widths[0], "")
	for i, h := range r.Hosts {
		t.printf("  %s", padded(h, widths, i))
	}
	t.printf("\n")
	for _, row := range rows {
		t.printf("%*s", -widths[0], row.Area)
		for i, c := range row.Cells {
			t.printf("  %s", t.paint(c, padded(string(c), widths, i)))
		}
		t.printf("\n")
	}
}

// padded fills a column, but for the last one.
func padded(s string, widths []int, i int) string {
	if i+2 == len(widths) {
		return s
	}
	return fmt.Sprintf("%*s", -widths[i+1], s)
}

// finding is a headline, what was found and what to do, or with all the whole.
func (t *text) finding(g Group, all bool) {
	cell := cellOf(g.Finding)
	t.printf("\n%s %s on %s: %s\n", t.paint(cell, string(cell)), g.ID, strings.Join(g.Hosts, ", "), g.Headline())
	for _, line := range g.Details() {
		if !all && line.Word != "found" && line.Word != "do" && line.Word != "excepted" {
			continue
		}
		t.printf("  %-9s%s\n", line.Word, strings.ReplaceAll(strings.TrimRight(line.Text, "\n"), "\n", "\n           "))
	}
}

// Headline is what was looked at.
func (f Finding) Headline() string {
	if f.Peer != "" && !strings.Contains(f.Subject, f.Peer) {
		return f.Subject + " of " + f.Peer
	}
	return f.Subject
}

// Detail is a line of a finding, with the word that it begins with.
type Detail struct{ Word, Text string }

// Details are the lines of a finding that say something.
func (f Finding) Details() []Detail {
	lines := []Detail{
		{"looked", f.Looked}, {"found", f.Found}, {"expected", f.Expected}, {"why", f.Why}, {"do", f.Do}, {"source", f.Source},
	}
	if f.Excepted != "" {
		lines = append(lines, Detail{"excepted", f.Excepted + ", until " + f.Until.Format("2006-01-02")})
	}
	return slices.DeleteFunc(lines, func(d Detail) bool { return d.Text == "" })
}

func (t *text) passed(r Report) {
	t.printf("\npassed\n")
	for _, g := range gather(r.where(func(f Finding) bool { return f.Result == steps.Passed })) {
		found, _, _ := strings.Cut(g.Found, "\n")
		t.printf("  %s %-30s %s: %s: %s\n", t.paint(CellOK, "ok"), g.ID, strings.Join(g.Hosts, ", "), g.Headline(), found)
	}
}
