// Package file is the kind that keeps the owner, group and mode of what
// exists, or removes it. It does not know content.
package file

import (
	"context"
	_ "embed" // for doc.md
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"lockstep/steps"
	"lockstep/steps/param"
)

//go:embed doc.md
var doc string

// Kind describes the kind to the registry.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "file",
		Summary: "the owner, group and mode of an existing path, or its absence",
		Doc:     doc,
		New:     func() steps.Step { return &step{state: present} },
	}
}

// The states a path can be wanted in.
const (
	present = "present"
	absent  = "absent"
)

type step struct {
	path, state, owner, group string
	mode                      *fs.FileMode
}

func (s *step) Params(p *param.Set) {
	p.Path(&s.path, "path", "the file or directory", param.Required())
	p.String(&s.state, "state", "present keeps attributes, absent removes", param.OneOf(present, absent))
	p.String(&s.owner, "owner", "the user who owns it; what is there stays when left out")
	p.String(&s.group, "group", "the group it belongs to; what is there stays when left out")
	p.Mode(&s.mode, "mode", "its permission bits; what is there stays when left out")
}

// Check finds parameters that do not go together.
func (s *step) Check() error {
	open := s.owner == "" && s.group == "" && s.mode == nil
	switch {
	case s.state == present && open:
		return errors.New("there is nothing to keep: give owner, group or mode, or state: absent")
	case s.state == absent && !open:
		return errors.New("what is absent has no owner, group or mode: leave them out")
	case s.state == absent && s.path == "/":
		return errors.New("the root directory cannot be absent")
	}
	return nil
}

func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	found, err := v.Self.Stat(ctx, s.path)
	if err != nil {
		return steps.Change{}, err
	}
	if s.state == absent {
		return s.remove(ctx, v.Self, found)
	}
	return s.adjust(found)
}

func (s *step) adjust(found steps.Stat) (steps.Change, error) {
	switch found.Kind {
	case steps.Absent:
		return steps.Change{}, &steps.Problem{What: s.path + " does not exist",
			Do: "make it with copy or directory in a step before this one"}
	case steps.Link:
		return steps.Change{}, &steps.Problem{What: fmt.Sprintf("%s is a link to %s", s.path, found.Target),
			Do: "name what it leads to: a link has no mode of its own"}
	}
	wanted := steps.Attrs{Owner: s.owner, Group: s.group, Mode: s.mode}
	diff := steps.DiffAttrs(found, wanted)
	if len(diff) == 0 {
		return steps.Change{}, nil
	}
	return steps.Change{Edits: []steps.Edit{{Op: steps.Update, Subject: s.path, Attrs: diff, Wanted: wanted}}}, nil
}

func (s *step) remove(ctx context.Context, r steps.Reader, found steps.Stat) (steps.Change, error) {
	e := steps.Edit{Op: steps.Delete, Subject: s.path,
		Attrs: []steps.AttrEdit{{Name: "kind", Before: string(found.Kind)}}}
	var err error
	switch found.Kind {
	case steps.Absent:
		return steps.Change{}, nil
	case steps.Regular:
		e.Before, err = steps.ReadContent(ctx, r, s.path, found)
	case steps.Link:
		e.Attrs = append(e.Attrs, steps.AttrEdit{Name: "target", Before: found.Target})
	case steps.Directory:
		err = s.mustBeEmpty(ctx, r)
	default:
		err = &steps.Problem{What: s.path + " is a socket, pipe or device", Do: "stop what uses it and let that remove it"}
	}
	if err != nil {
		return steps.Change{}, err
	}
	return steps.Change{Edits: []steps.Edit{e}}, nil
}

func (s *step) mustBeEmpty(ctx context.Context, r steps.Reader) error {
	names, err := r.ReadDir(ctx, s.path)
	if err != nil || len(names) == 0 {
		return err
	}
	shown := names[:min(len(names), 3)]
	return &steps.Problem{
		What: fmt.Sprintf("%s is a directory that is not empty: it holds %d entries (%s)", s.path, len(names), strings.Join(shown, ", ")),
		Do:   "remove what is in it by steps that name each file; lockstep removes no trees",
	}
}

func (s *step) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	return steps.ApplyFiles(ctx, h, c)
}
