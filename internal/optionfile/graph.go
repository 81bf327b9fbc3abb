package optionfile

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
)

const (
	// maxDepth is how deep the server follows includes; deeper directives are
	// skipped with a warning.
	maxDepth = 10
	// maxReads bounds what files that include one another can cost here.
	maxReads = 2000
)

// ErrIgnored is returned by a Loader, wrapped or not, for a file that the
// server would pass over: one that is world-writable, or a directory. Resolve
// goes on without the file and tells it as a warning.
var ErrIgnored = errors.New("the server ignores this file")

// Loader gives Resolve the files of a host. A missing file or directory is an
// fs.ErrNotExist. Any other error ends Resolve: a guess about a file that
// could not be read would be worse than none.
type Loader interface {
	Load(path string) ([]byte, error)
	List(dir string) ([]string, error) // names, in any order
}

// Root is a file that the server is told to read. A missing one is skipped
// unless it is Required, as one given by --defaults-file is.
type Root struct {
	Path     string
	Required bool
}

// Graph is all option files of a program in the order it reads them, with
// included files at the place of their directive.
type Graph struct {
	files    map[string]*File
	order    []string
	options  []Option
	raws     []string // the lines of options
	problems []Problem
}

// Resolve reads the roots in order and follows !include and !includedir as the
// server does: up to ten deep, of a directory the names in *.cnf in byte order,
// hidden ones too, relative paths from cwd, the working directory of the
// program. What stops the server or is skipped by it becomes a Problem; the
// errors are those of the Loader, and of files that include one another
// without end.
func Resolve(l Loader, cwd string, roots ...Root) (*Graph, error) {
	w := &walk{loader: l, cwd: cwd, graph: &Graph{files: map[string]*File{}}, noted: map[Problem]bool{}}
	for _, r := range roots {
		f, err := w.open(r.Path)
		switch {
		case err != nil:
			return nil, err
		case f == nil && r.Required && !w.skipped:
			w.note(Problem{File: r.Path, Severity: Fatal, Text: "the file is missing, so the server does not start"})
			return w.graph, nil
		case f == nil:
			continue
		}
		if err := w.file(f, 0); err != nil {
			return nil, err
		}
		if w.stopped {
			break
		}
	}
	return w.graph, nil
}

// Files returns every file once, in the order of its first reading.
func (g *Graph) Files() []*File {
	var out []*File
	for _, name := range g.order {
		out = append(out, g.files[name])
	}
	return out
}

// Options returns the options of the groups from all files in the order in
// which the server reads them, of all groups if none is named.
func (g *Graph) Options(groups ...string) []Option {
	var out []Option
	for _, o := range g.options {
		if inGroups(o.Group, groups) {
			out = append(out, o)
		}
	}
	return out
}

// Find returns every occurrence of an option in the groups, in reading order:
// the last one is the one that counts, and names the file to edit.
func (g *Graph) Find(key string, groups ...string) []Option {
	var out []Option
	for _, o := range g.options {
		if o.Is(key) && inGroups(o.Group, groups) {
			out = append(out, o)
		}
	}
	return out
}

// Problems returns the problems of all files and of how they hang together.
func (g *Graph) Problems() []Problem { return append([]Problem(nil), g.problems...) }

// walk is one run of Resolve.
type walk struct {
	loader  Loader
	cwd     string
	graph   *Graph
	noted   map[Problem]bool
	reads   int
	skipped bool // the last open met ErrIgnored
	stopped bool // the server gave up
}

// note keeps a problem, once if its file is read more often.
func (w *walk) note(p Problem) {
	if !w.noted[p] {
		w.noted[p] = true
		w.graph.problems = append(w.graph.problems, p)
	}
}

// open returns a file, or nil if the server passes over it.
func (w *walk) open(name string) (*File, error) {
	w.skipped = false
	if w.reads++; w.reads > maxReads {
		return nil, fmt.Errorf("%s: more than %d files are read; they include one another, break the circle", name, maxReads)
	}
	if f, ok := w.graph.files[name]; ok {
		return f, nil
	}
	data, err := w.loader.Load(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, ErrIgnored):
		w.skipped = true
		w.note(Problem{File: name, Severity: Warning, Text: err.Error()})
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f, err := Parse(name, data)
	if err != nil {
		return nil, err
	}
	w.graph.files[name], w.graph.order = f, append(w.graph.order, name)
	return f, nil
}

// file takes in a file and what it includes.
func (w *walk) file(f *File, depth int) error {
	w.noteProblems(f, depth)
	for i, l := range f.lines[:f.read] {
		switch {
		case l.kind == option:
			w.graph.options, w.graph.raws = append(w.graph.options, f.option(i)), append(w.graph.raws, l.raw)
		case l.kind == directive:
			ok, err := w.directive(f, l, depth)
			if err != nil {
				return err
			}
			if !ok {
				w.stopped = w.stopped || depth == 0
				return nil
			}
		}
	}
	w.stopped = w.stopped || depth == 0 && f.read < len(f.lines)
	return nil
}

// noteProblems takes over a file's problems.
func (w *walk) noteProblems(f *File, depth int) {
	for _, p := range f.problems {
		w.note(below(p, depth))
	}
}

// below is a problem as it counts at a depth: what is fatal at the top only
// ends the reading of an included file, without a word.
func below(p Problem, depth int) Problem {
	if p.Severity == Fatal && depth > 0 {
		p.Severity = Refuse
		p.Text += " (the file is included, so the server starts and silently ignores it from here on)"
	}
	return p
}

// directive follows an include. It reports whether the server goes on behind.
func (w *walk) directive(f *File, l line, depth int) (bool, error) {
	if l.word != "include" && l.word != "includedir" {
		return true, nil
	}
	problem := Problem{File: f.name, Line: l.no, Severity: Warning}
	if depth >= maxDepth {
		problem.Text = fmt.Sprintf("the server follows includes %d deep and skips this one", maxDepth)
		w.note(problem)
		return true, nil
	}
	target := w.absolute(l.arg)
	if l.word == "includedir" {
		return w.directory(f, l, target, depth)
	}
	next, err := w.open(target)
	if err != nil || next == nil {
		if err == nil && !w.skipped {
			problem.Text = "the included file is missing, which the server does not report"
			w.note(problem)
		}
		return true, err
	}
	return true, w.file(next, depth+1)
}

func (w *walk) directory(f *File, l line, dir string, depth int) (bool, error) {
	names, err := w.loader.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		w.note(below(Problem{File: f.name, Line: l.no, Severity: Fatal, Text: "the included directory is missing, which stops the server", Do: "create it or remove the line"}, depth))
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", dir, err)
	}
	sorted := append([]string(nil), names...)
	sort.Strings(sorted)
	for _, name := range sorted {
		if !strings.HasSuffix(name, ".cnf") {
			continue
		}
		next, err := w.open(strings.TrimRight(dir, "/") + "/" + name)
		if err != nil {
			return false, err
		}
		if next != nil {
			if err := w.file(next, depth+1); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

func (w *walk) absolute(name string) string {
	if path.IsAbs(name) {
		return name
	}
	return strings.TrimRight(w.cwd, "/") + "/" + name
}
