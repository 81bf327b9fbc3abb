package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"

	"lockstep/steps"
)

// absentVersion is the Version of a path where nothing is.
const absentVersion = "absent"

// statFormat is understood alike by GNU and busybox stat. The times stand as
// text because busybox has no other way to give nanoseconds.
const statFormat = "%f %u %g %s %U %G %y %z"

// statFunctions are what Stat and Commit share, so that a Version is compared
// by the code that made it. version PATH prints it: a directory's does not
// change with its entries, and a link's covers what it leads to.
const statFunctions = `TZ=UTC0; export TZ
own() {
if [ -d "$1" ] && [ ! -L "$1" ]; then stat -c 'd:%i:%f:%u:%g' -- "$1"
else stat -c '%i:%s:%y:%z:%f:%u:%g' -- "$1"; fi
}
version() {
if [ -L "$1" ]; then
printf '%s -> %s\n' "$(own "$1")" "$(stat -L -c '%i:%s:%y:%z:%f:%u:%g' -- "$1" 2>/dev/null || echo dangling)"
elif [ -e "$1" ]; then own "$1"
else echo ` + absentVersion + `; fi
}
`

// Stat describes path without following a final link. Version is a string of
// the host's own making: inode, size, times, mode and owner.
func (c *Conn) Stat(ctx context.Context, path string) (steps.Stat, error) {
	a, err := c.ask(ctx, statScript(path))
	if err != nil {
		return steps.Stat{}, fmt.Errorf("stat %s: %w", path, err)
	}
	if a.code == codeMissing {
		return steps.Stat{Kind: steps.Absent, Version: absentVersion}, nil
	}
	if a.code != 0 {
		return steps.Stat{}, readProblem("stat", path, "file", a)
	}
	st, err := parseStat(string(a.out))
	if err != nil {
		return st, fmt.Errorf("stat %s: %w", path, err)
	}
	return st, nil
}

func statScript(path string) string {
	return statFunctions + fmt.Sprintf(`p=%s
m=$(stat -c '%s' -- "$p" 2>&1) || case $m in
*"o such file"*|*"ot a directory"*) exit %d;;
*"ermission denied"*) exit %d;;
*) printf '%%s\n' "$m" >&2; exit 1;;
esac
printf '%%s\n' "$m"
version "$p"
if [ -L "$p" ]; then readlink "$p"; fi
`, shellescape.Quote(path), statFormat, codeMissing, codeDenied)
}

func parseStat(text string) (steps.Stat, error) {
	lines := strings.SplitN(text, "\n", 3)
	f := strings.Fields(lines[0])
	if len(lines) < 3 || len(f) != 12 {
		return steps.Stat{}, fmt.Errorf("the host's stat answers %q", lines[0])
	}
	raw, err := strconv.ParseUint(f[0], 16, 32)
	size, sizeErr := strconv.ParseInt(f[3], 10, 64)
	mtime, mtimeErr := parseTime(f[6], f[7])
	ctime, ctimeErr := parseTime(f[9], f[10])
	if err := errors.Join(err, sizeErr, mtimeErr, ctimeErr); err != nil {
		return steps.Stat{}, err
	}
	if ctime.After(mtime) {
		mtime = ctime
	}
	return steps.Stat{
		Kind: kindOf(raw), Mode: fs.FileMode(raw & 0o7777), Size: size,
		Owner: known(f[4], f[1]), Group: known(f[5], f[2]),
		Changed: mtime, Target: strings.TrimSuffix(lines[2], "\n"), Version: lines[1],
	}, nil
}

// parseTime reads what TZ=UTC0 makes of %y; the fraction may be missing.
func parseTime(date, clock string) (time.Time, error) {
	return time.Parse("2006-01-02 15:04:05", date+" "+clock)
}

func kindOf(raw uint64) steps.FileKind {
	switch raw & 0o170000 {
	case 0o100000:
		return steps.Regular
	case 0o040000:
		return steps.Directory
	case 0o120000:
		return steps.Link
	}
	return steps.Special
}

// known is the name, or the number where stat knows no name for it.
func known(name, number string) string {
	if name == "UNKNOWN" {
		return number
	}
	return name
}
