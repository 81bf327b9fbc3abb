package executor

import (
	"errors"
	"time"

	"lockstep/steps"
)

// EventType names what an Event tells. The list is closed: a reader that knows
// these knows all.
type EventType string

// The types of events.
const (
	// EventStart opens a run or a dry run: Hosts and Stages are set.
	EventStart EventType = "start"
	// EventStage opens a stage: Stage, Name, Hosts in the order in which they
	// are taken, and Width.
	EventStage EventType = "stage"
	// EventStep is the result of one step on one host: Host, Step, Name, Kind,
	// Status, and Change or Error. Message says why a dry run could not walk
	// the step to its end.
	EventStep EventType = "step"
	// EventGate is a gate's answer: Host, Stage, Status, and Error when red.
	EventGate EventType = "gate"
	// EventProgress tells how far a big file is on its way to a host: Host, Name
	// (its path), Bytes and Size. It comes at most twice a second for each host,
	// once at the end, and out of the order of hosts.
	EventProgress EventType = "progress"
	// EventOutput is a line that a long command on a host has just written: Host,
	// Step, Stream ("stdout" or "stderr"), Text, and Skipped, how many lines
	// before it are not told. At most ten come twice a second for each host, the
	// latest, and out of the order of hosts.
	EventOutput EventType = "output"
	// EventNote is a remark for people: Message.
	EventNote EventType = "note"
	// EventEnd closes the run: Counts, and Error if it did not succeed. Of a dry
	// run also Fingerprint, that of all it found to do.
	EventEnd EventType = "end"
)

// Status is the result of a step or gate.
type Status string

// The results.
const (
	StatusOK         Status = "ok"         // as wanted, nothing to do
	StatusChange     Status = "change"     // dry run: would be changed
	StatusUnknown    Status = "unknown"    // dry run: cannot be foreseen
	StatusChanged    Status = "changed"    // was changed
	StatusVerified   Status = "verified"   // proven by the step's own verification
	StatusUnverified Status = "unverified" // changed, but the proof failed
	StatusFailed     Status = "failed"
	StatusIgnored    Status = "ignored" // failed, and the plan says to go on
	StatusRescued    Status = "rescued" // failed, and the steps of its rescue follow
	StatusWaiting    Status = "waiting" // a gate that is not healthy yet
	StatusHealthy    Status = "healthy"
	StatusRed        Status = "red"
)

// Event is one thing that happened, as data. Fields that do not belong to its
// type are zero.
type Event struct {
	Type   EventType
	Time   time.Time
	Host   string
	Stage  int
	Step   string // stage.step, or stage.step.element
	Name   string
	Kind   string
	Status Status
	Change *steps.Change
	// Findings are what a step with the ability says in an audit.
	Findings []steps.Finding
	Message  string
	Err      error
	Elapsed  time.Duration

	Bytes, Size int64

	Stream, Text string
	Skipped      int

	Hosts  []string
	Stages int
	Width  int
	DryRun bool
	Counts *Counts

	Fingerprint string
}

// Counts sums up a run: steps by result, over all hosts.
type Counts struct {
	OK       int `json:"ok"`
	Changes  int `json:"changes"` // would be, or were, changed
	Unknown  int `json:"unknown"`
	Verified int `json:"verified"`
	Failed   int `json:"failed"`
	// Ignored are failures that the plan ignores or rescues.
	Ignored int `json:"ignored,omitempty"`
}

// Report is the outcome of a run or dry run.
type Report struct {
	Counts
	// Shown is what a dry run found to do.
	Shown Approval
	// Acted tells that something may have been changed on a host.
	Acted bool
	// Stopped tells that the run ended early because it was asked to.
	Stopped bool
	// Failures are the errors of hosts, in inventory order.
	Failures []HostError
	// Touched are the hosts on which something was changed, in inventory order.
	Touched []string
	// Down are the services that the run stopped and did not start again, with
	// the hosts on which they are down.
	Down map[string][]string
}

// Untold are the failures outside of any step, which no step's event tells; nil
// when there are none.
func (r *Report) Untold() error {
	var all []error
	for _, f := range r.Failures {
		if f.Step == "" {
			all = append(all, f)
		}
	}
	return errors.Join(all...)
}

// HostError is what went wrong on a host.
type HostError struct {
	Host string
	Step string // "3.1 restart", or "" outside of any step
	Err  error
	// Unverified: the change was made, its proof failed.
	Unverified bool
	// Before: nothing had been changed anywhere when it happened.
	Before bool
}

// Error gives host, step and cause.
func (e HostError) Error() string {
	text := e.Host + ": "
	if e.Step != "" {
		text += "step " + e.Step + ": "
	}
	return text + e.Err.Error()
}

// Unwrap gives the cause.
func (e HostError) Unwrap() error { return e.Err }
