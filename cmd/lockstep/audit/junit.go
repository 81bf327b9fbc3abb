package audit

import (
	"encoding/xml"
	"io"
	"strings"
	"time"

	"lockstep/steps"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	Failure *junitText `xml:"failure"`
	Error   *junitText `xml:"error"`
	Skipped *junitText `xml:"skipped"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit writes a report as schedulers read the results of tests: a suite for each
// host, a case for each finding. What makes the verdict fails; what cannot be told
// is an error; what is excepted or milder than that is skipped.
func JUnit(w io.Writer, r Report) error {
	all := junitSuites{Name: r.Plan}
	for _, host := range r.Hosts {
		s := junitOf(r, host)
		all.Tests, all.Failures = all.Tests+s.Tests, all.Failures+s.Failures
		all.Errors, all.Skipped = all.Errors+s.Errors, all.Skipped+s.Skipped
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitOf(r Report, host string) junitSuite {
	s := junitSuite{Name: host, Timestamp: r.At.UTC().Format(time.RFC3339)}
	for _, f := range r.Findings {
		if f.Host != host {
			continue
		}
		c := junitCase{Class: f.Area, Name: f.ID + ": " + f.Headline()}
		told := &junitText{Message: f.Found, Type: string(f.Severity), Text: f.lines()}
		switch {
		case f.Result == steps.Passed:
		case !f.Open() || !f.Severity.AtLeast(r.FailOn):
			c.Skipped = &junitText{Message: f.lines()}
			s.Skipped++
		case f.Result == steps.Undecidable:
			c.Error = told
			s.Errors++
		default:
			c.Failure = told
			s.Failures++
		}
		s.Tests++
		s.Cases = append(s.Cases, c)
	}
	return s
}

// lines are the details as a text.
func (f Finding) lines() string {
	var b strings.Builder
	for _, d := range f.Details() {
		b.WriteString(d.Word + ": " + d.Text + "\n")
	}
	return b.String()
}
