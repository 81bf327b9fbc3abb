package template

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path"

	"lockstep/internal/pki"
	"lockstep/steps"
)

func (s *step) attrs() steps.Attrs { return steps.Attrs{Owner: s.owner, Group: s.group, Mode: s.mode} }

// edit returns what the file on the host needs, or nil.
func (s *step) edit(ctx context.Context, r steps.Reader, want *steps.Content) (*steps.Edit, error) {
	at, found, err := steps.Follow(ctx, r, s.dest)
	if err != nil {
		return nil, err
	}
	switch found.Kind {
	case steps.Directory:
		return nil, &steps.Problem{What: s.dest + " is a directory", Do: "write the whole name of the file: " + path.Join(s.dest, "NAME")}
	case steps.Special:
		return nil, &steps.Problem{What: s.dest + " is a socket, pipe or device", Do: "choose another dest; lockstep does not replace it"}
	}
	if err := guardKey(at, want.Data, s.attrs(), found); err != nil {
		return nil, err
	}
	if found.Kind == steps.Absent {
		return s.create(ctx, r, want)
	}
	have, err := steps.ReadContent(ctx, r, at, found)
	if err != nil {
		return nil, err
	}
	return s.update(at, found, have, want), nil
}

func (s *step) create(ctx context.Context, r steps.Reader, want *steps.Content) (*steps.Edit, error) {
	missing, err := steps.MissingParents(ctx, r, s.dest)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, &steps.Problem{What: fmt.Sprintf("%s cannot be made: the directory %s does not exist", s.dest, path.Dir(s.dest)),
			Do: "make it with a directory step before this one"}
	}
	a := s.attrs()
	if a.Mode == nil {
		private := fs.FileMode(0o600)
		a.Mode = &private
	}
	return &steps.Edit{Op: steps.Create, Subject: s.dest, After: want,
		Attrs: steps.DiffAttrs(steps.Stat{Kind: steps.Absent}, a), Wanted: a}, nil
}

func (s *step) update(at string, found steps.Stat, have, want *steps.Content) *steps.Edit {
	e := &steps.Edit{Op: steps.Update, Subject: at, Attrs: steps.DiffAttrs(found, s.attrs()), Wanted: s.attrs()}
	if at != s.dest {
		e.Why = s.dest + " is a link to it"
	}
	if have.Size != want.Size && !want.Unsettled || !bytes.Equal(have.Data, want.Data) {
		e.Before, e.After = have, want
	}
	if e.After == nil && len(e.Attrs) == 0 {
		return nil
	}
	return e
}

// guardKey refuses to leave a private key where others can read it. A group
// may read it when the plan names that group.
func guardKey(at string, data []byte, a steps.Attrs, found steps.Stat) error {
	if _, private := pki.Describe(data); !private {
		return nil
	}
	mode := fs.FileMode(0o600)
	if found.Kind != steps.Absent {
		mode = found.Mode
	}
	if a.Mode != nil {
		mode = *a.Mode
	}
	if open := mode & 0o077; open == 0 || open == 0o040 && a.Group != "" {
		return nil
	}
	return &steps.Problem{
		What: fmt.Sprintf("%s holds a private key and would have mode %s", at, steps.FormatMode(mode)),
		Why:  "whoever reads the key can pose as the server and, in a cluster, join it",
		Do:   "set mode: \"0600\", or mode: \"0640\" together with the one group that must read it",
	}
}
