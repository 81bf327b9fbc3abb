package copy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"lockstep/internal/pki"
	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// item is one file to copy.
type item struct {
	src, dest, owner, group string
	content                 source.Value // of shape Null when it was not given
	mode                    *fs.FileMode
}

func (i *item) params(p *param.Set) {
	p.ControlPath(&i.src, "src", "the file on the control machine")
	p.Raw(&i.content, "content", "text", "the content itself, in place of src")
	p.Path(&i.dest, "dest", "the file on the host")
	p.String(&i.owner, "owner", "the user who owns it; what is there stays when left out")
	p.String(&i.group, "group", "the group it belongs to; what is there stays when left out")
	p.Mode(&i.mode, "mode", "its permission bits; what is there stays when left out, and a new file gets 0600")
}

func (i *item) given() bool { return i.content.Shape != source.Null }

func (i *item) check() error {
	switch {
	case i.dest == "":
		return errors.New("dest is missing: the file on the host")
	case i.src != "" && i.given():
		return fmt.Errorf("%s has both src and content: keep one", i.dest)
	case i.src == "" && !i.given():
		return fmt.Errorf("%s has neither src nor content: write content: \"\" for an empty file", i.dest)
	case i.given() && i.content.Shape != source.Scalar:
		return i.content.Errorf("write it as a text", "content must be a text, but this is %s", i.content.Shape)
	}
	return nil
}

func (i item) withDefaults(d item) item {
	if i.owner == "" {
		i.owner = d.owner
	}
	if i.group == "" {
		i.group = d.group
	}
	if i.mode == nil {
		i.mode = d.mode
	}
	return i
}

func (i item) attrs() steps.Attrs { return steps.Attrs{Owner: i.owner, Group: i.group, Mode: i.mode} }

// probe returns the edit that the file needs, or nil.
func (i item) probe(ctx context.Context, v steps.View) (*steps.Edit, error) {
	want, err := i.read(ctx, v.Control)
	if err != nil {
		return nil, err
	}
	at, found, err := steps.Follow(ctx, v.Self, i.dest)
	if err != nil {
		return nil, err
	}
	if err := i.mayReplace(found); err != nil {
		return nil, err
	}
	if err := guardKey(at, want.Data, i.attrs(), found); err != nil {
		return nil, err
	}
	if found.Kind == steps.Absent {
		return i.create(ctx, v.Self, want)
	}
	have, err := steps.ReadContent(ctx, v.Self, at, found)
	if err != nil {
		return nil, err
	}
	return i.update(at, found, have, want), nil
}

// read gets the content that is wanted.
func (i item) read(ctx context.Context, control steps.Reader) (*steps.Content, error) {
	if i.src == "" {
		return steps.NewContent([]byte(i.content.Text), false), nil
	}
	at, s, err := steps.Follow(ctx, control, i.src)
	switch {
	case err != nil:
		return nil, err
	case s.Kind == steps.Absent:
		return nil, &steps.Problem{What: i.src + " does not exist on the control machine",
			Do: "make it, or correct src; a relative src counts from the plan's folder"}
	case s.Kind != steps.Regular:
		return nil, &steps.Problem{What: fmt.Sprintf("%s on the control machine is a %s, not a file", i.src, s.Kind),
			Do: "list each file under files"}
	}
	data, err := control.ReadFile(ctx, at)
	if errors.Is(err, steps.ErrTooBig) {
		return nil, &steps.Problem{What: fmt.Sprintf("%s has %d bytes", i.src, s.Size), Err: err,
			Why: fmt.Sprintf("copy is for configuration and certificates, up to %d bytes", steps.MaxRead),
			Do:  "bring big files by a package or a command"}
	}
	if err != nil {
		return nil, err
	}
	return steps.NewContent(data, s.Unsettled), nil
}

func (i item) mayReplace(found steps.Stat) error {
	switch found.Kind {
	case steps.Directory:
		return &steps.Problem{What: i.dest + " is a directory", Do: "write the whole name of the file: " + path.Join(i.dest, "NAME")}
	case steps.Special:
		return &steps.Problem{What: i.dest + " is a socket, pipe or device", Do: "choose another dest; lockstep does not replace it"}
	}
	return nil
}

func (i item) create(ctx context.Context, r steps.Reader, want *steps.Content) (*steps.Edit, error) {
	missing, err := steps.MissingParents(ctx, r, i.dest)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, &steps.Problem{What: fmt.Sprintf("%s cannot be made: the directory %s does not exist", i.dest, path.Dir(i.dest)),
			Do: "make it with a directory step before this one"}
	}
	a := i.attrs()
	if a.Mode == nil {
		private := fs.FileMode(0o600)
		a.Mode = &private
	}
	return &steps.Edit{Op: steps.Create, Subject: i.dest, After: want,
		Attrs: steps.DiffAttrs(steps.Stat{Kind: steps.Absent}, a), Wanted: a}, nil
}

func (i item) update(at string, found steps.Stat, have, want *steps.Content) *steps.Edit {
	e := &steps.Edit{Op: steps.Update, Subject: at, Attrs: steps.DiffAttrs(found, i.attrs()), Wanted: i.attrs()}
	if at != i.dest {
		e.Why = i.dest + " is a link to it"
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
// may read it when the plan names that group, since a server that is started
// under its own user needs that: root:mysql 0640.
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
	open := mode & 0o077
	if open == 0 || open == 0o040 && a.Group != "" {
		return nil
	}
	return &steps.Problem{
		What: fmt.Sprintf("%s holds a private key and would have mode %s", at, steps.FormatMode(mode)),
		Why:  "whoever reads the key can pose as the server and, in a cluster, join it",
		Do:   "set mode: \"0600\", or mode: \"0640\" together with the one group that must read it",
	}
}
