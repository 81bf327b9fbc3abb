package audit

import (
	_ "embed"
	"html/template"
	"io"
	"time"

	"lockstep/steps"
)

//go:embed report.html
var page string

// HTML writes a report as one page that needs nothing else: no script, no other
// file, no network.
func HTML(w io.Writer, r Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"cell": cellOf,
		"day":  func(at time.Time) string { return at.UTC().Format("2006-01-02") },
	}).Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, struct {
		Report
		When         string
		Open, Passed []Group
		Timeline     timeline
	}{
		r, r.At.UTC().Format("2006-01-02 15:04 UTC"),
		Groups(r.where(func(f Finding) bool { return f.Result != steps.Passed })),
		gather(r.where(func(f Finding) bool { return f.Result == steps.Passed })),
		timelineOf(r),
	})
}

// timeline is a drawing of lifetimes, in the units of its view box.
type timeline struct {
	Bars   []bar
	Now    int // from the left
	Height int
}

type bar struct {
	Lifetime
	X, Y, Width int
	Cell        Cell // critical: over
}

// The sizes of the drawing. Bars that go on beyond five years are cut off.
const (
	timelineWidth = 1000
	barHeight     = 44
	timelineSpan  = 5 * 365 * 24 * time.Hour
)

// timelineOf puts the first of the beginnings at the left, and the last of the
// ends at the right.
func timelineOf(r Report) timeline {
	var t timeline
	from, until := r.At, r.At
	for _, l := range r.Lifetimes() {
		if l.From.Before(from) {
			from = l.From
		}
		if l.Until.After(until) {
			until = l.Until
		}
	}
	from, until = later(from, r.At.Add(-timelineSpan)), earlier(until, r.At.Add(timelineSpan))
	at := func(when time.Time) int {
		when = earlier(later(when, from), until)
		if !until.After(from) {
			return 0
		}
		return int(when.Sub(from).Seconds() / until.Sub(from).Seconds() * timelineWidth)
	}
	for _, l := range r.Lifetimes() {
		b := bar{Lifetime: l, X: at(l.From), Y: t.Height, Cell: CellOK}
		b.Width = max(at(l.Until)-b.X, 2)
		if l.Until.Before(r.At) || l.From.After(r.At) {
			b.Cell = CellCritical
		}
		t.Bars = append(t.Bars, b)
		t.Height += barHeight
	}
	t.Now = at(r.At)
	return t
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
