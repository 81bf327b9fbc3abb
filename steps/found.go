package steps

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxLinks is how many links Follow goes through, as Linux counts them.
const maxLinks = 40

// Follow goes from path through symbolic links and returns where they end,
// with what is there: never a link. A link that leads nowhere is a *Problem,
// and so is one whose target only the host's kernel could follow surely.
func Follow(ctx context.Context, r Reader, at string) (string, Stat, error) {
	begin := at
	for range maxLinks {
		s, err := r.Stat(ctx, at)
		switch {
		case err != nil:
			return at, s, err
		case s.Kind == Absent && at != begin:
			return at, s, &Problem{What: fmt.Sprintf("%s is a link that leads to %s, which does not exist", begin, at),
				Do: "remove the link, or make what it leads to"}
		case s.Kind != Link:
			return at, s, nil
		}
		next, err := linkTarget(at, s.Target)
		if err != nil {
			return at, s, err
		}
		at = next
	}
	return at, Stat{}, &Problem{What: fmt.Sprintf("%s is a link that leads through more than %d others", begin, maxLinks)}
}

// linkTarget refuses "..": what is above a directory is not above its name
// when that is a link too.
func linkTarget(link, target string) (string, error) {
	if path.IsAbs(target) {
		return path.Clean(target), nil
	}
	if slices.Contains(strings.Split(target, "/"), "..") {
		return "", &Problem{What: fmt.Sprintf("%s is a link to %s", link, target),
			Why: "a target with .. cannot be followed without asking the kernel",
			Do:  "name the file itself instead of the link"}
	}
	return path.Join(path.Dir(link), target), nil
}

// MissingParents returns the directories above path that do not exist, the
// highest first. Something else than a directory there is a *Problem.
func MissingParents(ctx context.Context, r Reader, at string) ([]string, error) {
	var missing []string
	for dir := path.Dir(at); ; dir = path.Dir(dir) {
		_, s, err := Follow(ctx, r, dir)
		switch {
		case err != nil:
			return nil, err
		case s.Kind == Directory:
			slices.Reverse(missing)
			return missing, nil
		case s.Kind != Absent:
			return nil, &Problem{What: fmt.Sprintf("%s is a %s, not a directory", dir, s.Kind),
				Why: at + " is to be below it", Do: "move it away, or choose another path"}
		case dir == "/":
			return nil, fmt.Errorf("%s has no root directory", r.Name())
		}
		missing = append(missing, dir)
	}
}

// ReadContent reads the regular file at path, which Stat described as s, for
// one side of an edit. One over MaxRead is described by its size alone.
func ReadContent(ctx context.Context, r Reader, at string, s Stat) (*Content, error) {
	data, err := r.ReadFile(ctx, at)
	if errors.Is(err, ErrTooBig) {
		return &Content{Size: s.Size}, nil
	}
	if err != nil {
		return nil, err
	}
	return NewContent(data, s.Unsettled), nil
}
