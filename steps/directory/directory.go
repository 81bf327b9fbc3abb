// Package directory is the kind that makes a directory and keeps its owner,
// group and mode. It does not know what lies in the directory.
package directory

import (
	"context"
	_ "embed" // for doc.md
	"fmt"
	"io/fs"
	"path"

	"lockstep/steps"
	"lockstep/steps/param"
)

//go:embed doc.md
var doc string

// Kind describes the kind to the registry.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "directory",
		Summary: "a directory with its owner, group and mode",
		Doc:     doc,
		New:     func() steps.Step { return &step{} },
	}
}

// The modes of what is new where the plan does not say.
const (
	newMode    fs.FileMode = 0o700
	parentMode fs.FileMode = 0o755
)

type step struct {
	path, owner, group string
	mode               *fs.FileMode
	parents            bool
}

func (s *step) Params(p *param.Set) {
	p.Path(&s.path, "path", "the directory", param.Required())
	p.String(&s.owner, "owner", "the user who owns it; what is there stays when left out")
	p.String(&s.group, "group", "the group it belongs to; what is there stays when left out")
	p.Mode(&s.mode, "mode", "its permission bits; a new directory gets 0700 when left out")
	p.Bool(&s.parents, "parents", "make the directories above it too, with mode 0755")
}

// Expects implements steps.Expecter.
func (s *step) Expects() steps.Expectation {
	return steps.Expectation{Users: []string{s.owner}, Groups: []string{s.group}}
}

func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	found, err := v.Self.Stat(ctx, s.path)
	if err != nil {
		return steps.Change{}, err
	}
	switch found.Kind {
	case steps.Absent:
		return s.create(ctx, v.Self)
	case steps.Directory:
		return s.adjust(found), nil
	}
	return steps.Change{}, s.refuse(found)
}

func (s *step) wanted() steps.Attrs {
	return steps.Attrs{Owner: s.owner, Group: s.group, Mode: s.mode}
}

func (s *step) adjust(found steps.Stat) steps.Change {
	diff := steps.DiffAttrs(found, s.wanted())
	if len(diff) == 0 {
		return steps.Change{}
	}
	return steps.Change{Edits: []steps.Edit{{Op: steps.Update, Subject: s.path, Attrs: diff, Wanted: s.wanted()}}}
}

func (s *step) create(ctx context.Context, r steps.Reader) (steps.Change, error) {
	missing, err := steps.MissingParents(ctx, r, s.path)
	if err != nil {
		return steps.Change{}, err
	}
	if len(missing) > 0 && !s.parents {
		return steps.Change{}, &steps.Problem{
			What: fmt.Sprintf("%s cannot be made: %s does not exist", s.path, path.Dir(s.path)),
			Do:   "make it in a step before this one, or set parents: true",
		}
	}
	var c steps.Change
	for _, dir := range missing {
		c.Edits = append(c.Edits, create(dir, steps.Attrs{}, parentMode))
	}
	c.Edits = append(c.Edits, create(s.path, s.wanted(), newMode))
	return c, nil
}

func create(dir string, a steps.Attrs, mode fs.FileMode) steps.Edit {
	if a.Mode == nil {
		a.Mode = &mode
	}
	attrs := []steps.AttrEdit{{Name: "kind", After: string(steps.Directory)}}
	attrs = append(attrs, steps.DiffAttrs(steps.Stat{Kind: steps.Absent}, a)...)
	return steps.Edit{Op: steps.Create, Subject: dir, Attrs: attrs, Wanted: a}
}

func (s *step) refuse(found steps.Stat) error {
	if found.Kind == steps.Link {
		return &steps.Problem{What: fmt.Sprintf("%s is a link to %s", s.path, found.Target),
			Do: "name the directory itself instead of the link"}
	}
	return &steps.Problem{What: fmt.Sprintf("%s is a %s, not a directory", s.path, found.Kind),
		Do: "move it away, or choose another path; lockstep does not replace it"}
}

func (s *step) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	return steps.ApplyFiles(ctx, h, c)
}
