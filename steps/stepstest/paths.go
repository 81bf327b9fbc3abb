package stepstest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"lockstep/steps"
)

func (f *Fake) find(p string, follow bool) (*entry, error) {
	at, err := f.resolve(p, follow, 0)
	if err != nil {
		return nil, err
	}
	e := f.files[at]
	if e.lost != "" {
		return nil, &steps.Unforeseen{Resource: p, By: e.lost}
	}
	return e, nil
}

// missing says that path is not there; last tells that all above it is.
type missing struct {
	path string
	last bool
}

func (m *missing) Error() string { return m.path + ": " + fs.ErrNotExist.Error() }
func (m *missing) Unwrap() error { return fs.ErrNotExist }

// resolve follows links above p and, with follow, at p itself.
func (f *Fake) resolve(p string, follow bool, depth int) (string, error) {
	if depth > 20 {
		return "", fmt.Errorf("%s: too many links", p)
	}
	p = path.Clean(p)
	if p == "/" {
		return p, nil
	}
	dir, err := f.resolve(path.Dir(p), true, depth+1)
	if err != nil {
		return "", wrapMissing(err, p)
	}
	at := path.Join(dir, path.Base(p))
	e := f.files[at]
	switch {
	case e == nil && f.files[dir].stat.Kind != steps.Directory:
		return "", fmt.Errorf("%s is a %s, not a directory", dir, f.files[dir].stat.Kind)
	case e == nil:
		return "", &missing{at, true}
	case e.stat.Kind != steps.Link || !follow:
		return at, nil
	}
	target := e.stat.Target
	if !strings.HasPrefix(target, "/") {
		target = path.Join(dir, target)
	}
	return f.resolve(target, true, depth+1)
}

func wrapMissing(err error, p string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &missing{p, false}
	}
	return err
}
