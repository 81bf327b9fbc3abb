package executor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"lockstep/steps"
)

// checkParent makes sure that the directory of p is or will be there.
func (o *overlay) checkParent(ctx context.Context, p string) error {
	_, st, err := o.resolve(ctx, path.Dir(p))
	if err != nil {
		return err
	}
	if st.Kind != steps.Directory {
		return &steps.Problem{
			What: fmt.Sprintf("%s cannot be made: %s is %s", p, path.Dir(p), st.Kind),
			Do:   "add a directory step before it", Err: fs.ErrNotExist,
		}
	}
	return nil
}

// checkOwners makes sure that the host knows the owner and group of a.
func (o *overlay) checkOwners(ctx context.Context, a steps.Attrs) error {
	var problems [2]error
	var asks sync.WaitGroup
	check := func(at int, what, name string, ask func(string) steps.Command) {
		if isNumber(name) {
			return
		}
		asks.Go(func() {
			out, err := o.base.Query(ctx, ask(name))
			if err == nil && out.Code != 0 && o.unforeseen(what, "*") == nil {
				err = &steps.Problem{
					What: fmt.Sprintf("the %s %q does not exist on %s", what, name, o.Name()),
					Do:   "install the package that makes it, or name another in the plan",
				}
			}
			problems[at] = err
		})
	}
	check(0, "user", a.Owner, userQuery)
	check(1, "group", a.Group, groupQuery)
	asks.Wait()
	return errors.Join(problems[:]...)
}

// isNumber reports whether a name is an id, or none, which nobody need know.
func isNumber(name string) bool { return strings.Trim(name, "0123456789") == "" }

func userQuery(name string) steps.Command {
	return steps.Command{Argv: []string{"id", "-u", "--", name}}
}

func groupQuery(name string) steps.Command {
	return steps.Command{Argv: []string{"getent", "group", name}}
}
