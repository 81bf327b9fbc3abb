package main

import (
	"slices"

	"lockstep/internal/optionfile"
	"lockstep/steps/serverfiles"
)

// explanation is where an option of a host comes from. Its JSON is that of
// --json.
type explanation struct {
	Host       string     `json:"host"`
	Key        string     `json:"option"`
	Programs   []reading  `json:"programs"`
	Running    running    `json:"running"`
	Plan       string     `json:"plan,omitempty"`
	After      *[]reading `json:"after,omitempty"`
	Unforeseen []string   `json:"unforeseen,omitempty"`

	product optionfile.Product
	server  serverfiles.Server
	started serverfiles.Started
}

// reading is what one program takes from the files.
type reading struct {
	Program string     `json:"program"`
	Lines   []readLine `json:"lines"`
}

type readLine struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Group  string `json:"group,omitempty"`
	Option string `json:"option"` // as the line spells it
	Value  string `json:"value"`
	Counts bool   `json:"counts"`
	Why    string `json:"why,omitempty"`

	flag    bool   // it has no value
	within  string // the parameter that was asked for, inside its list
	without bool   // which is not there
}

// running is what the server has.
type running struct {
	Known   bool   `json:"known"`
	Value   string `json:"value,omitempty"`
	Origin  string `json:"origin,omitempty"`
	File    string `json:"file,omitempty"`
	Note    string `json:"note,omitempty"`
	Unknown string `json:"unknown,omitempty"` // why it could not be asked
}

func newReading(program, key string, found []optionfile.Occurrence) reading {
	r := reading{Program: program}
	for _, o := range found {
		l := readLine{File: o.File, Line: o.Line, Group: o.Group, Option: o.Key, Value: o.Text, Counts: o.Counts, Why: o.Why, flag: o.Flag}
		if optionfile.IsParameter(key) {
			_, found, err := optionfile.Parameter(o.Value, key)
			l.within, l.without = key, err != nil || !found
		}
		r.Lines = append(r.Lines, l)
	}
	return r
}

// runs takes in what the server says and compares it with its files.
func (e *explanation) runs(v *sysvar) {
	if v == nil {
		e.Running.Unknown = "the server has no variable of that name"
		return
	}
	e.Running = running{Known: true, Value: v.value, Origin: v.origin, File: v.file}
	if optionfile.IsParameter(e.Key) {
		value, found, err := optionfile.Parameter(v.value, e.Key)
		if err != nil || !found {
			e.Running = running{Unknown: "the provider has no such parameter, or has it off"}
			return
		}
		e.Running.Value = value
	}
	switch {
	case v.byStatement() && !optionfile.IsParameter(e.Key):
		e.Running.Note = "changed at run time; after a restart the files count again"
	case e.differs(v.value):
		e.Running.Note = "not what its files say: they were changed since it started, or it was changed at run time"
	}
	if optionfile.IsSecret(e.Key) {
		e.Running.Value = "(secret)"
	}
}

// differs reports whether the server surely has another value than its files
// say: not where a line only hints at it, as skip-x, or is about a secret.
func (e *explanation) differs(running string) bool {
	if len(e.Programs) == 0 || e.Programs[0].Program != "server" {
		return false
	}
	lines := e.Programs[0].Lines
	i := slices.IndexFunc(lines, func(l readLine) bool { return l.Counts })
	if i < 0 || lines[i].flag || lines[i].without || optionfile.IsSecret(e.Key) {
		return false
	}
	l := lines[i]
	switch {
	case optionfile.IsParameter(e.Key):
		return !sameValue(l.Value, e.Running.Value)
	case optionfile.Option{Key: e.Key}.Is("wsrep_provider_options"):
		return !holdsList(running, l.Value)
	}
	return optionfile.Option{Key: l.Option}.Is(e.Key) && !sameValue(l.Value, running)
}

// holdsList reports whether a running list has all that a list in a file says.
func holdsList(running, file string) bool {
	want, err := optionfile.ParseProviderOptions(file)
	for _, o := range want {
		value, _, listErr := optionfile.Parameter(running, o.Key)
		if err != nil || listErr != nil || !sameValue(o.Value, value) {
			return false
		}
	}
	return true
}
