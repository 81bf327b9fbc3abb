package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"gopkg.in/yaml.v3"

	"lockstep/steps"
)

// Exception is what the plan's owners live with for now.
type Exception struct {
	Check  string `yaml:"check"`  // id of the check
	Host   string `yaml:"host"`   // pattern as of path.Match
	Reason string `yaml:"reason"` // for whoever reads the report
	Until  string `yaml:"until"`  // the last day, in UTC: 2027-01-31
}

// The checks of the exceptions themselves.
const (
	idExpired = "exceptions.expired"
	idUnused  = "exceptions.unused"
)

// ParseExceptions reads a file of exceptions. All its problems are in the error.
func ParseExceptions(file string, data []byte) ([]Exception, error) {
	var d struct {
		Exceptions []Exception `yaml:"exceptions"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&d); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var all error
	for i, e := range d.Exceptions {
		if err := e.check(); err != nil {
			all = errors.Join(all, fmt.Errorf("%s: exception %d: %w", file, i+1, err))
		}
	}
	return d.Exceptions, all
}

func (e Exception) check() error {
	if e.Check == "" || e.Host == "" || e.Reason == "" {
		return errors.New("it needs check, host, reason and until")
	}
	if _, err := path.Match(e.Host, ""); err != nil {
		return fmt.Errorf("host %q is no pattern: a [ lacks its ]", e.Host)
	}
	if _, err := time.Parse(time.DateOnly, e.Until); err != nil {
		return fmt.Errorf("until %q is no day such as 2027-01-31", e.Until)
	}
	return nil
}

// end is the first moment after its last day.
func (e Exception) end() time.Time {
	day, _ := time.Parse(time.DateOnly, e.Until) // checked when it was read
	return day.AddDate(0, 0, 1)
}

func (e Exception) covers(f Finding) bool {
	matches, _ := path.Match(e.Host, f.Host) // checked when it was read
	return matches && e.Check == f.ID && f.Result != steps.Passed
}

// Except marks the findings that an exception covers as it lasts. One that has
// ended covers nothing and is a finding itself; one that covers nothing is told.
// These stand on a host named like the file.
func (r Report) Except(file string, all []Exception) Report {
	out := r
	out.Findings = append([]Finding(nil), r.Findings...)
	var told []Finding
	for _, e := range all {
		over, used := !r.At.Before(e.end()), 0
		for i, f := range out.Findings {
			if !e.covers(f) {
				continue
			}
			used++
			if !over && f.Excepted == "" {
				out.Findings[i].Excepted, out.Findings[i].Until = e.Reason, e.end().AddDate(0, 0, -1)
			}
		}
		if f, say := e.finding(over, used); say {
			told = append(told, Finding{Finding: f, Host: file})
		}
	}
	if len(told) > 0 {
		out.Hosts = append(append([]string(nil), r.Hosts...), file)
		out.Findings = append(out.Findings, told...)
	}
	return out
}

// finding is what there is to say of the exception itself.
func (e Exception) finding(over bool, used int) (steps.Finding, bool) {
	f := steps.Finding{Area: "exceptions", Result: steps.Wrong, Subject: e.Check + " on " + e.Host, Looked: "the file of exceptions"}
	switch {
	case over:
		f.ID, f.Severity = idExpired, steps.Warning
		f.Found = fmt.Sprintf("it ended on %s, and would cover %d findings: %s", e.Until, used, e.Reason)
		f.Do = "mend what it was for and take it out, or have it decided anew with another day"
	case used == 0:
		f.ID, f.Severity = idUnused, steps.Info
		f.Found = "it covers nothing on the hosts of this audit"
		f.Do = "take it out, unless it is for other hosts"
	}
	return f, f.ID != ""
}
