package sshconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// tree is what the files say, in their order.
type tree struct {
	files []*file
	// final: the files are gone through a second time, with the host's real
	// name, because they ask for it.
	final bool
	// beyond says what only ssh itself understands; nil when there is nothing.
	beyond error
}

type file struct{ sections []section }

// section is what stands below one Host or Match line, or above the first.
type section struct {
	holds []criterion // all of them
	lines []line
}

// line is one setting, or a file that is included in its place.
type line struct {
	key, rest, at string // at is FILE:LINE
	args          []string
	included      *file
}

// maxDepth is how deep ssh lets files include each other.
const maxDepth = 16

// reader reads files into a tree.
type reader struct {
	options Options
	tree    tree
	ignored []string // patterns of IgnoreUnknown
}

func (c *Config) read() (*tree, error) {
	r := &reader{options: c.options}
	userDir := filepath.Join(c.options.Home, ".ssh")
	switch c.options.File {
	case "none":
		return &r.tree, nil
	case "":
		if err := r.top(filepath.Join(userDir, "config"), userDir, true); err != nil {
			return nil, err
		}
		if err := r.top(c.options.System, filepath.Dir(c.options.System), false); err != nil {
			return nil, err
		}
		return &r.tree, nil
	}
	if _, err := os.Stat(c.options.File); err != nil {
		return nil, fmt.Errorf("ssh configuration: %w", err)
	}
	return &r.tree, r.top(c.options.File, userDir, false)
}

// top reads a file that need not exist.
func (r *reader) top(name, dir string, private bool) error {
	f, err := r.file(name, dir, private, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		r.tree.files = append(r.tree.files, f)
	}
	return err
}

func (r *reader) file(name, dir string, private bool, depth int) (*file, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s: more than %d files include each other", name, maxDepth)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if private {
		if err := ours(name); err != nil {
			return nil, err
		}
	}
	f := &file{sections: []section{{}}}
	for i, text := range strings.Split(string(data), "\n") {
		l := line{at: fmt.Sprintf("%s:%d", name, i+1)}
		if l.key, l.rest = cutLine(text); l.key == "" {
			continue
		}
		if err := r.line(f, l, dir, private, depth); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// ours refuses a file that somebody else could have written, as ssh does: it
// may name commands.
func ours(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if info.Mode().Perm()&0o022 != 0 || ok && owner.Uid != 0 && int(owner.Uid) != os.Getuid() {
		return fmt.Errorf("%s: others may write it; make it yours alone: chmod 600 %s", name, name)
	}
	return nil
}

func (r *reader) line(f *file, l line, dir string, private bool, depth int) error {
	here := &f.sections[len(f.sections)-1]
	args, err := words(l.rest)
	if err != nil && l.key != "proxycommand" {
		return fmt.Errorf("%s: %s: %w", l.at, l.key, err)
	}
	l.args = args
	switch {
	case l.key == "host":
		f.sections = append(f.sections, section{holds: []criterion{{kind: "host line", patterns: args}}})
	case l.key == "match":
		holds, err := parseMatch(l)
		if err != nil {
			return err
		}
		f.sections = append(f.sections, section{holds: holds})
		r.tree.final = r.tree.final || slices.ContainsFunc(holds, func(c criterion) bool { return c.kind == "final" })
	case l.key == "include":
		return r.include(here, l, dir, private, depth)
	case l.key == "ignoreunknown":
		for _, a := range args {
			r.ignored = append(r.ignored, strings.Split(strings.ToLower(a), ",")...)
		}
	case heeded(l.key):
		if l.rest == "" {
			return fmt.Errorf("%s: %s has no value", l.at, l.key)
		}
		r.mayBeBeyond(here, l)
		here.lines = append(here.lines, l)
	case !passedOver(l.key) && !matchAny(l.key, r.ignored):
		r.goBeyond(l, "the keyword "+l.key)
	}
	return nil
}

// mayBeBeyond notes a setting that depends on what only ssh can find out.
func (r *reader) mayBeBeyond(here *section, l line) {
	for _, c := range here.holds {
		if !c.understood() {
			r.goBeyond(l, l.key+" below a Match "+c.kind)
		}
	}
	if l.key == "canonicalizehostname" && !slices.Contains([]string{"no", "false", "none"}, strings.ToLower(l.rest)) {
		r.goBeyond(l, "CanonicalizeHostname")
	}
}

func (r *reader) goBeyond(l line, what string) {
	if r.tree.beyond == nil {
		r.tree.beyond = fmt.Errorf("%s: %s is understood by the ssh program alone, and there is none here: install OpenSSH's client, or take it out", l.at, what)
	}
}

// include reads the files that a line names in the place of the line. Those
// that do not exist are passed over.
func (r *reader) include(here *section, l line, dir string, private bool, depth int) error {
	for _, pattern := range l.args {
		path, err := r.path(l, pattern, dir)
		if err != nil {
			return err
		}
		names, err := filepath.Glob(path)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", l.at, pattern, err)
		}
		for _, name := range names {
			f, err := r.file(name, dir, private, depth+1)
			if err != nil {
				return fmt.Errorf("%s: %w", l.at, err)
			}
			if slices.ContainsFunc(here.holds, func(c criterion) bool { return !c.understood() }) && f.says() {
				r.goBeyond(l, "an Include below this Match")
			}
			here.lines = append(here.lines, line{at: l.at, included: f})
		}
	}
	return nil
}

func (r *reader) path(l line, pattern, dir string) (string, error) {
	if strings.ContainsAny(pattern, "%$") {
		r.goBeyond(l, "a token in Include")
	}
	switch {
	case strings.HasPrefix(pattern, "~/"):
		return filepath.Join(r.options.Home, pattern[2:]), nil
	case strings.HasPrefix(pattern, "~"):
		return "", fmt.Errorf("%s: %s: another user's home is not understood; write the path out", l.at, pattern)
	case filepath.IsAbs(pattern):
		return pattern, nil
	}
	return filepath.Join(dir, pattern), nil
}

// says tells whether a file sets anything.
func (f *file) says() bool {
	return slices.ContainsFunc(f.sections, func(s section) bool {
		return slices.ContainsFunc(s.lines, func(l line) bool { return l.included == nil || l.included.says() })
	})
}
