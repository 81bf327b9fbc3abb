// Package audit makes reports of what an audit found: for a terminal, for a
// change board, for schedulers and for monitoring. It is pure, it looks at no
// host and decides nothing but the verdict, and it knows no kind of step: rows,
// links and lifetimes come from the findings.
package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/steps"
)

// Report is what an audit found.
type Report struct {
	Plan     string
	At       time.Time
	Hosts    []string // in the inventory's order
	Findings []Finding
	FailOn   steps.Severity // what is at least as bad makes the verdict
}

// Finding is one of a host, with the step that told it.
type Finding struct {
	steps.Finding
	Host string
	Step string // 1.2
	Name string // of the step
	// Excepted is why the plan's owners live with it for now; empty if they do not.
	Excepted string
	Until    time.Time // when the exception ends
}

// Open reports whether it is something to do: not passed, and not excepted.
func (f Finding) Open() bool { return f.Result != steps.Passed && f.Excepted == "" }

// Failing are the open findings that make the verdict.
func (r Report) Failing() []Finding {
	return r.where(func(f Finding) bool { return f.Open() && f.Severity.AtLeast(r.FailOn) })
}

// Clean reports whether nothing makes the verdict fail.
func (r Report) Clean() bool { return len(r.Failing()) == 0 }

func (r Report) where(holds func(Finding) bool) []Finding {
	var all []Finding
	for _, f := range r.Findings {
		if holds(f) {
			all = append(all, f)
		}
	}
	return all
}

// Counts are findings by what became of them.
type Counts struct {
	Passed   int `json:"passed"`
	Critical int `json:"critical"`
	Warning  int `json:"warning"`
	Info     int `json:"info"`
	Unknown  int `json:"unknown"` // of any severity; not among the three
	Excepted int `json:"excepted"`
}

// Counts sums the findings up.
func (r Report) Counts() Counts {
	var c Counts
	for _, f := range r.Findings {
		switch {
		case f.Result == steps.Passed:
			c.Passed++
		case f.Excepted != "":
			c.Excepted++
		case f.Result == steps.Undecidable:
			c.Unknown++
		case f.Severity == steps.Critical:
			c.Critical++
		case f.Severity == steps.Warning:
			c.Warning++
		default:
			c.Info++
		}
	}
	return c
}

// String tells what is open, and how much is well.
func (c Counts) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{c.Critical, "critical"}, {c.Warning, "warning"}, {c.Info, "info"}, {c.Unknown, "unknown"}, {c.Excepted, "excepted"}, {c.Passed, "passed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	if len(parts) == 0 {
		return "nothing was looked at"
	}
	return strings.Join(parts, ", ")
}

// Cell is what an area looks like on a host: the worst of its findings.
type Cell string

// The cells, the worst last.
const (
	CellNone     Cell = "-" // nothing was looked at
	CellOK       Cell = "ok"
	CellExcepted Cell = "excepted"
	CellInfo     Cell = "info"
	CellWarning  Cell = "warning"
	CellUnknown  Cell = "unknown"
	CellCritical Cell = "critical"
)

func cells() []Cell {
	return []Cell{CellNone, CellOK, CellExcepted, CellInfo, CellWarning, CellUnknown, CellCritical}
}

func cellOf(f Finding) Cell {
	switch {
	case f.Result == steps.Passed:
		return CellOK
	case f.Excepted != "":
		return CellExcepted
	case f.Result == steps.Undecidable:
		return CellUnknown
	}
	return Cell(f.Severity)
}

func worse(a, b Cell) Cell {
	if slices.Index(cells(), a) >= slices.Index(cells(), b) {
		return a
	}
	return b
}

// Row is an area on all hosts.
type Row struct {
	Area  string
	Cells []Cell // in the order of Report.Hosts
}

// Matrix has a row for each area, in the order in which they came up.
func (r Report) Matrix() []Row {
	var rows []Row
	for _, f := range r.Findings {
		i := slices.IndexFunc(rows, func(row Row) bool { return row.Area == f.Area })
		if i < 0 {
			i = len(rows)
			rows = append(rows, Row{f.Area, slices.Repeat([]Cell{CellNone}, len(r.Hosts))})
		}
		if at := slices.Index(r.Hosts, f.Host); at >= 0 {
			rows[i].Cells[at] = worse(rows[i].Cells[at], cellOf(f))
		}
	}
	return rows
}

// Group is a finding with all hosts that have the same.
type Group struct {
	Finding
	Hosts []string
}

// Groups puts equal findings of several hosts together, the worst first; what
// cannot be told comes behind what is wrong.
func Groups(all []Finding) []Group {
	groups := gather(all)
	slices.SortStableFunc(groups, func(a, b Group) int { return cmp.Compare(weight(b.Finding), weight(a.Finding)) })
	return groups
}

// gather puts equal findings of several hosts together.
func gather(all []Finding) []Group {
	var groups []Group
	for _, f := range all {
		key := f
		key.Host = ""
		i := slices.IndexFunc(groups, func(g Group) bool {
			g.Host = ""
			return same(g.Finding, key)
		})
		if i < 0 {
			i = len(groups)
			groups = append(groups, Group{Finding: f})
		}
		if !slices.Contains(groups[i].Hosts, f.Host) {
			groups[i].Hosts = append(groups[i].Hosts, f.Host)
		}
	}
	return groups
}

// same compares all but the lifetime, which stands in Found too.
func same(a, b Finding) bool {
	a.Valid, b.Valid = nil, nil
	return a == b
}

func weight(f Finding) int {
	w := 2 * slices.Index(steps.Severities(), f.Severity)
	if f.Result == steps.Wrong {
		w++
	}
	if f.Excepted != "" {
		w -= 100
	}
	return w
}
