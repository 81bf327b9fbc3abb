// Package mycnf is the kind my_cnf: options in an option file of MySQL or
// MariaDB. It knows which files a server reads and which of them counts; how
// an option file is written is known by internal/optionfile. It starts and
// reloads nothing.
package mycnf

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"

	"lockstep/internal/optionfile"
	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
	"lockstep/steps/serverfiles"
)

//go:embed doc.md
var doc string

// Kind describes the kind.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "my_cnf",
		Summary: "set options in an option file of MySQL or MariaDB, and make sure that they count",
		Doc:     doc,
		New: func() steps.Step {
			mode := fs.FileMode(0o644)
			return &step{providerSection: "mysqld", owner: "root", group: "root", mode: &mode,
				serverGroups: []string{"mysqld", "server", "mariadb", "mariadbd", "galera"}}
		},
	}
}

type step struct {
	path, main      string
	sections        source.Value
	flags, absent   source.Value
	commented       source.Value
	provider        source.Value
	absentProvider  source.Value
	providerSection string
	serverGroups    []string
	create          bool
	owner, group    string
	mode            *fs.FileMode
}

// Params implements steps.Step.
func (s *step) Params(p *param.Set) {
	p.Path(&s.path, "path", "the option file to edit", param.Required())
	p.Raw(&s.sections, "sections", "map of maps", "section, then option, then its value")
	p.Raw(&s.flags, "flags", "map of lists", "section, then the options that stand there without a value")
	p.Raw(&s.absent, "absent", "map of lists", "section, then the options that must not be there")
	p.Raw(&s.commented, "commented", "map of lists", "section, then the options of which no line may be in force; what there is becomes a comment")
	p.Raw(&s.provider, "provider_options", "map", "parameters inside wsrep_provider_options; the others there keep value and place")
	p.Raw(&s.absentProvider, "absent_provider_options", "list of text", "parameters that must not be inside wsrep_provider_options")
	p.String(&s.providerSection, "provider_section", "the section in which wsrep_provider_options is put when it is nowhere yet")
	p.Strings(&s.serverGroups, "server_groups", "the sections that the server reads as if they were one")
	p.Path(&s.main, "main", "the file that the server is started with; without it /etc/my.cnf and /etc/mysql/my.cnf, as the server itself does")
	p.Bool(&s.create, "create", "whether to make the file when it does not exist")
	p.String(&s.owner, "owner", "owner of a new file")
	p.String(&s.group, "group", "group of a new file")
	p.Mode(&s.mode, "mode", "mode of a new file; one with a password in it needs \"0640\" and the group of the server")
}

// Check implements steps.Checker.
func (s *step) Check() error {
	_, err := s.settings()
	return err
}

// Probe implements steps.Step.
func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	want, err := s.settings()
	if err != nil {
		return steps.Change{}, err
	}
	found, old, err := s.read(ctx, v.Self)
	if err != nil {
		return steps.Change{}, err
	}
	file, err := optionfile.Parse(s.path, old)
	if err != nil {
		return steps.Change{}, err
	}
	edited, edits, err := optionfile.Apply(file, want)
	if err != nil {
		return steps.Change{}, &steps.Problem{What: err.Error(), Do: "correct the file by hand, or name another one as path", Err: err}
	}
	files, err := s.files(ctx, v.Self, edited.Bytes())
	if err != nil {
		return steps.Change{}, err
	}
	notes, err := s.counts(files, want)
	if err != nil || len(edits) == 0 {
		return steps.Change{Notes: notes}, err
	}
	more, err := s.judge(ctx, v.Self, file, edited, files)
	if err != nil {
		return steps.Change{Notes: notes}, err
	}
	c, err := s.change(found, old, edited.Bytes())
	c.Notes = append(notes, more...)
	return c, err
}

// judge asks the host's own programs about the edit before it is written: the
// text goes through their standard input, so this is a probe like any other.
func (s *step) judge(ctx context.Context, r steps.Reader, before, after *optionfile.File, wanted *files) ([]string, error) {
	started, err := serverfiles.StartedAs(ctx, r)
	if err != nil {
		return nil, err
	}
	server := started.As(s.main)
	found, err := server.Read(ctx, r, serverfiles.Draft{Path: s.path, Text: before.Bytes()})
	if err != nil {
		return nil, err
	}
	j := serverfiles.Judged{Server: server, Before: before, After: after, Found: found, Wanted: wanted.Files}
	return j.Judge(ctx, r)
}

// read returns the designated file. One that may be created is empty.
func (s *step) read(ctx context.Context, r steps.Reader) (steps.Stat, []byte, error) {
	data, err := r.ReadFile(ctx, s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.create:
		return steps.Stat{Kind: steps.Absent}, nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return steps.Stat{}, nil, &steps.Problem{What: s.path + " does not exist", Do: "correct path, or set create: true", Err: err}
	case err != nil:
		return steps.Stat{}, nil, fmt.Errorf("%s: %w", s.path, err)
	}
	st, err := r.Stat(ctx, s.path)
	return st, data, err
}

func (s *step) change(found steps.Stat, old, edited []byte) (steps.Change, error) {
	e := steps.Edit{Op: steps.Update, Subject: s.path,
		Before: steps.NewContent(old, false), After: steps.NewContent(edited, found.Unsettled)}
	secrets := secretsIn(old, edited)
	if found.Kind == steps.Absent {
		if len(secrets) > 0 && *s.mode&0o004 != 0 {
			return steps.Change{}, &steps.Problem{What: fmt.Sprintf("%s would hold a secret and be readable by everybody (mode %s)", s.path, steps.FormatMode(*s.mode)),
				Do: "set mode: \"0640\" and group: to the server's, which is mostly mysql"}
		}
		e.Op, e.Before = steps.Create, nil
		e.Wanted = steps.Attrs{Owner: s.owner, Group: s.group, Mode: s.mode}
		e.Attrs = steps.DiffAttrs(found, e.Wanted)
	}
	return steps.Change{Edits: []steps.Edit{e}, Secrets: secrets}, nil
}

// Apply implements steps.Step.
func (s *step) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	return steps.ApplyFiles(ctx, h, c)
}
