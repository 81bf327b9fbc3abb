// Package serverfiles knows which option files a MySQL or MariaDB server of a
// host reads, and asks the host's own programs what they make of a text. It is
// shared by kinds and is none itself. How an option file is written is known by
// internal/optionfile; it writes nothing.
package serverfiles

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

// Server says where a server begins to read. The zero Server is one that is
// started without --defaults-file.
type Server struct {
	Main   string
	Suffix string // of --defaults-group-suffix: [mysqld-a] is read, too, with -a
}

// Draft is a text that is to stand in the place of a file; a nil one stands for
// no file.
type Draft struct {
	Path string
	Text []byte
}

// Files are what a server would read.
type Files struct {
	*optionfile.Graph
	// Pending: this run has written one of the files, so that the host's own
	// programs may not see it yet.
	Pending bool
	real    map[string]string
	server  Server
}

// Real is the path that a file really has, by the name under which the server
// opens it.
func (f *Files) Real(name string) string { return f.real[name] }

// Read reads all files that the server reads, with drafts in the place of those
// on the host.
func (s Server) Read(ctx context.Context, r steps.Reader, drafts ...Draft) (*Files, error) {
	l := &loader{ctx: ctx, r: r, real: map[string]string{}, loaded: map[string]loaded{}, drafts: map[string][]byte{}}
	for _, d := range drafts {
		at, err := RealPath(ctx, r, d.Path)
		if err != nil {
			return nil, err
		}
		l.drafts[at] = d.Text
	}
	g, err := optionfile.Resolve(l, "/", s.roots()...)
	if err != nil {
		return nil, err
	}
	return &Files{g, l.pending, l.real, s}, nil
}

// roots are where the server begins (MySQL Reference Manual, "Using Option
// Files"; the same in MariaDB). Files in a home directory are not looked at: a
// server under systemd has none.
func (s Server) roots() []optionfile.Root {
	if s.Main != "" {
		return []optionfile.Root{{Path: s.Main, Required: true}}
	}
	return []optionfile.Root{{Path: "/etc/my.cnf"}, {Path: "/etc/mysql/my.cnf"}}
}

// Expects are the files where the server begins, the others given, and what is
// above them, since each may be a link.
func (s Server) Expects(files ...string) []string {
	for _, r := range s.roots() {
		files = append(files, r.Path)
	}
	all := slices.Clone(files)
	for _, f := range files {
		for dir := path.Dir(f); dir != "/" && !slices.Contains(all, dir); dir = path.Dir(dir) {
			all = append(all, dir)
		}
	}
	return all
}

// loader gives a host's files to optionfile.Resolve.
type loader struct {
	ctx    context.Context
	r      steps.Reader
	drafts map[string][]byte // by real path

	mu      sync.Mutex
	real    map[string]string
	loaded  map[string]loaded
	pending bool
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
	at, err := RealPath(l.ctx, l.r, name)
	if err != nil {
		return nil, err
	}
	st, err := l.r.Stat(l.ctx, at)
	l.mu.Lock()
	l.real[name] = at
	l.pending = l.pending || st.Pending
	l.mu.Unlock()
	draft, drafted := l.drafts[at]
	switch {
	case err != nil:
		return nil, err
	case drafted && draft == nil:
		return nil, fs.ErrNotExist
	case st.Kind == steps.Directory:
		return nil, fmt.Errorf("%w: it is a directory", optionfile.ErrIgnored)
	case st.Kind == steps.Regular && st.Mode&0o002 != 0:
		return nil, fmt.Errorf("%w: everybody may write to it", optionfile.ErrIgnored)
	case drafted:
		return draft, nil
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
	at, err := RealPath(l.ctx, l.r, dir)
	if err != nil {
		return nil, err
	}
	for draft, text := range l.drafts {
		if text != nil && path.Dir(draft) == at && !slices.Contains(names, path.Base(draft)) {
			names = append(names, path.Base(draft))
		}
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

// RealPath follows links in every part of a path, as opening the file does. A
// part that does not exist ends the search: the rest has no links.
func RealPath(ctx context.Context, r steps.Reader, name string) (string, error) {
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
		st, err := r.Stat(ctx, next)
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
