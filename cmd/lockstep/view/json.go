package view

import (
	"encoding/json"
	"io"
	"strings"

	"lockstep/executor"
	"lockstep/internal/secret"
	"lockstep/steps"
)

// lines writes events as JSON Lines.
type lines struct {
	w        io.Writer
	redactor *secret.Redactor
	drawings drawings
	dry      bool
}

// event is the documented form of executor.Event.
type event struct {
	Event   string   `json:"event" secret:"fixed"`
	Time    string   `json:"time,omitempty" secret:"fixed"`
	DryRun  bool     `json:"dry_run,omitempty"`
	Host    string   `json:"host,omitempty"`
	Stage   int      `json:"stage,omitempty"`
	Step    string   `json:"step,omitempty" secret:"fixed"`
	Name    string   `json:"name,omitempty"`
	Kind    string   `json:"kind,omitempty" secret:"fixed"`
	Status  string   `json:"status,omitempty" secret:"fixed"`
	Edits   []edit   `json:"edits,omitempty"`
	Unknown string   `json:"unknown,omitempty"`
	Notes   []string `json:"notes,omitempty"`
	Message string   `json:"message,omitempty"`
	Error   string   `json:"error,omitempty"`
	Seconds float64  `json:"seconds,omitempty"`
	Bytes   int64    `json:"bytes,omitempty"`
	Size    int64    `json:"size,omitempty"`
	Stream  string   `json:"stream,omitempty" secret:"fixed"`
	Text    string   `json:"text,omitempty"`
	Skipped int      `json:"skipped,omitempty"`
	Hosts   []string `json:"hosts,omitempty"`
	Stages  int      `json:"stages,omitempty"`
	Width   int      `json:"width,omitempty"`

	Counts *executor.Counts `json:"counts,omitempty"`

	Fingerprint string `json:"fingerprint,omitempty" secret:"fixed"`
}

// edit adds what people would see of the content, with secrets masked.
type edit struct {
	steps.Edit
	Diff string `json:"diff,omitempty"`
}

// Event writes one event.
func (l *lines) Event(e executor.Event) {
	if e.Type == executor.EventStart {
		l.dry = e.DryRun
	}
	out := event{
		Event: string(e.Type), DryRun: l.dry,
		Host: e.Host, Stage: e.Stage, Step: e.Step, Name: e.Name, Kind: e.Kind, Status: string(e.Status),
		Message: e.Message, Bytes: e.Bytes, Size: e.Size,
		Stream: e.Stream, Text: e.Text, Skipped: e.Skipped,
		Hosts: e.Hosts, Stages: e.Stages, Width: e.Width, Counts: e.Counts, Fingerprint: e.Fingerprint,
	}
	if !l.dry { // a dry run of the same says the same
		out.Time, out.Seconds = e.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"), e.Elapsed.Seconds()
	}
	if e.Err != nil {
		out.Error = e.Err.Error()
	}
	if e.Change != nil {
		out.Unknown, out.Notes = e.Change.Unknown, e.Change.Notes
		for _, x := range e.Change.Edits {
			out.Edits = append(out.Edits, edit{x, strings.Join(l.drawings.of(x).lines(l.redactor), "\n")})
		}
	}
	l.write(secret.Copy(l.redactor, out))
}

// Exit writes the last object.
func (l *lines) Exit(code int, reason string) {
	l.write(struct {
		Event  string `json:"event" secret:"fixed"`
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	}{"exit", code, l.redactor.String(reason)})
}

func (l *lines) write(v any) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // nothing in an event is unprintable
		return
	}
	_, _ = io.WriteString(l.w, b.String()) // a broken pipe shows at exit
}
