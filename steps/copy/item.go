package copy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/dest"
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

// probe returns the edit that the file needs, or nil.
func (i item) probe(ctx context.Context, v steps.View) (*steps.Edit, error) {
	want, err := i.read(ctx, v.Control)
	if err != nil {
		return nil, err
	}
	return dest.File{Path: i.dest, Attrs: steps.Attrs{Owner: i.owner, Group: i.group, Mode: i.mode}}.Edit(ctx, v.Self, want)
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
		return control.Describe(ctx, at)
	}
	if err != nil {
		return nil, err
	}
	return steps.NewContent(data, s.Unsettled), nil
}
