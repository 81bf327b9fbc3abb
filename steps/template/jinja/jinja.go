// Package jinja renders the templates that Ansible users bring: the Jinja
// language over plain data, and nothing else. A template sees the variables it
// is given and the functions listed here; there is no way from it to files,
// environment, clock, chance or Go values. Undefined names are errors, work and
// memory are bounded, and equal input gives equal output.
package jinja

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Options are the whitespace rules of a template. The zero value is Jinja's own
// default; Ansible sets TrimBlocks.
type Options struct {
	TrimBlocks   bool // the line break behind a block or comment goes
	LstripBlocks bool // white space between the line's begin and a block goes
	// Include returns the text of another template. It decides which names may
	// be read; without it there are none.
	Include func(name string) (string, error)
}

// Error is a problem of a template and its place. It never holds a value that
// the template was given.
type Error struct {
	File      string // the included template, or "" for the template itself
	Line, Col int    // from 1; Col counts characters
	Msg, Hint string
	Excerpt   string // the line's text
	Err       error  // the cause, for errors.Is
}

// Error renders place and problem in one line.
func (e *Error) Error() string {
	text := fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Msg)
	if e.File != "" {
		text = e.File + ":" + text
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Template is a parsed template. It does not change and may be rendered by
// many goroutines.
type Template struct {
	file  *file
	body  []stmt
	lib   *library
	parts []string // names of the templates it includes
}

// Includes returns the names of all templates that are included, also by
// included ones, each once.
func (t *Template) Includes() []string { return t.parts }

// file is a source text for positions and excerpts.
type file struct{ name, text string }

// pos is a place in a file.
type pos struct {
	f      *file
	offset int
}

// fail makes an error at p.
func (p pos) fail(hint, format string, args ...any) *Error {
	e := &Error{Msg: fmt.Sprintf(format, args...), Hint: hint}
	if p.f == nil {
		return e
	}
	before := p.f.text[:min(p.offset, len(p.f.text))]
	begin := strings.LastIndexByte(before, '\n') + 1
	e.File = p.f.name
	e.Line = 1 + strings.Count(before, "\n")
	e.Col = 1 + utf8.RuneCountInString(before[begin:])
	if e.Excerpt, _, _ = strings.Cut(p.f.text[begin:], "\n"); len(e.Excerpt) > maxExcerpt {
		e.Excerpt = ""
	}
	return e
}

// maxExcerpt is the longest line that an error shows.
const maxExcerpt = 200

// maxSource bounds a template's text, all included ones together.
const maxSource = 1 << 20

// maxIncludes bounds how deep templates include each other.
const maxIncludes = 20

// Parse reads a template with all that it includes.
func Parse(text string, o Options) (t *Template, err error) {
	t = &Template{file: &file{text: normal(text)}, lib: newLibrary()}
	defer t.caught(&err)
	l := &load{options: o, template: t, size: len(text)}
	if t.body, err = l.parse(t.file); err != nil {
		return nil, err
	}
	return t, nil
}

// caught turns a panic, which is a mistake of this package, into an error: one
// template must not end the run of a whole cluster.
func (t *Template) caught(err *error) {
	if why := recover(); why != nil {
		*err = pos{t.file, 0}.fail("please report the template", "internal error: the template cannot be worked on")
	}
}

func normal(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// load reads one template and the ones below it.
type load struct {
	options  Options
	template *Template
	open     []string // being read, to find loops
	size     int
}

func (l *load) parse(f *file) ([]stmt, error) {
	if l.size > maxSource {
		return nil, pos{f, 0}.fail("", "the template is over %d bytes", maxSource)
	}
	if !utf8.ValidString(f.text) {
		return nil, pos{f, 0}.fail("save it as UTF-8", "the template is not UTF-8")
	}
	options, begin, err := header(f, l.options)
	if err != nil {
		return nil, err
	}
	tokens, err := lex(f, begin, options)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, load: l}
	return p.template()
}

// header reads the line by which an Ansible template sets its own options.
func header(f *file, o Options) (Options, int, error) {
	line, _, _ := strings.Cut(f.text, "\n")
	list, ok := strings.CutPrefix(line, "#jinja2:")
	if !ok {
		return o, 0, nil
	}
	for _, item := range strings.Split(list, ",") {
		name, value, _ := strings.Cut(item, ":")
		on := strings.EqualFold(strings.Trim(strings.TrimSpace(value), `"'`), "true")
		switch strings.TrimSpace(name) {
		case "trim_blocks":
			o.TrimBlocks = on
		case "lstrip_blocks":
			o.LstripBlocks = on
		default:
			return o, 0, pos{f, 0}.fail("only trim_blocks and lstrip_blocks can be set here", "the #jinja2 line sets %q", strings.TrimSpace(name))
		}
	}
	return o, min(len(line)+1, len(f.text)), nil
}

// include reads the template called name, which stands at p.
func (l *load) include(p pos, name string) ([]stmt, error) {
	if l.options.Include == nil {
		return nil, p.fail("", "nothing can be included here")
	}
	if len(l.open) == maxIncludes {
		return nil, p.fail("", "templates include each other more than %d levels deep", maxIncludes)
	}
	for _, o := range l.open {
		if o == name {
			return nil, p.fail("", "%s includes itself: %s", name, strings.Join(append(l.open, name), " -> "))
		}
	}
	text, err := l.options.Include(name)
	if err != nil {
		e := p.fail("", "%s cannot be included: %v", name, err)
		e.Err = err
		return nil, e
	}
	l.note(name)
	l.size += len(text)
	l.open = append(l.open, name)
	defer func() { l.open = l.open[:len(l.open)-1] }()
	return l.parse(&file{name, normal(text)})
}

func (l *load) note(name string) {
	for _, known := range l.template.parts {
		if known == name {
			return
		}
	}
	l.template.parts = append(l.template.parts, name)
}

// Render renders the template over vars, which it does not change: plain data
// of nil, bool, int, float64, string, []any and map[string]any.
func (t *Template) Render(ctx context.Context, vars map[string]any) (text string, err error) {
	defer t.caught(&err)
	top := &scope{vars: map[string]any{}}
	for name, v := range vars {
		top.vars[name] = v
	}
	r := &run{budget: budget{ctx: ctx}, lib: t.lib, known: vars}
	var out strings.Builder
	if err := r.body(t.body, &frame{scope: top, out: &output{to: &out}}); err != nil {
		return "", err
	}
	return out.String(), nil
}
