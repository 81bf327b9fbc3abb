package template

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"lockstep/steps"
	"lockstep/steps/template/jinja"
)

// folder is where included templates are: that of src, or of the plan file.
// Nothing outside of it can be included.
func (s *step) folder() string {
	if s.src != "" {
		return filepath.Dir(s.src)
	}
	return filepath.Dir(s.content.Pos.File)
}

func (s *step) below(name string) string { return filepath.Join(s.folder(), name) }

// inside refuses names that lead out of the folder.
func inside(name string) error {
	if !filepath.IsLocal(name) || name != path.Clean(name) || strings.ContainsAny(name, "\x00\n\\") {
		return errors.New("only files in the template's folder and below can be included")
	}
	return nil
}

// local parses the template as it is on this machine now, or returns nil when
// it is not there yet.
func (s *step) local() (*jinja.Template, error) {
	text := s.content.Text
	if s.src != "" {
		data, err := readAll(func() (*os.File, error) { return os.Open(s.src) })
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the template %s cannot be read: %w", s.src, err)
		}
		text = data
	}
	t, err := s.parse(text, s.localInclude)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return t, err
}

// localInclude reads an included template without leaving the folder, also not
// through links.
func (s *step) localInclude(name string) (string, error) {
	if err := inside(name); err != nil {
		return "", err
	}
	return readAll(func() (*os.File, error) { return os.OpenInRoot(s.folder(), name) })
}

func readAll(open func() (*os.File, error)) (string, error) {
	f, err := open()
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return "", errors.New("it is not a file")
	}
	data, err := io.ReadAll(io.LimitReader(f, steps.MaxRead))
	return string(data), err
}

// read gets the template through the control machine's reader, and tells
// whether only the real run will make it.
func (s *step) read(ctx context.Context, control steps.Reader) (string, bool, error) {
	if s.src == "" {
		return s.content.Text, false, nil
	}
	at, found, err := steps.Follow(ctx, control, s.src)
	switch {
	case err != nil:
		return "", false, err
	case found.Kind == steps.Absent:
		return "", false, &steps.Problem{What: s.src + " does not exist on the control machine",
			Do: "make it, or correct src; a relative src counts from the plan's folder"}
	case found.Kind != steps.Regular:
		return "", false, &steps.Problem{What: fmt.Sprintf("%s on the control machine is a %s, not a file", s.src, found.Kind)}
	}
	data, err := control.ReadFile(ctx, at)
	if err != nil {
		return "", false, fmt.Errorf("%s: %w", s.src, err)
	}
	return string(data), found.Unsettled, nil
}

// controlInclude is localInclude through the control machine's reader. It goes
// through no link at all.
func (s *step) controlInclude(ctx context.Context, control steps.Reader) func(string) (string, error) {
	return func(name string) (string, error) {
		if err := inside(name); err != nil {
			return "", err
		}
		at := s.folder()
		parts := strings.Split(name, "/")
		for i, part := range parts {
			at = path.Join(at, part)
			found, err := control.Stat(ctx, at)
			switch {
			case err != nil:
				return "", err
			case found.Kind == steps.Absent:
				return "", fmt.Errorf("%s does not exist on the control machine", at)
			case found.Kind == steps.Link:
				return "", fmt.Errorf("%s is a link, and included templates are read through none", at)
			case (found.Kind == steps.Directory) == (i == len(parts)-1) || found.Kind == steps.Special:
				return "", fmt.Errorf("%s is a %s", at, found.Kind)
			}
		}
		data, err := control.ReadFile(ctx, at)
		return string(data), err
	}
}
