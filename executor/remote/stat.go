package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"lockstep/steps"
)

// absentVersion is the Version of a path where nothing is.
const absentVersion = "absent"

// statFormat is understood alike by GNU and busybox stat. The times stand as
// text because busybox has no other way to give nanoseconds. Its second and
// third line are the Version of a file and of a directory, as own in
// statFunctions makes them.
const statFormat = `%f %u %g %s %U %G %y %z
` + regularFormat + `
` + folderFormat

// The formats of a Version. A directory's does not change with its entries.
const (
	regularFormat = `%i:%s:%y:%z:%f:%u:%g`
	folderFormat  = `d:%i:%f:%u:%g`
)

// peekLimit is the size in bytes up to which a file's content comes with its
// description: who asks for the one mostly wants the other next.
const peekLimit = 32 << 10

// lookFunction is defined once in the sh that reads. It takes a path and up to
// which size the content is wanted too.
const lookFunction = `lockstep_look() {
m=$(TZ=UTC0 stat -c '` + statFormat + `' -- "$1") || exit 1
printf '%s\n' "$m"
if [ -L "$1" ]; then
` + statFunctions + `echo link; version "$1"; readlink "$1"; exit
fi
[ -f "$1" ] && [ -r "$1" ] || exit 0
set -f; set -- "$1" "$2" $m
[ "$6" -le "$2" ] || exit 0
echo data; exec cat <"$1"
}
`

// statFunctions are what Stat and Commit share, so that a Version is compared
// by the code that made it. version PATH prints it: a directory's does not
// change with its entries, and a link's covers what it leads to.
const statFunctions = `TZ=UTC0; export TZ
own() {
if [ -d "$1" ] && [ ! -L "$1" ]; then stat -c '` + folderFormat + `' -- "$1"
else stat -c '` + regularFormat + `' -- "$1"; fi
}
version() {
if [ -L "$1" ]; then
printf '%s -> %s\n' "$(own "$1")" "$(stat -L -c '` + regularFormat + `' -- "$1" 2>/dev/null || echo dangling)"
elif [ -e "$1" ]; then own "$1"
else echo ` + absentVersion + `; fi
}
`

// Stat describes path without following a final link. Version is a string of
// the host's own making: inode, size, times, mode and owner.
func (c *Conn) Stat(ctx context.Context, path string) (steps.Stat, error) {
	st, _, err := c.look(ctx, path, -1)
	return st, err
}

// Peek is Stat, with the content of a regular file that is small and may be
// read; nil stands for no content.
func (c *Conn) Peek(ctx context.Context, path string) (steps.Stat, []byte, error) {
	return c.look(ctx, path, peekLimit)
}

func (c *Conn) look(ctx context.Context, path string, limit int) (steps.Stat, []byte, error) {
	what := lookup{path, limit}
	a, err := c.askFor(ctx, what.request)
	st, data, err := what.seen(a, err)
	return st, c.network.shared.of(path, data), err
}

// seen takes the answer of a look apart.
func (l lookup) seen(a answer, err error) (steps.Stat, []byte, error) {
	path := l.path
	if err != nil {
		return steps.Stat{}, nil, fmt.Errorf("stat %s: %w", path, err)
	}
	said := string(a.err)
	switch {
	case len(a.out) > 0:
	case strings.Contains(said, "o such file"), strings.Contains(said, "ot a directory"):
		return steps.Stat{Kind: steps.Absent, Version: absentVersion}, nil, nil
	case strings.Contains(said, "ermission denied"):
		return steps.Stat{}, nil, readProblem("stat", path, "file", answer{code: codeDenied})
	default:
		return steps.Stat{}, nil, readProblem("stat", path, "file", a)
	}
	st, data, err := parseLook(a.out)
	if err != nil {
		err = fmt.Errorf("stat %s: %w", path, err)
	}
	if a.code != 0 { // the content could not be read, or not wholly
		data = nil
	}
	return st, data, err
}

// parseLook takes apart what lookFunction prints. A content that is not as long
// as the description says is left out: the file was changed in between.
func parseLook(out []byte) (steps.Stat, []byte, error) {
	lines := bytes.SplitN(out, []byte("\n"), 5)
	if len(lines) < 4 {
		return steps.Stat{}, nil, fmt.Errorf("the host's stat answers %q", lines[0])
	}
	st, err := parseStat(string(lines[0]))
	switch st.Kind {
	case steps.Directory:
		st.Version = string(lines[2])
	default:
		st.Version = string(lines[1])
	}
	if len(lines) < 5 || err != nil {
		return st, nil, err
	}
	switch rest := lines[4]; string(lines[3]) {
	case "link":
		st.Version, st.Target, _ = strings.Cut(strings.TrimSuffix(string(rest), "\n"), "\n")
	case "data":
		if int64(len(rest)) == st.Size {
			return st, rest, nil
		}
	}
	return st, nil, nil
}

// parseStat reads the first line of statFormat.
func parseStat(text string) (steps.Stat, error) {
	f := strings.Fields(text)
	if len(f) != 12 {
		return steps.Stat{}, fmt.Errorf("the host's stat answers %q", text)
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
		Changed: mtime,
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
