package executor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

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
	var problems []error
	check := func(what, name string, argv ...string) {
		if name == "" || strings.Trim(name, "0123456789") == "" {
			return
		}
		out, err := o.base.Query(ctx, steps.Command{Argv: argv})
		if err == nil && out.Code != 0 && o.unforeseen(what, "*") == nil {
			err = &steps.Problem{
				What: fmt.Sprintf("the %s %q does not exist on %s", what, name, o.Name()),
				Do:   "install the package that makes it, or name another in the plan",
			}
		}
		problems = append(problems, err)
	}
	check("user", a.Owner, "id", "-u", "--", a.Owner)
	check("group", a.Group, "getent", "group", a.Group)
	return errors.Join(problems...)
}
