package audit

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"lockstep/steps"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hostile closes what a format might have opened.
const hostile = "\"'></td><script>alert(1)</script>]]>\\\n{{.}}"

func sample() Report {
	at := time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)
	finding := func(host string, f steps.Finding) Finding { return Finding{Finding: f, Host: host, Step: "1.1"} }
	valid := &steps.Validity{From: at.AddDate(-1, 0, 0), Until: at.AddDate(0, 1, 0)}
	excepted := finding("node2", steps.Finding{ID: "accounts.tls", Area: "accounts", Severity: steps.Warning, Result: steps.Wrong, Subject: "accounts", Found: "app@%"})
	excepted.Excepted, excepted.Until = "moves next month", at.AddDate(0, 1, 0)
	return Report{Plan: "plan " + hostile, At: at, Hosts: []string{"node1", "node2"}, FailOn: steps.Warning, Findings: []Finding{
		finding("node1", steps.Finding{ID: "clients.tls", Area: "clients 3306", Severity: steps.Critical, Result: steps.Wrong, Subject: hostile, Looked: "a handshake", Found: "no TLS " + hostile, Do: "set ssl-cert"}),
		finding("node2", steps.Finding{ID: "clients.tls", Area: "clients 3306", Severity: steps.Critical, Result: steps.Passed, Subject: "port 3306", Found: "TLS 1.3"}),
		finding("node1", steps.Finding{ID: "certificates.valid", Area: "certificates", Severity: steps.Warning, Result: steps.Passed, Subject: "server-cert.pem", Found: "31 days", Valid: valid}),
		finding("node2", steps.Finding{ID: "clients.connected", Area: "clients 3306", Severity: steps.Critical, Result: steps.Undecidable, Subject: "sessions", Found: "unknown, because nobody tells"}),
		finding("node2", steps.Finding{ID: "hints", Area: "accounts", Severity: steps.Info, Result: steps.Wrong, Subject: "a hint", Found: "it is old"}),
		excepted,
	}}
}

func written(t *testing.T, file string) []byte {
	t.Helper()
	write, err := WriterOf(file)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := write(&b, sample()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWriterOfRefusesOtherEnds(t *testing.T) {
	if _, err := WriterOf("report.pdf"); err == nil || !strings.Contains(err.Error(), "report.pdf") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

// TestJUnit: every finding is a case, by what it does to the verdict.
func TestJUnit(t *testing.T) {
	var got junitSuites
	if err := xml.Unmarshal(written(t, "a.xml"), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tests != 6 || got.Failures != 1 || got.Errors != 1 || got.Skipped != 2 || len(got.Suites) != 2 {
		t.Errorf("got %d tests, %d failures, %d errors, %d skipped in %d suites", got.Tests, got.Failures, got.Errors, got.Skipped, len(got.Suites))
	}
	c := got.Suites[0].Cases[0]
	if c.Name != "clients.tls: "+hostile || c.Failure == nil || c.Failure.Message != "no TLS "+hostile {
		t.Errorf("got %+v", c)
	}
	if c := got.Suites[1].Cases[1]; c.Error == nil {
		t.Errorf("what cannot be told is no error: %+v", c)
	}
}

// TestSARIF: the log has no field that is not ours, and each result names its rule.
func TestSARIF(t *testing.T) {
	var got sarifLog
	dec := json.NewDecoder(bytes.NewReader(written(t, "a.sarif")))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Version != "2.1.0" || len(got.Runs) != 1 || len(got.Runs[0].Results) != 4 {
		t.Fatalf("got %+v", got)
	}
	seen := map[string]bool{}
	for i, want := range []struct {
		level      string
		suppressed int
	}{{"error", 0}, {"error", 0}, {"note", 0}, {"warning", 1}} {
		r := got.Runs[0].Results[i]
		if r.Level != want.level || len(r.Suppressions) != want.suppressed || got.Runs[0].Tool.Driver.Rules[r.Index].ID != r.Rule {
			t.Errorf("result %d: got %+v", i, r)
		}
		if f := r.Fingerprints["finding/v1"]; seen[f] {
			t.Errorf("result %d: two results have the fingerprint %s", i, f)
		} else {
			seen[f] = true
		}
	}
}

// TestPrometheus: each line is one of the text format, and no series is there twice.
func TestPrometheus(t *testing.T) {
	text := string(written(t, "a.prom"))
	line := regexp.MustCompile(`^(# (HELP|TYPE) [a-z_]+ .+|([a-z_]+\{([a-z]+="([^"\\\n]|\\[\\"n])*",?)+\}) -?\d+)$`)
	seen := map[string]bool{}
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		m := line.FindStringSubmatch(l)
		if m == nil {
			t.Errorf("no line of the format: %s", l)
			continue
		}
		if m[3] != "" && seen[m[3]] {
			t.Errorf("twice: %s", m[3])
		}
		seen[m[3]] = true
	}
	for _, want := range []string{`host="node1",severity="critical",result="wrong"} 1`, `host="node2",severity="warning",result="excepted"} 1`, `subject="server-cert.pem"} 1802260800`} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %s in\n%s", want, text)
		}
	}
}

// TestHTML: the page is the golden one, needs nothing from elsewhere, and each tag
// that is opened is closed.
func TestHTML(t *testing.T) {
	got := written(t, "a.html")
	if *update {
		if err := os.WriteFile("testdata/report.html", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/report.html")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got another page than testdata/report.html; look at the difference after -update\n%s", got)
	}
	for _, bad := range []string{"<script", "http:", "https:", "src=", "href=", "url(", "@import", "ZgotmplZ"} {
		if bytes.Contains(got, []byte(bad)) {
			t.Errorf("the page has %s", bad)
		}
	}
	wellFormed(t, got)
}

func wellFormed(t *testing.T, page []byte) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(page))
	dec.Entity = xml.HTMLEntity
	for {
		if _, err := dec.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
