package stepstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"

	"lockstep/steps"
)

// Stat implements steps.Reader.
func (f *Fake) Stat(ctx context.Context, p string) (steps.Stat, error) {
	if err := f.read(ctx); err != nil {
		return steps.Stat{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.find(p, false)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if by := f.actOn(path.Clean(p)); by != "" {
			return steps.Stat{}, &steps.Unforeseen{Resource: p, By: by}
		}
		return f.absent(path.Clean(p)), nil
	case err != nil:
		return steps.Stat{}, err
	}
	return e.stat, nil
}

// ReadFile implements steps.Reader.
func (f *Fake) ReadFile(ctx context.Context, p string) ([]byte, error) {
	if err := f.read(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.find(p, true)
	switch {
	case err != nil:
		return nil, err
	case e.stat.Kind != steps.Regular:
		return nil, fmt.Errorf("%s is a %s, not a file", p, e.stat.Kind)
	case e.stat.Size > steps.MaxRead:
		return nil, fmt.Errorf("%s: %w", p, steps.ErrTooBig)
	}
	return slices.Clone(e.data), nil
}

// Describe implements steps.Reader. The content can be opened on any host.
func (f *Fake) Describe(ctx context.Context, p string) (*steps.Content, error) {
	if err := f.read(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.find(p, true)
	switch {
	case err != nil:
		return nil, err
	case e.stat.Kind != steps.Regular:
		return nil, fmt.Errorf("%s is a %s, not a file", p, e.stat.Kind)
	}
	c := steps.NewContent(nil, e.stat.Unsettled)
	if data := slices.Clone(e.data); !c.Unsettled {
		c = steps.NewContent(data, false)
		c.Data, c.Open = nil, func() (steps.Source, error) { return opened{bytes.NewReader(data)}, nil }
	}
	return c, nil
}

// opened is content in memory.
type opened struct{ *bytes.Reader }

func (opened) Close() error { return nil }

// ReadDir implements steps.Reader.
func (f *Fake) ReadDir(ctx context.Context, p string) ([]string, error) {
	if err := f.read(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.resolve(p, true, 0)
	if err != nil {
		return nil, err
	}
	if f.files[at].stat.Kind != steps.Directory {
		return nil, fmt.Errorf("%s is a %s, not a directory", p, f.files[at].stat.Kind)
	}
	return f.below(at), nil
}

func (f *Fake) below(dir string) []string {
	var names []string
	for p := range f.files {
		if p != "/" && path.Dir(p) == dir {
			names = append(names, path.Base(p))
		}
	}
	slices.Sort(names)
	return names
}

// WriteFile implements steps.Host.
func (f *Fake) WriteFile(ctx context.Context, p string, data []byte, a steps.Attrs) error {
	if err := f.write(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.make(p, steps.Regular, 0o600)
	if err != nil {
		return err
	}
	e.data, e.stat.Size, e.stat.Unsettled = slices.Clone(data), int64(len(data)), a.Unsettled && f.preview
	f.setAttrs(e, a)
	return nil
}

// WriteContent implements steps.Host.
func (f *Fake) WriteContent(ctx context.Context, p string, from *steps.Content, a steps.Attrs) error {
	r, err := from.Open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(io.NewSectionReader(r, 0, from.Size))
	if err != nil {
		return err
	}
	return f.WriteFile(ctx, p, data, a)
}

// Mkdir implements steps.Host.
func (f *Fake) Mkdir(ctx context.Context, p string, a steps.Attrs) error {
	if err := f.write(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.make(p, steps.Directory, 0o700)
	if err != nil {
		return err
	}
	f.setAttrs(e, a)
	return nil
}

// SetAttrs implements steps.Host.
func (f *Fake) SetAttrs(ctx context.Context, p string, a steps.Attrs) error {
	if err := f.write(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.find(p, false)
	if err != nil {
		return err
	}
	f.setAttrs(e, a)
	return nil
}

// Remove implements steps.Host.
func (f *Fake) Remove(ctx context.Context, p string) error {
	if err := f.write(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.resolve(p, false, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(f.below(at)) > 0 {
		return fmt.Errorf("%s: directory not empty", p)
	}
	f.drop(at)
	return nil
}

// Delete takes a path and all below it away, as somebody else would.
func (f *Fake) Delete(p string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for at := range f.files {
		if below(at, path.Clean(p)) {
			f.drop(at)
		}
	}
}

// drop removes what is at a path, which changes its directory too.
func (f *Fake) drop(at string) {
	delete(f.files, at)
	f.gone[at] = f.preview
	f.entered(path.Dir(at))
}

// entered notes that dir got or lost an entry.
func (f *Fake) entered(dir string) {
	if e := f.files[dir]; e != nil {
		f.clock = f.clock.Add(time.Second)
		e.stat.Changed, e.stat.Pending = f.clock, f.preview
	}
}

// absent describes a path at which nothing is.
func (f *Fake) absent(p string) steps.Stat {
	return steps.Stat{Kind: steps.Absent, Pending: f.gone[p]}
}

// make returns what is at p after links, or puts something new of kind there.
func (f *Fake) make(p string, kind steps.FileKind, mode fs.FileMode) (*entry, error) {
	at, err := f.resolve(p, true, 0)
	if err == nil {
		if found := f.files[at].stat.Kind; found != kind {
			return nil, fmt.Errorf("%s is a %s, not a %s", p, found, kind)
		}
		return f.files[at], nil
	}
	var missing *missing
	if !errors.As(err, &missing) || !missing.last {
		return nil, err
	}
	e := &entry{stat: steps.Stat{Kind: kind, Mode: mode, Owner: "root", Group: "root"}}
	f.files[missing.path] = e
	f.entered(path.Dir(missing.path))
	return e, nil
}

func (f *Fake) setAttrs(e *entry, a steps.Attrs) {
	if a.Owner != "" {
		e.stat.Owner = a.Owner
	}
	if a.Group != "" {
		e.stat.Group = a.Group
	}
	if a.Mode != nil {
		e.stat.Mode = *a.Mode
	}
	f.touch(e, true)
}
