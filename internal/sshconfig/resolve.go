package sshconfig

import (
	"fmt"
	"slices"
	"strings"
)

// raw is the settings of one host by keyword, before tokens are filled in.
type raw struct {
	one  map[string]string
	many map[string][]string
	at   map[string]string // where they stand, for errors
}

func newRaw() raw {
	return raw{one: map[string]string{}, many: map[string][]string{}, at: map[string]string{}}
}

// state is one walk over the files for one host. The first value of a setting
// counts, except that identities and certificates add up.
type state struct {
	query  Query
	local  string // who runs this
	name   string // what Host lines are compared with
	second bool   // the pass with the real name
	raw    raw
}

func (t *tree) resolve(q Query, local string) (raw, error) {
	s := &state{query: q, local: local, name: q.Alias, raw: newRaw()}
	if err := s.files(t.files); err != nil {
		return raw{}, err
	}
	if t.final {
		s.second, s.name = true, s.hostName()
		if _, ok := s.raw.one["hostname"]; !ok {
			s.raw.one["hostname"] = s.name
		}
		if err := s.files(t.files); err != nil {
			return raw{}, err
		}
	}
	return s.raw, nil
}

func (s *state) files(files []*file) error {
	for _, f := range files {
		for _, section := range f.sections {
			if err := s.section(section); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *state) section(section section) error {
	for _, c := range section.holds {
		if !s.holds(c) {
			return nil
		}
	}
	for _, l := range section.lines {
		var err error
		if l.included != nil {
			err = s.files([]*file{l.included})
		} else {
			err = s.set(l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// set takes a setting, unless there is one already.
func (s *state) set(l line) error {
	key := l.key
	switch key {
	case "identityfile", "certificatefile":
		if len(l.args) != 1 {
			return fmt.Errorf("%s: %s wants one path", l.at, key)
		}
		if !slices.Contains(s.raw.many[key], l.args[0]) {
			s.raw.many[key] = append(s.raw.many[key], l.args[0])
		}
		return nil
	case "userknownhostsfile", "globalknownhostsfile":
		if _, ok := s.raw.many[key]; !ok {
			s.raw.many[key] = l.args
		}
		return nil
	case "proxycommand", "proxyjump":
		// The first of the two counts, but a ProxyJump none leaves room for a command.
		if s.raw.one[key] == "" && s.raw.one["proxycommand"] == "" && notNone(s.raw.one["proxyjump"]) == "" {
			s.raw.one[key], s.raw.at[key] = strings.Trim(l.rest, " \t"), l.at
		}
		return nil
	}
	if len(l.args) != 1 {
		return fmt.Errorf("%s: %s wants one value", l.at, key)
	}
	if _, ok := s.raw.one[key]; !ok {
		s.raw.one[key], s.raw.at[key] = l.args[0], l.at
	}
	return nil
}

// hostName is the real name as far as it is known.
func (s *state) hostName() string {
	return fillHostName(firstOf(s.raw.one["hostname"], s.query.Alias), s.query.Alias)
}

// fillHostName fills in the two tokens that a HostName may have.
func fillHostName(pattern, alias string) string {
	return strings.NewReplacer("%%", "%", "%h", alias).Replace(pattern)
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
