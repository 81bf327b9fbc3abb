package remote

import (
	"fmt"
	"strconv"

	"al.essio.dev/pkg/shellescape"

	"lockstep/executor"
	"lockstep/steps"
)

// guardFunctions are the verbs of the guarded script. Each takes the number of
// its write first; the first failure ends the script, and whatever is still
// staged is removed in any case. What many writes need alike is done for all of
// them by one program (see guarded.go), and by these verbs one by one where that
// fails, to find the write at fault.
const guardFunctions = `umask 077
trap '' HUP INT TERM PIPE
temps=
trap 'for t in $temps; do eval "t=\$temp$t"; [ ! -e "$t" ] || rm -f -- "$t"; done' EXIT
broken() { echo "fail $1"; ` + freeFunction + `; exit 1; }
check() { v=$(version "$2") || broken $1; [ "$v" = "$3" ] || { echo "drift $1"; exit 1; }; }
whole() { n=$(wc -c <"$2") && [ "$n" -eq "$3" ] || { echo "the staged file is cut" >&2; broken $1 "$2"; }; }
attrs() {
if [ -n "$3" ]; then chown -- "$3${4:+:$4}" "$2" || broken $1
elif [ -n "$4" ]; then chgrp -- "$4" "$2" || broken $1; fi
if [ -n "$5" ]; then chmod "$5" "$2" || broken $1; fi
}
selinux() { [ -e /sys/fs/selinux/enforce ]; }
label() {
selinux || return 0
if [ -e "$2" ]; then chcon --reference="$2" -- "$1"
elif command -v matchpathcon >/dev/null; then chcon -- "$(matchpathcon -n "$2")" "$1"; fi || :
}
relabel() { selinux && command -v restorecon >/dev/null && restorecon -- "$1"; :; }
acl() {
command -v getfacl >/dev/null && command -v setfacl >/dev/null || return 0
[ -n "$(getfacl -cps -- "$1" 2>/dev/null)" ] || return 0
getfacl -cp -- "$1" | sed 's/^user::.*/user::rw-/; s/^mask::.*/mask::---/; s/^other::.*/other::---/' | setfacl --set-file=- -- "$2"
}
keep() {
kept=
[ -e "$3" ] || { label "$2" "$3"; return 0; }
[ -f "$3" ] || { echo "$3 is not a file" >&2; broken $1; }
o=$(stat -L -c '%u:%g:%a' -- "$3") && n=$(stat -c '%u:%g' -- "$2") || broken $1
kept=${o##*:} o=${o%:*}
[ -n "$4" ] || [ "${n%:*}" = "${o%:*}" ] || chown -- "${o%:*}" "$2" || broken $1
[ -n "$5" ] || [ "${n#*:}" = "${o#*:}" ] || chgrp -- "${o#*:}" "$2" || broken $1
acl "$3" "$2" || broken $1
label "$2" "$3"
}
flush() { sync -- "$@" 2>/dev/null || sync; }
into() { [ ! -d "$3" ] || { echo "$3 is a directory" >&2; broken $1; }; mv -f -- "$2" "$3" || broken $1; echo "done $1"; }
folder() {
[ -d "$2" ] || { mkdir -- "$2" || broken $1; relabel "$2"; }
attrs "$@"; echo "done $1"
}
change() { attrs "$@"; echo "done $1"; }
stale() { for p in "$1"*; do [ ! -e "$p" ] || rm -f -- "$p"; done; }
gone() {
if [ -d "$2" ] && [ ! -L "$2" ]; then rmdir -- "$2"; else rm -f -- "$2"; fi || broken $1
echo "done $1"
}
`

// freeFunction says how much room is on the file system of "$2".
const freeFunction = `[ -z "$2" ] || df -Pk -- "${2%/*}/" 2>/dev/null | { read -r h; read -r fs all used free rest; echo "free $free $rest"; }`

func moveLine(i int, s staged) string {
	real := shellescape.Quote(s.real)
	switch s.Op {
	case executor.PutFile:
		return fmt.Sprintf("into %d \"$temp%d\" %s\n", i, i, real)
	case executor.PutDir:
		return fmt.Sprintf("folder %d %s %s\n", i, real, attrWords(s.Attrs))
	case executor.PutAttrs:
		return fmt.Sprintf("change %d %s %s\n", i, real, attrWords(s.Attrs))
	default:
		return fmt.Sprintf("gone %d %s\n", i, real)
	}
}

// wasVersion is the version that check must find. What was never looked at is
// taken for absent, so that nothing unseen is overwritten.
func wasVersion(was steps.Stat) string {
	if was.Version == "" {
		return absentVersion
	}
	return was.Version
}

func attrWords(a steps.Attrs) string {
	return shellescape.Quote(a.Owner) + " " + shellescape.Quote(a.Group) + " " + shellescape.Quote(modeWord(a))
}

// modeWord is the mode as chmod takes it, or empty.
func modeWord(a steps.Attrs) string {
	if a.Mode == nil {
		return ""
	}
	return "0" + strconv.FormatUint(uint64(*a.Mode&0o7777), 8)
}

// folders are the quoted directories whose entries the batch changes.
func folders(plan []staged) []string {
	var dirs []string
	seen := map[string]bool{}
	for _, s := range plan {
		dir := dirOf(s.real)
		if !seen[dir] {
			seen[dir] = true
			dirs = append(dirs, shellescape.Quote(dir))
		}
	}
	return dirs
}
