package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// text is the explanation for people.
func (e *explanation) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", e.Host, e.Key)
	if len(e.Programs) == 0 {
		b.WriteString("\nno option file sets it\n")
	}
	for _, r := range together(e.Programs) {
		fmt.Fprintf(&b, "\n%s\n%s", r.Program, r.table())
	}
	b.WriteString("\nrunning server\n    " + e.Running.text() + "\n")
	if e.After != nil {
		fmt.Fprintf(&b, "\nafter %s\n\n%s", e.Plan, e.afterText())
	}
	return b.String()
}

// together puts programs that take the same under one heading.
func together(all []reading) []reading {
	var out []reading
	for _, r := range all {
		i := slices.IndexFunc(out, func(o reading) bool { return o.table() == r.table() })
		if i < 0 {
			out = append(out, r)
			continue
		}
		out[i].Program += ", " + r.Program
	}
	return out
}

func (r reading) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, l := range r.Lines {
		mark, why := " ", l.Why
		if l.Counts {
			mark, why = ">", "counts"
		}
		fmt.Fprintf(w, "  %s %s\t%s\t%s\t%s\n", mark, l.place(), l.group(), l.says(), why)
	}
	_ = w.Flush() // into memory
	return b.String()
}

func (l readLine) place() string {
	if l.Line == 0 {
		return l.File
	}
	return fmt.Sprintf("%s:%d", l.File, l.Line)
}

func (l readLine) group() string {
	if l.Group == "" {
		return ""
	}
	return "[" + l.Group + "]"
}

func (l readLine) says() string {
	switch {
	case l.flag:
		return l.Option
	case l.without:
		return l.Option + " without " + l.within
	case l.within != "":
		return l.within + " = " + l.Value + " in " + l.Option
	}
	return l.Option + " = " + l.Value
}

func (r running) text() string {
	if !r.Known {
		return "not known: " + r.Unknown
	}
	text := r.Value
	if text == "" {
		text = `""`
	}
	switch {
	case r.File != "":
		text += ", from " + r.File
	case r.Origin != "":
		text += ", by " + originWord(r.Origin)
	}
	if r.Note != "" {
		text += "\n    " + r.Note
	}
	return text
}

// originWord puts the servers' words for where a value is from into plain ones.
func originWord(origin string) string {
	switch origin {
	case "COMPILE-TIME", "COMPILED":
		return "default"
	case "AUTO":
		return "the server's own choice"
	case "SQL", "DYNAMIC":
		return "a statement (SET GLOBAL)"
	case "COMMAND-LINE", "COMMAND_LINE":
		return "the command line"
	}
	return origin
}

// afterText tells what a plan changes, program by program.
func (e *explanation) afterText() string {
	var b strings.Builder
	for _, r := range together(*e.After) {
		if !slices.ContainsFunc(together(e.Programs), func(was reading) bool { return was.Program == r.Program && was.table() == r.table() }) {
			fmt.Fprintf(&b, "%s\n%s", r.Program, r.table())
		}
	}
	for _, was := range e.Programs {
		if !slices.ContainsFunc(*e.After, func(r reading) bool { return r.Program == was.Program }) {
			fmt.Fprintf(&b, "%s\n    no option file sets it\n", was.Program)
		}
	}
	if b.Len() == 0 {
		b.WriteString("    no change\n")
	}
	for _, step := range e.Unforeseen {
		fmt.Fprintf(&b, "    not foreseen: what step %s does\n", step)
	}
	return b.String()
}
