package optionfile

import (
	"slices"
	"strings"
)

// Print writes options as my_print_defaults does, one after another, each with
// a line end. Values are as they are, secrets too.
func Print(options []Option) string {
	var b strings.Builder
	for _, o := range options {
		b.WriteString("--" + o.Key)
		if !o.Flag {
			b.WriteString("=" + o.Value)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Alone returns the file's text with its includes as comments: what a program
// reads from it is then in this text and nowhere else. Lines keep their numbers.
func (f *File) Alone() []byte {
	var b strings.Builder
	for _, l := range f.lines {
		if l.kind == directive {
			b.WriteByte('#')
		}
		b.WriteString(l.raw)
	}
	return []byte(b.String())
}

// Groups returns the names of the groups that have options, each once, as first
// spelled.
func (f *File) Groups() []string { return groupsOf(f.Options()) }

// Groups returns the names of the groups that have options in any file, each
// once, as first spelled.
func (g *Graph) Groups() []string { return groupsOf(g.options) }

func groupsOf(options []Option) []string {
	var out []string
	for _, o := range options {
		if !slices.ContainsFunc(out, func(g string) bool { return sameGroup(g, o.Group) }) {
			out = append(out, o.Group)
		}
	}
	return out
}

// Text returns all files as one text, in the order in which the server reads
// their options: a program that reads it sees what it would see of the files.
// The option lines are as they stand there.
func (g *Graph) Text() []byte {
	var b strings.Builder
	for i, o := range g.options {
		if i == 0 || o.Group != g.options[i-1].Group {
			b.WriteString("[" + o.Group + "]\n")
		}
		b.WriteString(closed(g.raws[i], "\n"))
	}
	return []byte(b.String())
}
