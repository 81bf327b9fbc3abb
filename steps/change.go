package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
)

// Op is what an edit does, with the symbol that people see.
type Op string

// The operations of an edit.
const (
	Create Op = "+"
	Update Op = "~"
	Delete Op = "-"
	Run    Op = "!"
)

// Change is what differs between the wanted and the found state of one step on
// one host. It is plain data: it can be printed, journaled and compared. The
// zero Change means that all is as wanted.
type Change struct {
	Edits []Edit `json:"edits,omitempty"`
	// Unknown says why a dry run cannot tell what the step will do. It is
	// never empty when the step may change something that Edits does not list.
	Unknown string `json:"unknown,omitempty"`
	// Notes are remarks for people: what the step does not change, and
	// somebody should look at. They make no Change.
	Notes []string `json:"notes,omitempty"`
	// Secrets are values that must not be shown wherever they occur.
	Secrets []string `json:"-"`
}

// Empty reports whether nothing is to be done.
func (c Change) Empty() bool { return len(c.Edits) == 0 && c.Unknown == "" }

// Fingerprint identifies the change: equal changes have equal fingerprints,
// and it tells nothing about the content of files beyond equality. Notes do not
// count.
func (c Change) Fingerprint() string {
	c.Notes = nil
	data, err := json.Marshal(c)
	if err != nil { // a Change holds nothing that JSON cannot
		return "unprintable"
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Edit is one thing that a step changes.
type Edit struct {
	Op Op `json:"op" secret:"fixed"`
	// Subject is a path, or for Run what is acted on: "service mariadb".
	Subject string `json:"subject"`
	// Summary says what a Run does: "restart", "bootstrap the cluster".
	Summary string `json:"summary,omitempty"`
	// Why is the evidence for the edit where it is not obvious.
	Why string `json:"why,omitempty"`

	Before *Content   `json:"before,omitempty"`
	After  *Content   `json:"after,omitempty"`
	Attrs  []AttrEdit `json:"attrs,omitempty"`
	// Wanted are the attributes to set; the zero Attrs leaves all.
	Wanted Attrs `json:"-"`

	Disrupts *Disruption `json:"disrupts,omitempty"`
}

// AttrEdit is one attribute before and after. An empty Before means that the
// thing is new.
type AttrEdit struct {
	Name   string `json:"name" secret:"fixed"` // owner, group, mode, kind, target
	Before string `json:"before"`
	After  string `json:"after"`
}

// Content is a file's content. Data stays in memory: what is printed or kept
// is made from it by whoever shows it, with secrets masked. Content over
// MaxRead has no Data, but can be opened where it is to be sent.
type Content struct {
	// Open gives the bytes of content without Data; nil when they are not at
	// hand. It may be called by many goroutines.
	Open func() (Source, error) `json:"-"`

	Data   []byte `json:"-"`
	SHA256 string `json:"sha256,omitempty" secret:"fixed"`
	Size   int64  `json:"size"`
	// Unsettled: only the real run makes the content, so SHA256 is empty.
	Unsettled bool `json:"unsettled,omitempty"`
}

// Source is opened content.
type Source interface {
	io.ReaderAt
	io.Closer
}

// Same reports whether two contents are the same for sure.
func (c *Content) Same(d *Content) bool {
	return c.Size == d.Size && c.SHA256 != "" && c.SHA256 == d.SHA256
}

// NewContent describes data.
func NewContent(data []byte, unsettled bool) *Content {
	c := &Content{Data: data, Size: int64(len(data)), Unsettled: unsettled}
	if unsettled {
		c.Size = 0
		return c
	}
	sum := sha256.Sum256(data)
	c.SHA256 = hex.EncodeToString(sum[:])
	return c
}

// Disruption says which service an edit takes away or brings back.
type Disruption struct {
	Service string `json:"service"`
	Effect  Effect `json:"effect" secret:"fixed"`
}

// Effect is what a disruption does to its service.
type Effect string

// The effects of a disruption.
const (
	Stops    Effect = "stop"
	Starts   Effect = "start"
	Restarts Effect = "restart"
	Reloads  Effect = "reload"
)

// DiffAttrs lists the attributes of found that differ from those a wants.
func DiffAttrs(found Stat, a Attrs) []AttrEdit {
	var edits []AttrEdit
	old := found
	if found.Kind == Absent {
		old = Stat{}
	}
	if a.Owner != "" && a.Owner != old.Owner {
		edits = append(edits, AttrEdit{"owner", old.Owner, a.Owner})
	}
	if a.Group != "" && a.Group != old.Group {
		edits = append(edits, AttrEdit{"group", old.Group, a.Group})
	}
	if a.Mode != nil && (found.Kind == Absent || *a.Mode != old.Mode) {
		before := ""
		if found.Kind != Absent {
			before = FormatMode(old.Mode)
		}
		edits = append(edits, AttrEdit{"mode", before, FormatMode(*a.Mode)})
	}
	return edits
}

// FormatMode renders permission bits as chmod takes them: 0640.
func FormatMode(m fs.FileMode) string { return fmt.Sprintf("%04o", uint32(m)) }

// ApplyFiles makes all edits of c that concern files and directories, in
// order. It is the whole Apply of most kinds. An edit it does not know, such
// as a Run, is an error.
func ApplyFiles(ctx context.Context, h Host, c Change) error {
	for _, e := range c.Edits {
		if err := applyFile(ctx, h, e); err != nil {
			return fmt.Errorf("%s: %w", e.Subject, err)
		}
	}
	return nil
}

func applyFile(ctx context.Context, h Host, e Edit) error {
	switch {
	case e.Op == Delete:
		return h.Remove(ctx, e.Subject)
	case e.After != nil:
		attrs := e.Wanted
		attrs.Unsettled = e.After.Unsettled
		if e.After.Open != nil {
			return h.WriteContent(ctx, e.Subject, e.After, attrs)
		}
		return h.WriteFile(ctx, e.Subject, e.After.Data, attrs)
	case e.Op == Create:
		return h.Mkdir(ctx, e.Subject, e.Wanted)
	case e.Op == Update:
		return h.SetAttrs(ctx, e.Subject, e.Wanted)
	default:
		return fmt.Errorf("internal error: %q is not an edit of a file", e.Op)
	}
}
