package galeraaudit

import (
	"lockstep/steps"
)

// check is one question of the catalogue. What is the same for all its answers
// stands here; doc.md has a line for each.
type check struct {
	id, area         string
	severity         steps.Severity
	looked, expected string
	why, do, source  string
	judge            func(facts) []verdict
}

// verdict is one answer of a check. Fields that are empty are those of the check.
type verdict struct {
	result         steps.Result
	subject, found string
	severity       steps.Severity
	why, do, peer  string
	valid          *steps.Validity
}

func pass(subject, found string) verdict {
	return verdict{result: steps.Passed, subject: subject, found: found}
}

func wrong(subject, found string) verdict {
	return verdict{result: steps.Wrong, subject: subject, found: found}
}

// unknown never passes.
func unknown(subject, because string) verdict {
	return verdict{result: steps.Undecidable, subject: subject, found: "unknown, because " + because}
}

// one is an answer where there is one to give.
func one(v verdict) []verdict { return []verdict{v} }

// The areas, in the order of reports: the channels first.
const (
	areaClients     = "clients 3306"
	areaReplication = "replication 4567"
	areaIST         = "IST 4568"
	areaSST         = "SST 4444"
	areaCerts       = "certificates"
	areaDrift       = "files and server"
	areaAccounts    = "accounts"
	areaCluster     = "cluster"
	areaKeyring     = "keyring"
)

// judge asks all checks. It is pure.
func judge(f facts) []steps.Finding {
	var all []steps.Finding
	for _, c := range catalogue() {
		for _, v := range c.judge(f) {
			all = append(all, c.finding(v))
		}
	}
	return all
}

// finding leaves out what nobody needs who reads that all is well.
func (c check) finding(v verdict) steps.Finding {
	f := steps.Finding{
		ID: c.id, Area: c.area, Severity: c.severity, Result: v.result,
		Subject: v.subject, Looked: c.looked, Found: v.found, Expected: c.expected, Source: c.source, Peer: v.peer, Valid: v.valid,
	}
	if v.severity != "" {
		f.Severity = v.severity
	}
	if v.result != steps.Passed {
		f.Why, f.Do = first(v.why, c.why), first(v.do, c.do)
	}
	return f
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// catalogue are all checks. An id never changes its meaning.
func catalogue() []check {
	var all []check
	for _, part := range [][]check{clientChecks(), replicationChecks(), transferChecks(), certificateChecks(), driftChecks(), accountChecks(), clusterChecks()} {
		all = append(all, part...)
	}
	return all
}
