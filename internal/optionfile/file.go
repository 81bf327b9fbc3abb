// Package optionfile knows the text of MySQL and MariaDB option files (my.cnf):
// how the server reads them, and how to change one option without touching any
// other byte. Text goes in and text comes out; it knows no host and does no
// input or output. What it does not understand with certainty it refuses to
// edit and says why.
//
// The grammar is that of the MySQL Reference Manual, "Using Option Files", and
// of the MariaDB Knowledge Base, "Configuring MariaDB with Option Files", held
// against my_print_defaults by a differential test. The list inside
// wsrep_provider_options follows the Galera documentation, "Galera Parameters".
package optionfile

import (
	"fmt"
	"strings"
)

// maxFile is far above any option file; more is a log or a binary by mistake.
const maxFile = 4 << 20

// File is one option file, held line by line with every byte. It is never
// changed: an edit returns a new File.
type File struct {
	name     string
	lines    []line
	read     int // lines[:read] are those that the server reads
	problems []Problem
}

// Option is one option as the server sees it.
type Option struct {
	File  string
	Line  int
	Group string // as its header spells it
	Key   string // as the line spells it
	Value string // decoded; may be a secret (IsSecret)
	Flag  bool   // there is no "=", which is not the same as an empty value
}

// Is reports whether the option has this name for the server: letter case,
// "-" against "_" and a leading "loose-" make no difference.
func (o Option) Is(key string) bool { return sameKey(o.Key, key) }

// Touches reports whether the option has a say in what key is: by its name, or
// under one of the prefixes skip-, disable-, enable- and maximum-. Where it is
// not the same option by Is, its value is not the value of key.
func (o Option) Touches(key string) bool { return root(o.Key) == root(key) }

// Limits reports whether the option is under the prefix maximum-, which sets
// the greatest value that others may give it, and no value.
func (o Option) Limits() bool { return strings.HasPrefix(canonical(o.Key), "maximum-") }

// Parse reads an option file. The name is only used to say where something is.
// Every input is kept byte for byte; what is wrong or unsafe in it is told by
// Problems. The error is for data that is too large to be an option file.
func Parse(name string, data []byte) (*File, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are too many for an option file (at most %d)", name, len(data), maxFile)
	}
	text := string(data)
	f := &File{name: name, lines: make([]line, 0, strings.Count(text, "\n")+1)}
	no := 0
	for one := range strings.Lines(text) {
		no++
		// The server reads at most maxLine bytes at once and takes what is left
		// for another line.
		for ; len(one) > maxLine; one = one[maxLine:] {
			f.lines = append(f.lines, scan(one[:maxLine], no))
		}
		f.lines = append(f.lines, scan(one, no))
	}
	f.assignGroups()
	f.problems = f.inspect()
	return f, nil
}

// assignGroups tells each option its group and finds the line at which the
// server gives up.
func (f *File) assignGroups() {
	group, inGroup := "", false
	for i := range f.lines {
		l := &f.lines[i]
		switch {
		case l.kind == header && !l.closed, l.kind == directive && l.wrong, l.kind == option && !inGroup:
			f.read = i
			return
		case l.kind == header:
			group, inGroup = l.group, true
		default:
			l.group = group
		}
	}
	f.read = len(f.lines)
}

// Name returns the name given to Parse.
func (f *File) Name() string { return f.name }

// Bytes returns the file's text.
func (f *File) Bytes() []byte {
	var b strings.Builder
	for _, l := range f.lines {
		b.WriteString(l.raw)
	}
	return []byte(b.String())
}

// Problems returns what is wrong or unsafe in the file, in line order.
func (f *File) Problems() []Problem { return append([]Problem(nil), f.problems...) }

// Options returns the options of the groups in file order, of all groups if
// none is named. Of two with the same name the later one wins, whatever the
// order of the groups: position decides (MySQL Reference Manual, "Using Option
// Files"). Included files are not looked into; see Resolve.
func (f *File) Options(groups ...string) []Option {
	var out []Option
	for _, i := range f.optionLines(groups) {
		out = append(out, f.option(i))
	}
	return out
}

// Find returns every occurrence of an option in the groups, in file order: the
// last one is the one that counts.
func (f *File) Find(key string, groups ...string) []Option {
	return named(f.Options(groups...), key)
}

func named(all []Option, key string) []Option {
	var out []Option
	for _, o := range all {
		if o.Is(key) {
			out = append(out, o)
		}
	}
	return out
}

func (f *File) optionLines(groups []string) []int {
	var out []int
	for i, l := range f.lines[:f.read] {
		if l.kind == option && inGroups(l.group, groups) {
			out = append(out, i)
		}
	}
	return out
}

func (f *File) option(i int) Option {
	l := f.lines[i]
	return Option{
		File: f.name, Line: l.no, Group: l.group,
		Key: l.keyText(), Value: l.decoded(), Flag: !l.hasValue,
	}
}
