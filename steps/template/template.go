// Package template is the kind that renders a template into a file on a host.
// The language is package jinja's; this one knows where the text and the
// variables come from and what becomes of the result.
package template

import (
	"context"
	_ "embed" // for doc.md
	"errors"
	"fmt"
	"io/fs"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/dest"
	"lockstep/steps/param"
	"lockstep/steps/template/jinja"
)

//go:embed doc.md
var doc string

// Kind describes the kind to the registry.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "template",
		Summary: "a file made from a Jinja template and variables",
		Doc:     doc,
		New:     func() steps.Step { return &step{trim: true} },
	}
}

type step struct {
	src, dest, owner, group string
	content, vars           source.Value // of shape Null when not given
	mode                    *fs.FileMode
	trim, lstrip            bool

	host map[string]source.Value // see SetVars
}

func (s *step) Params(p *param.Set) {
	p.ControlPath(&s.src, "src", "the template on the control machine")
	p.Raw(&s.content, "content", "text", "the template itself, in place of src")
	p.Path(&s.dest, "dest", "the file on the host", param.Required())
	p.String(&s.owner, "owner", "the user who owns it; what is there stays when left out")
	p.String(&s.group, "group", "the group it belongs to; what is there stays when left out")
	p.Mode(&s.mode, "mode", "its permission bits; what is there stays when left out, and a new file gets 0600")
	p.Raw(&s.vars, "vars", "map", "variables for the template, besides those of the host")
	p.Bool(&s.trim, "trim_blocks", "whether the line break behind a block goes")
	p.Bool(&s.lstrip, "lstrip_blocks", "whether the white space in front of a block goes")
}

// Check finds parameters that do not go together, and mistakes in content.
func (s *step) Check() error {
	var problems *multierror.Error
	given := s.content.Shape != source.Null
	switch {
	case s.src != "" && given:
		problems = multierror.Append(problems, s.content.Errorf("", "%s has both src and content: keep one", s.dest))
	case s.src == "" && !given:
		problems = multierror.Append(problems, fmt.Errorf("%s has neither src nor content", s.dest))
	case given && s.content.Shape != source.Scalar:
		problems = multierror.Append(problems, s.content.Errorf("write it as a text", "content must be a text, but this is %s", s.content.Shape))
	case given:
		if _, err := s.parse(s.content.Text, s.localInclude); err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	if s.vars.Shape != source.Null && s.vars.Shape != source.Map {
		problems = multierror.Append(problems, s.vars.Errorf("", "vars must be a map, but this is %s", s.vars.Shape))
	}
	return problems.ErrorOrNil()
}

// Verbatim names the parameter whose {{ }} are the template's own.
func (s *step) Verbatim() []string { return []string{"content"} }

// Uses returns the variables that the template takes from the host. A src that
// is not there yet, since an earlier step makes it, gives none.
func (s *step) Uses() ([]steps.Use, error) {
	t, err := s.local()
	if err != nil || t == nil {
		return nil, err
	}
	var uses []steps.Use
	for _, n := range t.Names() {
		if _, own := s.vars.Get(n.ID); own {
			continue
		}
		uses = append(uses, steps.Use{Name: n.ID, Optional: n.Optional, Missing: func(known []string) error {
			return s.at(t.Missing(n, known))
		}})
	}
	return uses, nil
}

// SetVars hands in variables of the host.
func (s *step) SetVars(vars map[string]source.Value) { s.host = vars }

// Needs lists the template and what it includes.
func (s *step) Needs() []string {
	var paths []string
	if s.src != "" {
		paths = append(paths, s.src)
	}
	if t, err := s.local(); err == nil && t != nil {
		for _, name := range t.Includes() {
			paths = append(paths, s.below(name))
		}
	}
	return paths
}

// Makes is empty: nothing is made on the control machine.
func (s *step) Makes() []string { return nil }

// Expects implements steps.Expecter.
func (s *step) Expects() steps.Expectation {
	return steps.Expectation{Paths: []string{s.dest}, Users: []string{s.owner}, Groups: []string{s.group}}
}

// Probe renders the template and compares the file with the result.
func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	want, err := s.render(ctx, v.Control)
	if err != nil {
		return steps.Change{}, err
	}
	file := dest.File{Path: s.dest, Attrs: steps.Attrs{Owner: s.owner, Group: s.group, Mode: s.mode}}
	e, err := file.Edit(ctx, v.Self, want)
	if err != nil || e == nil {
		return steps.Change{}, err
	}
	return steps.Change{Edits: []steps.Edit{*e}, Secrets: s.secrets()}, nil
}

func (s *step) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	return steps.ApplyFiles(ctx, h, c)
}

// render makes the wanted content.
func (s *step) render(ctx context.Context, control steps.Reader) (*steps.Content, error) {
	text, unsettled, err := s.read(ctx, control)
	if err != nil || unsettled {
		return steps.NewContent([]byte(text), unsettled), err
	}
	t, err := s.parse(text, s.controlInclude(ctx, control))
	if err != nil {
		return nil, err
	}
	vars := map[string]any{}
	for name, v := range s.host {
		vars[name] = v.Plain()
	}
	for _, f := range s.vars.Fields {
		vars[f.Key] = f.Value.Plain()
	}
	out, err := t.Render(ctx, vars)
	if err != nil {
		return nil, s.problem(err)
	}
	return steps.NewContent([]byte(out), false), nil
}

func (s *step) parse(text string, include func(string) (string, error)) (*jinja.Template, error) {
	t, err := jinja.Parse(text, jinja.Options{TrimBlocks: s.trim, LstripBlocks: s.lstrip, Include: include})
	if err != nil {
		return nil, s.problem(err)
	}
	return t, nil
}

// problem gives an error of the template its file.
func (s *step) problem(err error) error {
	var e *jinja.Error
	if !errors.As(err, &e) {
		return err
	}
	at := s.at(e)
	if e.Err != nil {
		return &steps.Problem{What: at.Error(), Err: e.Err}
	}
	return at
}

// at is e in words for people, with file, line and excerpt.
func (s *step) at(e *jinja.Error) *source.Error {
	file := s.src
	switch {
	case e.File != "":
		file = s.below(e.File)
	case file == "":
		file = fmt.Sprintf("%s (content)", s.content.Pos)
	}
	out := &source.Error{Pos: source.Pos{File: file, Line: e.Line, Col: e.Col}, Msg: e.Msg, Hint: e.Hint, Line: e.Excerpt}
	if s.content.Secret {
		out.Line = ""
	}
	return out
}
