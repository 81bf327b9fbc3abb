package mycnf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"lockstep/internal/optionfile"
	"lockstep/steps"
)

// graph is what a server would read, with the path each file really has.
type graph struct {
	*optionfile.Graph
	real   map[string]string // by the name under which the server opens it
	target string            // the designated file's real path
}

// graph reads all files that the server reads, with edited in the place of the
// designated file.
func (s *step) graph(ctx context.Context, r steps.Reader, edited []byte) (*graph, error) {
	l := &loader{ctx: ctx, r: r, real: map[string]string{}, loaded: map[string]loaded{}, edited: edited}
	var err error
	if l.target, err = l.resolve(s.path); err != nil {
		return nil, err
	}
	g, err := optionfile.Resolve(l, "/", s.roots()...)
	if err != nil {
		return nil, err
	}
	return &graph{g, l.real, l.target}, nil
}

// roots are where the server begins (MySQL Reference Manual, "Using Option
// Files"; the same in MariaDB). Files in a home directory are not looked at: a
// server under systemd has none.
func (s *step) roots() []optionfile.Root {
	if s.main != "" {
		return []optionfile.Root{{Path: s.main, Required: true}}
	}
	return []optionfile.Root{{Path: "/etc/my.cnf"}, {Path: "/etc/mysql/my.cnf"}}
}

// Expects implements steps.Expecter: the files where the server begins, the
// designated one, and what is above them, since each may be a link.
func (s *step) Expects() steps.Expectation {
	files := []string{s.path}
	for _, r := range s.roots() {
		files = append(files, r.Path)
	}
	all := slices.Clone(files)
	for _, f := range files {
		for dir := path.Dir(f); dir != "/" && !slices.Contains(all, dir); dir = path.Dir(dir) {
			all = append(all, dir)
		}
	}
	return steps.Expectation{Paths: all}
}

// loader gives a host's files to optionfile.Resolve.
type loader struct {
	ctx    context.Context
	r      steps.Reader
	target string
	edited []byte

	mu     sync.Mutex
	real   map[string]string
	loaded map[string]loaded
}

type loaded struct {
	data []byte
	err  error
}

// Load implements optionfile.Loader.
func (l *loader) Load(name string) ([]byte, error) {
	l.mu.Lock()
	got, ok := l.loaded[name]
	l.mu.Unlock()
	if !ok {
		got.data, got.err = l.fetch(name)
		l.mu.Lock()
		l.loaded[name] = got
		l.mu.Unlock()
	}
	return got.data, got.err
}

func (l *loader) fetch(name string) ([]byte, error) {
	at, err := l.resolve(name)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.real[name] = at
	l.mu.Unlock()
	st, err := l.r.Stat(l.ctx, at)
	switch {
	case err != nil:
		return nil, err
	case st.Kind == steps.Directory:
		return nil, fmt.Errorf("%w: it is a directory", optionfile.ErrIgnored)
	case st.Kind == steps.Regular && st.Mode&0o002 != 0:
		return nil, fmt.Errorf("%w: everybody may write to it", optionfile.ErrIgnored)
	case at == l.target:
		return l.edited, nil
	}
	return l.r.ReadFile(l.ctx, at)
}

// List implements optionfile.Loader. It reads the directory's option files all
// at once ahead of their use, so that they cost one round trip.
func (l *loader) List(dir string) ([]string, error) {
	names, err := l.r.ReadDir(l.ctx, dir)
	if err != nil {
		return nil, err
	}
	at, err := l.resolve(dir)
	if err != nil {
		return nil, err
	}
	if path.Dir(l.target) == at && !slices.Contains(names, path.Base(l.target)) {
		names = append(names, path.Base(l.target))
	}
	var wg sync.WaitGroup
	for _, name := range names {
		if strings.HasSuffix(name, ".cnf") {
			wg.Go(func() { _, _ = l.Load(strings.TrimRight(dir, "/") + "/" + name) })
		}
	}
	wg.Wait()
	return names, nil
}

// resolve follows links in every part of a path, as opening the file does. A
// part that does not exist ends the search: the rest has no links.
func (l *loader) resolve(name string) (string, error) {
	at, rest := "/", strings.Split(path.Clean(name), "/")
	for hops := 0; len(rest) > 0; hops++ {
		if hops > 100 {
			return "", fmt.Errorf("%s: too many links", name)
		}
		next := path.Join(at, rest[0])
		rest = rest[1:]
		if next == at {
			continue
		}
		st, err := l.r.Stat(l.ctx, next)
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && st.Kind == steps.Absent:
			return path.Join(append([]string{next}, rest...)...), nil
		case err != nil:
			return "", err
		case st.Kind != steps.Link:
			at = next
			continue
		}
		target := st.Target
		if !path.IsAbs(target) {
			target = path.Join(at, target)
		}
		at, rest = "/", append(strings.Split(path.Clean(target), "/"), rest...)
	}
	return at, nil
}
