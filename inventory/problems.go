package inventory

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
)

// mayShowPassword finds lines that an excerpt must not repeat.
var mayShowPassword = regexp.MustCompile(`(?i)(pass|passwd|password|passphrase|secret|token)['"]?\s*[:=]|sshpass`)

var (
	unknownTag   = regexp.MustCompile(`^the tag .* is not known here$`)
	unknownAlias = regexp.MustCompile(`unknown anchor '.*' referenced$`)
)

// discreet leaves out the excerpt of a line that may show a password, and the
// names of tags and aliases: a password without quotes that begins with ! or *
// is taken for one. Of what was encrypted, no line is shown at all.
func discreet(err error, sealed bool) error {
	e, ok := err.(*source.Error)
	if !ok {
		return err
	}
	quiet := *e
	if unknownAlias.MatchString(e.Msg) {
		quiet.Msg = unknownAlias.ReplaceAllLiteralString(e.Msg, "an alias names an anchor that is not there")
		quiet.Hint = "a value that begins with * needs quotes"
	}
	if sealed || mayShowPassword.MatchString(e.Line) {
		quiet.Line = ""
		if unknownTag.MatchString(e.Msg) {
			quiet.Msg, quiet.Hint = "the tag is not known here", "a value that begins with ! needs quotes"
		}
	}
	return &quiet
}

// inOrder sorts problems by their place, files by which has the first problem.
func inOrder(problems *multierror.Error) error {
	if problems == nil {
		return nil
	}
	rank := map[string]int{}
	place := func(err error) (file, line, col int) {
		e, ok := err.(*source.Error)
		if !ok {
			return -1, 0, 0
		}
		if _, ranked := rank[e.Pos.File]; !ranked {
			rank[e.Pos.File] = len(rank)
		}
		return rank[e.Pos.File], e.Pos.Line, e.Pos.Col
	}
	for _, err := range problems.Errors {
		place(err)
	}
	slices.SortStableFunc(problems.Errors, func(a, b error) int {
		fa, la, ca := place(a)
		fb, lb, cb := place(b)
		return cmp.Or(cmp.Compare(fa, fb), cmp.Compare(la, lb), cmp.Compare(ca, cb))
	})
	problems.Errors = slices.CompactFunc(problems.Errors, func(a, b error) bool { return a.Error() == b.Error() })
	return problems.ErrorOrNil()
}
