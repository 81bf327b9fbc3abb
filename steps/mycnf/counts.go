package mycnf

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/optionfile"
	"lockstep/steps"
)

// counts makes sure that the server reads the edited file and that what it
// takes from all its files is what was wanted. All problems are in the one
// error; none of them shows a value.
func (s *step) counts(g *graph, want []optionfile.Setting) error {
	if err := s.isRead(g); err != nil {
		return err
	}
	var problems *multierror.Error
	for _, p := range g.Problems() {
		if p.Severity == optionfile.Fatal {
			problems = multierror.Append(problems, &steps.Problem{What: p.Error(), Why: "the server would not start again"})
		}
	}
	for _, one := range want {
		if err := s.settingCounts(g, one); err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	for _, p := range optionfile.Lint(g.Options(s.serverGroups...)) {
		if p.Severity >= optionfile.Refuse {
			problems = multierror.Append(problems, &steps.Problem{What: p.Error()})
		}
	}
	if problems != nil && len(problems.Errors) == 1 {
		return problems.Errors[0]
	}
	return problems.ErrorOrNil()
}

// isRead refuses a file that the server passes over without a word.
func (s *step) isRead(g *graph) error {
	var read []string
	for _, f := range g.Files() {
		if g.real[f.Name()] == g.target {
			return nil
		}
		read = append(read, f.Name())
	}
	for _, p := range g.Problems() {
		if g.real[p.File] == g.target && p.Line == 0 {
			return &steps.Problem{What: p.Error(), Do: "take the right from others: chmod o-w " + g.target}
		}
	}
	if len(read) == 0 {
		return &steps.Problem{What: "the server has no option file (neither /etc/my.cnf nor /etc/mysql/my.cnf)", Do: "name the one it is started with as main"}
	}
	return &steps.Problem{What: s.path + " is not among the files that the server reads",
		Why: "it reads " + strings.Join(read, ", "),
		Do:  "choose one of them, or a name that ends in .cnf in an included directory"}
}

// settingCounts makes sure that the occurrence which counts is the one in the
// designated file: position decides, whatever the section's name, and of
// wsrep_provider_options the last one replaces all others whole.
func (s *step) settingCounts(g *graph, want optionfile.Setting) error {
	all := g.Find(want.Key, s.readers(g, want.Group)...)
	foreign := func(o optionfile.Option) bool { return g.real[o.File] != g.target }
	if want.Absent {
		if i := slices.IndexFunc(all, foreign); i >= 0 {
			return shadow(all[i], want, "it stays in force through that line", "remove that line, or name that file as path")
		}
		return nil
	}
	if len(all) == 0 {
		return nil // all its parameters were to be absent, and there are none
	}
	if last := all[len(all)-1]; foreign(last) {
		return shadow(last, want, "the server reads that line later, so it wins", "remove that line, or name that file as path")
	}
	if want.Sub == nil {
		return nil
	}
	if i := slices.IndexFunc(all, foreign); i >= 0 {
		return shadow(all[i], want, "the server takes the last list whole and merges nothing, so all that stands there would be lost", "name that file as path")
	}
	return nil
}

func shadow(o optionfile.Option, want optionfile.Setting, why, do string) error {
	return &steps.Problem{What: fmt.Sprintf("[%s] %s also stands in %s:%d ([%s])", want.Group, want.Key, o.File, o.Line, o.Group), Why: why, Do: do}
}

// readers returns the sections that the readers of a section read too. For the
// server they include those of single versions, such as [mysqld-8.0], and in
// MariaDB [client-server]; its clients read [client-mariadb] as well.
func (s *step) readers(g *graph, group string) []string {
	switch {
	case slices.Contains(s.serverGroups, group):
		version := regexp.MustCompile(`(?i)^(mysqld|mariadb|mariadbd)-[0-9.]+$`)
		groups := append(slices.Clone(s.serverGroups), "client-server")
		for _, o := range g.Options() {
			if version.MatchString(o.Group) && !slices.Contains(groups, o.Group) {
				groups = append(groups, o.Group)
			}
		}
		return groups
	case group == "client":
		return []string{"client", "client-server", "client-mariadb"}
	}
	return []string{group}
}
