package steps

import (
	"context"
	"time"
)

// Auditor is implemented by a step that can say more of a host than what it
// would change: each thing that it looked at, whether all is well with it, and
// if not what to do. Audit only reads, and it sees the hosts as they are, without
// what a dry run foresees. Its error means that nothing could be looked at; what
// could not be told of one thing is a Finding of its own.
//
// A step without it is audited by its probe and its verification.
type Auditor interface {
	Audit(ctx context.Context, v View) ([]Finding, error)
}

// Finding is one thing that an audit looked at, also where all is well.
type Finding struct {
	// ID names the check, such as clients.tls. It never changes its meaning, so
	// that exceptions and other programs can go by it.
	ID string `json:"id"`
	// Area is what an overview has a row for, such as "replication 4567".
	Area     string   `json:"area"`
	Severity Severity `json:"severity"` // that it has, or would have, if it is not well
	Result   Result   `json:"result"`
	// Subject is what was looked at: a port, a file, an account; Looked is how.
	Subject  string `json:"subject"`
	Looked   string `json:"looked,omitempty"`
	Found    string `json:"found,omitempty"`
	Expected string `json:"expected,omitempty"`
	// Why it matters, what to Do, and the Source of both: a manual or a standard.
	Why    string `json:"why,omitempty"`
	Do     string `json:"do,omitempty"`
	Source string `json:"source,omitempty"`
	// Peer is the other host of a connection that was tried from this one.
	Peer string `json:"peer,omitempty"`
	// Valid is the lifetime of a certificate.
	Valid *Validity `json:"valid,omitempty"`
}

// Validity is from when until when something holds.
type Validity struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Result is what became of a check.
type Result string

// The results of checks.
const (
	Passed      Result = "passed"
	Wrong       Result = "wrong"
	Undecidable Result = "unknown" // never a pass; Found says why nobody can tell
)

// Severity is how bad something is.
type Severity string

// The severities, the worst last.
const (
	Info     Severity = "info"     // worth knowing
	Warning  Severity = "warning"  // works today; will break, or weakens the protection
	Critical Severity = "critical" // what is to be protected is not, or will break at the next restart
)

// Severities returns all severities, the worst last.
func Severities() []Severity { return []Severity{Info, Warning, Critical} }

// AtLeast compares two severities. An unknown word is worse than all.
func (s Severity) AtLeast(o Severity) bool { return s.rank() >= o.rank() }

func (s Severity) rank() int {
	for i, known := range Severities() {
		if s == known {
			return i
		}
	}
	return len(Severities())
}
