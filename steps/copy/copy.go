// Package copy is the kind that puts files with a given content on a host. It
// does not know how content travels.
package copy

import (
	"context"
	_ "embed" // for doc.md
	"fmt"

	"github.com/hashicorp/go-multierror"

	"lockstep/steps"
	"lockstep/steps/param"
)

//go:embed doc.md
var doc string

// Kind describes the kind to the registry.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "copy",
		Summary: "files with content from the control machine or from the plan",
		Doc:     doc,
		New:     func() steps.Step { return &step{} },
	}
}

type step struct {
	one  item // written without a list
	many []item
}

func (s *step) Params(p *param.Set) {
	s.one.params(p)
	param.List(p, &s.many, "files", "several files; what an entry leaves out is taken from beside the list", func(i *item, p *param.Set) { i.params(p) })
}

// Check finds parameters that do not go together.
func (s *step) Check() error {
	if len(s.many) == 0 {
		return s.one.check()
	}
	var problems *multierror.Error
	if s.one.dest != "" || s.one.src != "" || s.one.given() {
		problems = multierror.Append(problems, fmt.Errorf("src, content and dest stand in the entries of files, not beside it"))
	}
	seen := map[string]bool{}
	for _, i := range s.many {
		if err := i.check(); err != nil {
			problems = multierror.Append(problems, err)
		}
		if seen[i.dest] {
			problems = multierror.Append(problems, fmt.Errorf("files has the dest %s twice", i.dest))
		}
		seen[i.dest] = true
	}
	return problems.ErrorOrNil()
}

// items returns the files with the defaults filled in.
func (s *step) items() []item {
	if len(s.many) == 0 {
		return []item{s.one}
	}
	all := make([]item, len(s.many))
	for n, i := range s.many {
		all[n] = i.withDefaults(s.one)
	}
	return all
}

// Needs lists the files of the control machine that are copied.
func (s *step) Needs() []string {
	var paths []string
	for _, i := range s.items() {
		if i.src != "" {
			paths = append(paths, i.src)
		}
	}
	return paths
}

// Makes is empty: nothing is made on the control machine.
func (s *step) Makes() []string { return nil }

// Expects implements steps.Expecter.
func (s *step) Expects() steps.Expectation {
	var e steps.Expectation
	for _, i := range s.items() {
		e.Paths = append(e.Paths, i.dest)
		e.Users, e.Groups = append(e.Users, i.owner), append(e.Groups, i.group)
	}
	return e
}

func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	var c steps.Change
	for _, i := range s.items() {
		e, err := i.probe(ctx, v)
		if err != nil {
			return steps.Change{}, err
		}
		if e != nil {
			c.Edits = append(c.Edits, *e)
		}
	}
	return c, nil
}

func (s *step) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	return steps.ApplyFiles(ctx, h, c)
}
