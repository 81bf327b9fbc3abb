package mycnf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/optionfile"
	"lockstep/steps"
)

// counts makes sure that the server reads the edited file and that what it
// takes from all its files is what was wanted. All problems are in the one
// error; what the server takes, but nobody may mean, is in the notes. Neither
// shows a value.
func (s *step) counts(f *files, want []optionfile.Setting) (notes []string, err error) {
	if err := s.isRead(f); err != nil {
		return nil, err
	}
	var problems *multierror.Error
	for _, p := range f.Problems() {
		if p.Severity == optionfile.Fatal {
			problems = multierror.Append(problems, &steps.Problem{What: p.Error(), Why: "the server would not start again"})
		} else {
			notes = append(notes, p.Error())
		}
	}
	for _, one := range want {
		if err := s.settingCounts(f, one); err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	for _, p := range optionfile.Lint(f.Options(s.serverGroups...)) {
		if p.Severity >= optionfile.Refuse {
			problems = multierror.Append(problems, &steps.Problem{What: p.Error()})
		} else if !s.foreign(f, want, p) {
			notes = append(notes, p.Error())
		}
	}
	for _, err := range s.halves(f, want) {
		problems = multierror.Append(problems, err)
	}
	if problems != nil && len(problems.Errors) == 1 {
		return notes, problems.Errors[0]
	}
	return notes, problems.ErrorOrNil()
}

// foreign reports whether p is about a line without effect that is neither in
// the designated file nor about a wanted option. Those are no business of the
// step: distributions ship defaults that local files replace.
func (s *step) foreign(f *files, want []optionfile.Setting, p optionfile.Problem) bool {
	for _, o := range f.Options(s.serverGroups...) {
		if o.File != p.File || o.Line != p.Line {
			continue
		}
		all := f.Find(o.Key, s.serverGroups...)
		last := all[len(all)-1]
		return !f.designated(o) && (last.File != o.File || last.Line != o.Line) &&
			!slices.ContainsFunc(want, func(w optionfile.Setting) bool { return o.Is(w.Key) })
	}
	return false
}

// halves refuses to leave a certificate without its key, or a key without its
// certificate, where the step sets one of them: a server then starts without
// TLS, and a client or a state transfer ends.
func (s *step) halves(f *files, want []optionfile.Setting) []error {
	var problems []error
	told := map[string]bool{}
	for _, one := range want {
		for _, pair := range [][2]string{{"ssl-cert", "ssl-key"}, {"tcert", "tkey"}} {
			key := strings.ToLower(strings.ReplaceAll(one.Key, "_", "-"))
			have, lacks := s.half(f, one.Group, pair)
			if key != pair[0] && key != pair[1] || lacks == "" || told[one.Group+lacks] {
				continue
			}
			told[one.Group+lacks] = true
			problems = append(problems, &steps.Problem{What: fmt.Sprintf("[%s] %s is set without %s", one.Group, have, lacks),
				Why: "one is of no use without the other: a server would start without TLS",
				Do:  "set both in one step, or list both under absent"})
		}
	}
	return problems
}

// half returns which option of a pair the readers of group have and which they
// lack. Both are empty when they have both or none.
func (s *step) half(f *files, group string, pair [2]string) (have, lacks string) {
	has := func(key string) bool {
		all := f.Find(key, s.readers(f, group)...)
		return len(all) > 0 && all[len(all)-1].Value != ""
	}
	switch first, second := has(pair[0]), has(pair[1]); {
	case first && !second:
		return pair[0], pair[1]
	case second && !first:
		return pair[1], pair[0]
	}
	return "", ""
}

// isRead refuses a file that the server passes over without a word.
func (s *step) isRead(f *files) error {
	var read []string
	for _, one := range f.Graph.Files() {
		if f.Real(one.Name()) == f.target {
			return nil
		}
		read = append(read, one.Name())
	}
	for _, p := range f.Problems() {
		if f.Real(p.File) == f.target && p.Line == 0 {
			return &steps.Problem{What: p.Error(), Do: "take the right from others: chmod o-w " + f.target}
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
func (s *step) settingCounts(f *files, want optionfile.Setting) error {
	groups := s.readers(f, want.Group)
	all := f.Find(want.Key, groups...)
	foreign := func(o optionfile.Option) bool { return !f.designated(o) }
	if want.Absent || want.Commented {
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
	if err := s.undone(f, want, groups); err != nil {
		return err
	}
	if want.Sub == nil {
		return nil
	}
	if i := slices.IndexFunc(all, foreign); i >= 0 {
		return shadow(all[i], want, "the server takes the last list whole and merges nothing, so all that stands there would be lost", "name that file as path")
	}
	return nil
}

// undone refuses a setting that the same option under a prefix, such as
// skip-ssl, or one that was kept by SET PERSIST, undoes later.
func (s *step) undone(f *files, want optionfile.Setting, groups []string) error {
	var after []optionfile.Option
	for _, o := range f.Options(groups...) {
		switch {
		case o.Is(want.Key):
			after = nil
		case o.Touches(want.Key) && !o.Limits():
			after = append(after, o)
		}
	}
	if len(after) > 0 {
		o := after[len(after)-1]
		return shadow(o, want, "the server reads that line later, as "+o.Key, "list "+o.Key+" under absent, or remove that line")
	}
	for _, o := range f.persisted {
		if o.Touches(want.Key) && slices.Contains(s.serverGroups, want.Group) {
			return &steps.Problem{What: fmt.Sprintf("[%s] %s was also set by SET PERSIST, in %s", want.Group, want.Key, o.File),
				Why: "the server takes that after all option files, so it wins", Do: "run RESET PERSIST " + o.Key + ", or keep it there and not here"}
		}
	}
	return nil
}

func shadow(o optionfile.Option, want optionfile.Setting, why, do string) error {
	return &steps.Problem{What: fmt.Sprintf("[%s] %s also stands in %s:%d ([%s])", want.Group, want.Key, o.File, o.Line, o.Group), Why: why, Do: do}
}

// readers returns the sections that the readers of a section read too. For the
// server they include those of single versions, such as [mysqld-8.0], and in
// MariaDB [client-server]; its clients read [client-mariadb] as well.
func (s *step) readers(f *files, group string) []string {
	switch {
	case slices.Contains(s.serverGroups, group):
		return slices.Concat(s.serverGroups, []string{"client-server"}, f.versions)
	case group == "client":
		return []string{"client", "client-server", "client-mariadb"}
	}
	return []string{group}
}

// ofVersion reports whether a section is of one version of the server, such as
// [mysqld-8.0].
func ofVersion(group string) bool {
	program, version, found := strings.Cut(strings.ToLower(group), "-")
	return found && slices.Contains([]string{"mysqld", "mariadb", "mariadbd"}, program) &&
		version != "" && strings.Trim(version, "0123456789.") == ""
}
