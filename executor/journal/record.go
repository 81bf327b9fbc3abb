// Package journal keeps what a run does in a file of its own: one JSON object a
// line, on the disk before the act that it announces, and without secrets. It
// knows the form of the file and how it is read again; it judges nothing.
package journal

import (
	"time"

	"lockstep/executor"
	"lockstep/internal/source"
	"lockstep/plan"
	"lockstep/steps"
)

// Version is that of the form of the file. It is in its first line.
const Version = 1

// Type says what a record tells.
type Type string

// The types of records. The list is closed for a Version.
const (
	TypeRun       Type = "run"       // the first: who runs what on which hosts
	TypeStage     Type = "stage"     // a stage begins
	TypeStep      Type = "step"      // what a step found and did on a host
	TypeGate      Type = "gate"      // a gate's answer
	TypeAct       Type = "act"       // an act is about to happen
	TypeDone      Type = "done"      // how it came out
	TypeNote      Type = "note"      // a remark
	TypePause     Type = "pause"     // what a person was asked, and whether they agreed
	TypeInterrupt Type = "interrupt" // the run was asked to stop
	TypeEnd       Type = "end"       // the last: the exit
)

// Record is one line of the file. Fields that do not belong to its type are left
// out. A field marked fixed has words of ours alone, in which no secret is
// looked for.
type Record struct {
	Seq  int       `json:"seq"`
	Time time.Time `json:"time"`
	Type Type      `json:"type" secret:"fixed"`

	Run *Header `json:"run,omitempty"`

	Host   string   `json:"host,omitempty"`
	Hosts  []string `json:"hosts,omitempty"`
	Stage  int      `json:"stage,omitempty"`
	Step   string   `json:"step,omitempty" secret:"fixed"`
	Name   string   `json:"name,omitempty"`
	Kind   string   `json:"kind,omitempty" secret:"fixed"`
	Status string   `json:"status,omitempty" secret:"fixed"`

	Fingerprint string `json:"fingerprint,omitempty" secret:"fixed"`
	Edits       []Edit `json:"edits,omitempty"`

	Act     int       `json:"act,omitempty"`
	As      *Identity `json:"as,omitempty"`
	Command string    `json:"command,omitempty"`
	Writes  []Write   `json:"writes,omitempty"`
	Code    int       `json:"code,omitempty"`
	Changed []string  `json:"changed,omitempty"` // of a batch that failed

	Message string           `json:"message,omitempty"`
	Agreed  bool             `json:"agreed,omitempty"`
	Error   string           `json:"error,omitempty"`
	Counts  *executor.Counts `json:"counts,omitempty"`
}

// Header is what is known when a run begins.
type Header struct {
	Version  int           `json:"version"`
	ID       string        `json:"id" secret:"fixed"`
	Command  string        `json:"command" secret:"fixed"` // apply, resume, rollback
	Of       string        `json:"of,omitempty" secret:"fixed"`
	Plan     string        `json:"plan"` // its name
	Args     Args          `json:"args"`
	Inputs   []source.File `json:"inputs"`
	Hosts    []Host        `json:"hosts"`
	User     string        `json:"user"`
	Place    string        `json:"place,omitempty" secret:"fixed"` // of the process, for a program
	Lockstep string        `json:"lockstep" secret:"fixed"`
	// Approved is the fingerprint of what the run may do.
	Approved string `json:"approved,omitempty" secret:"fixed"`
}

// Args are the choices of the command line that decide what a run does.
type Args struct {
	Plan      string   `json:"plan"`
	Inventory []string `json:"inventory"`
	Limit     string   `json:"limit,omitempty"`
	Tags      []string `json:"tags,omitempty"`
	SkipTags  []string `json:"skip_tags,omitempty"`
	// Extra are the -e, those with a secret as name=<secret>.
	Extra  []string `json:"extra,omitempty"`
	User   string   `json:"user,omitempty"`
	Key    string   `json:"key,omitempty"`
	Become bool     `json:"become,omitempty"`
}

// Host is a host of a run and the key by which it was known.
type Host struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Key     string `json:"key,omitempty" secret:"fixed"`
}

// Edit is one edit of a step, without contents.
type Edit struct {
	Op      steps.Op          `json:"op" secret:"fixed"`
	Subject string            `json:"subject"`
	Summary string            `json:"summary,omitempty"`
	Before  string            `json:"before,omitempty" secret:"fixed"` // sha256
	After   string            `json:"after,omitempty" secret:"fixed"`
	Effect  *steps.Disruption `json:"disrupts,omitempty"`
}

// Identity is the user as whom a step acts where it is not the host's own.
type Identity struct {
	Become bool   `json:"become"`
	User   string `json:"user,omitempty"`
}

func identity(as *plan.Identity) *Identity {
	if as == nil {
		return nil
	}
	return &Identity{Become: as.Become, User: as.User}
}

// Write is one path of a batch.
type Write struct {
	Op     string `json:"op" secret:"fixed"` // file, attrs, directory, gone
	Path   string `json:"path"`
	Step   string `json:"step" secret:"fixed"`
	Before Trace  `json:"before"`
	After  Trace  `json:"after"`
}

// Trace is what was, or is to be, at a path.
type Trace struct {
	Kind   steps.FileKind `json:"kind" secret:"fixed"`
	SHA256 string         `json:"sha256,omitempty" secret:"fixed"`
	Size   int64          `json:"size,omitempty"`
	Owner  string         `json:"owner,omitempty"`
	Group  string         `json:"group,omitempty"`
	Mode   string         `json:"mode,omitempty" secret:"fixed"`
	Target string         `json:"target,omitempty"`
}

func traced(t executor.Trace) Trace {
	out := Trace{Kind: t.Kind, SHA256: t.SHA256, Size: t.Size, Owner: t.Owner, Group: t.Group, Target: t.Target}
	if t.Kind != steps.Absent {
		out.Mode = steps.FormatMode(t.Mode)
	}
	return out
}

func written(all []executor.Wrote) []Write {
	var out []Write
	for _, w := range all {
		op := [...]string{executor.PutFile: "file", executor.PutAttrs: "attrs", executor.PutDir: "directory", executor.PutGone: "gone"}[w.Op]
		out = append(out, Write{Op: op, Path: w.Path, Step: w.Step, Before: traced(w.Before), After: traced(w.After)})
	}
	return out
}

// told is an event as it is kept; false for one that is not.
func told(e executor.Event) (Record, bool) {
	r := Record{Host: e.Host, Hosts: e.Hosts, Stage: e.Stage, Step: e.Step, Name: e.Name, Kind: e.Kind, Status: string(e.Status), Message: e.Message}
	switch e.Type {
	case executor.EventStage:
		r.Type = TypeStage
	case executor.EventStep:
		r.Type = TypeStep
	case executor.EventGate:
		r.Type = TypeGate
	case executor.EventNote:
		r.Type = TypeNote
	default:
		return r, false
	}
	if e.Err != nil {
		r.Error = e.Err.Error()
	}
	if e.Change != nil && !e.Change.Empty() {
		r.Fingerprint = e.Change.Fingerprint()
		for _, x := range e.Change.Edits {
			r.Edits = append(r.Edits, Edit{Op: x.Op, Subject: x.Subject, Summary: x.Summary, Before: hash(x.Before), After: hash(x.After), Effect: x.Disrupts})
		}
	}
	return r, true
}

func hash(c *steps.Content) string {
	if c == nil {
		return ""
	}
	return c.SHA256
}
