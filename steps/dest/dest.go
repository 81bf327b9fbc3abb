// Package dest is what the kinds share that put a whole file on a host: which
// paths they refuse, what they change there, and that a private key is never
// left where others can read it. It does not know where the content comes from.
package dest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path"

	"lockstep/internal/pki"
	"lockstep/steps"
)

// File is a file on the host and the attributes it shall have.
type File struct {
	Path string // as the plan names it; it may be a link
	steps.Attrs
}

// Edit returns what the file needs to hold want, or nil when it does. What the
// path names must be a file, a link to one, or absent in a directory that is
// there; else the error is a *steps.Problem.
func (f File) Edit(ctx context.Context, r steps.Reader, want *steps.Content) (*steps.Edit, error) {
	at, found, err := steps.Follow(ctx, r, f.Path)
	if err != nil {
		return nil, err
	}
	if err := f.mayReplace(found); err != nil {
		return nil, err
	}
	if err := f.guardKey(at, want.Data, found); err != nil {
		return nil, err
	}
	if found.Kind == steps.Absent {
		return f.create(ctx, r, want)
	}
	have, err := present(ctx, r, at, found, want)
	if err != nil {
		return nil, err
	}
	return f.update(at, found, have, want), nil
}

// present describes the content that is there. What is big is hashed on the
// host, and only if it has the wanted size.
func present(ctx context.Context, r steps.Reader, at string, found steps.Stat, want *steps.Content) (*steps.Content, error) {
	switch {
	case want.Open == nil:
		return steps.ReadContent(ctx, r, at, found)
	case found.Size != want.Size:
		return &steps.Content{Size: found.Size, Unsettled: found.Unsettled}, nil
	}
	return r.Describe(ctx, at)
}

func same(have, want *steps.Content) bool {
	if want.Open != nil {
		return have.Same(want)
	}
	return (have.Size == want.Size || want.Unsettled) && bytes.Equal(have.Data, want.Data)
}

func (f File) mayReplace(found steps.Stat) error {
	switch found.Kind {
	case steps.Directory:
		return &steps.Problem{What: f.Path + " is a directory", Do: "write the whole name of the file: " + path.Join(f.Path, "NAME")}
	case steps.Special:
		return &steps.Problem{What: f.Path + " is a socket, pipe or device", Do: "choose another dest; lockstep does not replace it"}
	}
	return nil
}

func (f File) create(ctx context.Context, r steps.Reader, want *steps.Content) (*steps.Edit, error) {
	missing, err := steps.MissingParents(ctx, r, f.Path)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, &steps.Problem{What: fmt.Sprintf("%s cannot be made: the directory %s does not exist", f.Path, path.Dir(f.Path)),
			Do: "make it with a directory step before this one"}
	}
	a := f.Attrs
	if a.Mode == nil {
		private := fs.FileMode(0o600)
		a.Mode = &private
	}
	return &steps.Edit{Op: steps.Create, Subject: f.Path, After: want,
		Attrs: steps.DiffAttrs(steps.Stat{Kind: steps.Absent}, a), Wanted: a}, nil
}

func (f File) update(at string, found steps.Stat, have, want *steps.Content) *steps.Edit {
	e := &steps.Edit{Op: steps.Update, Subject: at, Attrs: steps.DiffAttrs(found, f.Attrs), Wanted: f.Attrs}
	if at != f.Path {
		e.Why = f.Path + " is a link to it"
	}
	if !same(have, want) {
		e.Before, e.After = have, want
	}
	if e.After == nil && len(e.Attrs) == 0 {
		return nil
	}
	return e
}

// guardKey refuses to leave a private key where others can read it. A group
// may read it when the plan names that group, since a server that is started
// under its own user needs that: root:mysql 0640.
func (f File) guardKey(at string, data []byte, found steps.Stat) error {
	if !pki.HoldsKey(data) {
		return nil
	}
	mode := fs.FileMode(0o600)
	if found.Kind != steps.Absent {
		mode = found.Mode
	}
	if f.Mode != nil {
		mode = *f.Mode
	}
	open := mode & 0o077
	if open == 0 || open == 0o040 && f.Group != "" {
		return nil
	}
	return &steps.Problem{
		What: fmt.Sprintf("%s holds a private key and would have mode %s", at, steps.FormatMode(mode)),
		Why:  "whoever reads the key can pose as the server and, in a cluster, join it",
		Do:   "set mode: \"0600\", or mode: \"0640\" together with the one group that must read it",
	}
}
