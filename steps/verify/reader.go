package verify

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"lockstep/steps"
)

// user is somebody who must be able to read files on the host.
type user struct {
	name   string
	groups []string
}

// user asks the host for somebody's groups.
func (w world) user(ctx context.Context, name string) (user, error) {
	out, err := w.view.Self.Query(ctx, groupsQuery(name))
	if err != nil {
		return user{}, err
	}
	if out.Code != 0 {
		return user{}, &steps.Problem{What: fmt.Sprintf("%s has no user %s, who is to read certificates there", w.view.Self.Name(), name),
			Why: strings.TrimSpace(string(out.Stderr)), Do: "set reader to the user as whom the server runs, or install the server first"}
	}
	return user{name, strings.Fields(string(out.Stdout))}, nil
}

func groupsQuery(name string) steps.Command {
	return steps.Command{Argv: []string{"id", "-Gn", "--", name}}
}

// mayRead returns a Problem if the user cannot read the file: a right on it or on
// a directory above it is missing. Access lists are not looked at.
func (w world) mayRead(ctx context.Context, u user, file string) error {
	at, s, err := steps.Follow(ctx, w.view.Self, file)
	if err != nil || u.name == "root" {
		return err
	}
	if !u.may(s, 4) {
		return u.problem(file, at, s, "read")
	}
	for at != "/" {
		var dir string
		dir, s, err = steps.Follow(ctx, w.view.Self, path.Dir(at))
		if err != nil {
			return err
		}
		if !u.may(s, 1) {
			return u.problem(file, dir, s, "enter")
		}
		at = dir
	}
	return nil
}

// may looks for a right (4 to read, 1 to enter a directory) where the kernel
// does: only the first that fits of owner, group and others counts (see
// path_resolution(7)).
func (u user) may(s steps.Stat, right fs.FileMode) bool {
	switch {
	case s.Owner == u.name:
		return s.Mode&(right<<6) != 0
	case slices.Contains(u.groups, s.Group):
		return s.Mode&(right<<3) != 0
	}
	return s.Mode&right != 0
}

func (u user) problem(file, at string, s steps.Stat, verb string) error {
	return &steps.Problem{
		What: fmt.Sprintf("%s cannot read %s", u.name, file),
		Why:  fmt.Sprintf("%s belongs to %s:%s with mode %04o, so %s may not %s it", at, s.Owner, s.Group, s.Mode.Perm(), u.name, verb),
		Do:   "give it the owner, group and mode that the server needs: it would not start, or start without TLS",
	}
}
