package audit

import (
	"encoding/json"
	"io"
	"time"

	"lockstep/steps"
)

// document is the documented form of a Report (docs/audit.md).
type document struct {
	Plan     string         `json:"plan"`
	At       time.Time      `json:"at"`
	Clean    bool           `json:"clean"`
	FailOn   steps.Severity `json:"fail_on"`
	Hosts    []string       `json:"hosts"`
	Counts   Counts         `json:"counts"`
	Findings []entry        `json:"findings"`
}

type entry struct {
	Host string `json:"host"`
	steps.Finding
	Step     string     `json:"step,omitempty"`
	Name     string     `json:"name,omitempty"`
	Excepted string     `json:"excepted,omitempty"`
	Until    *time.Time `json:"excepted_until,omitempty"`
}

// JSON writes a report as one JSON document.
func JSON(w io.Writer, r Report) error {
	d := document{r.Plan, r.At.UTC().Truncate(time.Second), r.Clean(), r.FailOn, r.Hosts, r.Counts(), []entry{}}
	for _, f := range r.Findings {
		e := entry{Host: f.Host, Finding: f.Finding, Step: f.Step, Name: f.Name, Excepted: f.Excepted}
		if f.Excepted != "" {
			e.Until = &f.Until
		}
		d.Findings = append(d.Findings, e)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}
