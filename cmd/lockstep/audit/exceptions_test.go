package audit

import (
	"strings"
	"testing"
)

func TestExceptions(t *testing.T) {
	const head = "exceptions:\n"
	entry := func(check, host, until string) string {
		return "- {check: " + check + ", host: '" + host + "', reason: agreed, until: " + until + "}\n"
	}
	for _, row := range []struct{ name, text, failing string }{
		{"none", "", "clients.tls@node1 clients.connected@node2"},
		{"one host", head + entry("clients.tls", "node1", "2027-01-31"), "clients.connected@node2"},
		{"a pattern, and what cannot be told", head + entry("clients.tls", "node*", "2027-01-31") + entry("clients.connected", "*", "2027-01-31"), ""},
		{"its last day", head + entry("clients.tls", "node1", "2027-01-10"), "clients.connected@node2"},
		{"over", head + entry("clients.tls", "node1", "2027-01-09"), "clients.tls@node1 clients.connected@node2 exceptions.expired@e.yml"},
		{"another host", head + entry("clients.tls", "db1", "2027-01-31"), "clients.tls@node1 clients.connected@node2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			all, err := ParseExceptions("e.yml", []byte(row.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range sample().Except("e.yml", all).Failing() {
				got = append(got, f.ID+"@"+f.Host)
			}
			if strings.Join(got, " ") != row.failing {
				t.Errorf("got %s, want %s", got, row.failing)
			}
		})
	}
}

// TestUnusedExceptionsAreTold: they are worth knowing, and fail nothing.
func TestUnusedExceptionsAreTold(t *testing.T) {
	r := sample().Except("e.yml", []Exception{{"ist.tls", "*", "agreed", "2027-01-31"}})
	last := r.Findings[len(r.Findings)-1]
	if last.ID != idUnused || last.Host != "e.yml" || r.Hosts[len(r.Hosts)-1] != "e.yml" {
		t.Errorf("got %+v of %s", last, r.Hosts)
	}
}

func TestExceptionsAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"exceptions: [{check: a, host: b, reason: c, end: 2027-01-31}]":                                                "field end not found",
		"exceptions: [{check: a, host: b, until: 2027-01-31}]":                                                         "exception 1: it needs",
		"exceptions: [{check: a, host: '[', reason: c, until: 2027-01-31}]":                                            "is no pattern",
		"exceptions: [{check: a, host: b, reason: c, until: soon}, {check: a, host: b, reason: c, until: 2027-02-31}]": "exception 2: until \"2027-02-31\"",
	} {
		if _, err := ParseExceptions("e.yml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
