package remote

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"lockstep/steps"
)

// Codes by which our read scripts say what they found.
const (
	codeMissing = 44
	codeDenied  = 45
	codeTooBig  = 46
	codeKind    = 47
)

// ReadFile returns a regular file's content, following links.
func (c *Conn) ReadFile(ctx context.Context, path string) ([]byte, error) {
	a, err := c.ask(ctx, readScript(path))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if a.code != 0 {
		return nil, readProblem("read", path, "regular file", a)
	}
	return a.out, nil
}

// readScript asks for one byte more than is wanted, so that a file which grows
// in this moment is noticed.
func readScript(path string) string {
	p := shellescape.Quote(path)
	return fmt.Sprintf(`p=%s
[ -e "$p" ] || %s
[ -f "$p" ] || exit %d
[ -r "$p" ] || exit %d
[ "$(wc -c <"$p")" -le %d ] || exit %d
exec cat <"$p"`, p, missingScript(), codeKind, codeDenied, steps.MaxRead, codeTooBig)
}

// missingScript ends the script for "$p", which test -e does not see: it is
// missing, or one of its directories may not be searched.
func missingScript() string {
	return `{ m=$(stat -L "$p" 2>&1 >/dev/null); case $m in *"ermission denied"*) exit ` +
		strconv.Itoa(codeDenied) + `;; esac; exit ` + strconv.Itoa(codeMissing) + `; }`
}

// ReadDir returns the names in a directory in byte order.
func (c *Conn) ReadDir(ctx context.Context, path string) ([]string, error) {
	a, err := c.ask(ctx, dirScript(path))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	if a.code != 0 {
		return nil, readProblem("list", path, "directory", a)
	}
	names := strings.Split(string(a.out), "\x00")
	names = names[:len(names)-1]
	slices.Sort(names)
	return names, nil
}

// dirScript lists by globs, since ls alters names. A glob without a match
// stays as it is, and is no name then.
func dirScript(path string) string {
	return fmt.Sprintf(`p=%s
[ -e "$p" ] || %s
[ -d "$p" ] || exit %d
[ -r "$p" ] && cd "$p" || exit %d
for n in * .[!.]* ..?*; do
if [ -e "$n" ] || [ -L "$n" ]; then printf '%%s\000' "$n"; fi
done`, shellescape.Quote(path), missingScript(), codeKind, codeDenied)
}

func readProblem(verb, path, kind string, a answer) error {
	switch a.code {
	case codeMissing:
		return &fs.PathError{Op: verb, Path: path, Err: fs.ErrNotExist}
	case codeDenied:
		return &fs.PathError{Op: verb, Path: path, Err: fs.ErrPermission}
	case codeTooBig:
		return &fs.PathError{Op: verb, Path: path, Err: steps.ErrTooBig}
	case codeKind:
		return fmt.Errorf("%s %s: not a %s", verb, path, kind)
	}
	return fmt.Errorf("%s %s: %s", verb, path, orElse(strings.TrimSpace(string(a.err)), "code %d", a.code))
}
