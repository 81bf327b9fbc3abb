package remote

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"lockstep/executor"
	"lockstep/steps"
)

// together is how many files one program is given at a time.
const together = 200

// commitScript renders the moment in which a batch takes effect: check all,
// prepare all, and only then move one after the other.
func commitScript(plan []staged) string {
	var b strings.Builder
	b.WriteString(statFunctions + guardFunctions)
	for i, s := range plan {
		if s.temp != "" {
			fmt.Fprintf(&b, "temp%d=%s; temps=\"$temps %d\"\n", i, shellescape.Quote(s.temp), i)
		}
	}
	files := staging(plan)
	for some := range slices.Chunk(files, together) {
		b.WriteString(wholeLines(plan, some))
	}
	b.WriteString(checkLines(plan))
	b.WriteString(keepLines(plan, files))
	b.WriteString(attrLines(plan, files))
	for some := range slices.Chunk(files, together) {
		fmt.Fprintf(&b, "flush %s\n", temps(some))
	}
	for i, s := range plan {
		b.WriteString(moveLine(i, s))
		if s.Op == executor.PutFile || s.Op == executor.PutGone {
			fmt.Fprintf(&b, "stale %s\n", shellescape.Quote(path.Join(dirOf(s.real), partPrefix(s.real))))
		}
	}
	fmt.Fprintf(&b, "flush %s\n", strings.Join(folders(plan), " "))
	return b.String()
}

// staging are the writes with a staged file.
func staging(plan []staged) (files []int) {
	for i, s := range plan {
		if s.temp != "" {
			files = append(files, i)
		}
	}
	return files
}

// temps are the staged files of some writes, as words of the script.
func temps(some []int) string {
	words := make([]string, len(some))
	for n, i := range some {
		words[n] = fmt.Sprintf("\"$temp%d\"", i)
	}
	return strings.Join(words, " ")
}

// wholeLines look whether staged files are as long as they should be, and note
// in own0, own1, ... whom each belongs to.
func wholeLines(plan []staged, some []int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "set -- $(stat -c '%%s %%u:%%g' -- %s)\n[ $# = %d ]", temps(some), 2*len(some))
	for n, i := range some {
		fmt.Fprintf(&b, " && [ ${%d} = %d ]", 2*n+1, plan[i].Size())
	}
	b.WriteString(" || {\n")
	for _, i := range some {
		fmt.Fprintf(&b, "whole %d \"$temp%d\" %d\n", i, i, plan[i].Size())
	}
	fmt.Fprintf(&b, "broken %d\n}\n", some[0])
	for n, i := range some {
		fmt.Fprintf(&b, "own%d=${%d}\n", i, 2*n+2)
	}
	return b.String()
}

// checkLines look whether all that the batch changes is still as it was.
func checkLines(plan []staged) string {
	var b strings.Builder
	var regular, folder []int
	for i, s := range plan {
		p := shellescape.Quote(s.Path)
		switch {
		case wasVersion(s.Was) == absentVersion:
			fmt.Fprintf(&b, "{ [ ! -e %s ] && [ ! -L %s ]; } || %s", p, p, checkLine(i, s))
		case s.Was.Kind == steps.Regular:
			regular = append(regular, i)
		case s.Was.Kind == steps.Directory:
			folder = append(folder, i)
		default:
			b.WriteString(checkLine(i, s))
		}
	}
	for some := range slices.Chunk(regular, together) {
		b.WriteString(sameLines(plan, some, regularFormat))
	}
	for some := range slices.Chunk(folder, together) {
		b.WriteString(sameLines(plan, some, folderFormat))
	}
	return b.String()
}

func checkLine(i int, s staged) string {
	return fmt.Sprintf("check %d %s %s\n", i, shellescape.Quote(s.Path), shellescape.Quote(wasVersion(s.Was)))
}

func sameLines(plan []staged, some []int, format string) string {
	var paths, versions []string
	var each strings.Builder
	for _, i := range some {
		paths = append(paths, shellescape.Quote(plan[i].Path))
		versions = append(versions, plan[i].Was.Version)
		each.WriteString(checkLine(i, plan[i]))
	}
	return fmt.Sprintf("[ \"$(stat -c '%s' -- %s 2>/dev/null)\" = %s ] || {\n%s}\n",
		format, strings.Join(paths, " "), shellescape.Quote(strings.Join(versions, "\n")), each.String())
}

// keepLines give staged files what is not wanted otherwise of the old ones:
// owner, group, access list and label.
func keepLines(plan []staged, files []int) string {
	var b, lists, labels strings.Builder
	var old []string
	for _, i := range files {
		s := plan[i]
		real := shellescape.Quote(s.real)
		uid, gid, _, known := ownership(s.Was)
		switch {
		case wasVersion(s.Was) == absentVersion:
			fmt.Fprintf(&labels, "label \"$temp%d\" %s\n", i, real)
		case !known:
			fmt.Fprintf(&b, "keep %d \"$temp%d\" %s %s %s; kept%d=$kept\n", i, i, real, shellescape.Quote(s.Attrs.Owner), shellescape.Quote(s.Attrs.Group), i)
		default:
			b.WriteString(keepOwners(i, s.Attrs, uid, gid))
			old = append(old, real)
			fmt.Fprintf(&lists, "acl %s \"$temp%d\" || broken %d\n", real, i, i)
			fmt.Fprintf(&labels, "label \"$temp%d\" %s\n", i, real)
		}
	}
	if len(old) > 0 {
		b.WriteString("if command -v getfacl >/dev/null && { false")
		for some := range slices.Chunk(old, together) {
			fmt.Fprintf(&b, " || [ -n \"$(getfacl -ps -- %s 2>/dev/null)\" ]", strings.Join(some, " "))
		}
		fmt.Fprintf(&b, "; }; then\n%sfi\n", lists.String())
	}
	if labels.Len() > 0 {
		fmt.Fprintf(&b, "if selinux; then\n%sfi\n", labels.String())
	}
	return b.String()
}

// keepOwners keeps those of the old owner and group that are not wanted
// otherwise.
func keepOwners(i int, a steps.Attrs, uid, gid string) string {
	switch {
	case a.Owner == "" && a.Group == "":
		return fmt.Sprintf("[ $own%d = %s:%s ] || chown -- %s:%s \"$temp%d\" || broken %d\n", i, uid, gid, uid, gid, i, i)
	case a.Owner == "":
		return fmt.Sprintf("[ ${own%d%%:*} = %s ] || chown -- %s \"$temp%d\" || broken %d\n", i, uid, uid, i, i)
	case a.Group == "":
		return fmt.Sprintf("[ ${own%d#*:} = %s ] || chgrp -- %s \"$temp%d\" || broken %d\n", i, gid, gid, i, i)
	}
	return ""
}

// attrLines set what is wanted of staged files. The mode comes last, so that
// nobody may read the new content who may read neither the old file nor the new
// one.
func attrLines(plan []staged, files []int) string {
	var owners, modes alike
	for _, i := range files {
		s := plan[i]
		if s.Attrs.Owner != "" || s.Attrs.Group != "" {
			owners.add(strings.TrimSuffix(s.Attrs.Owner+":"+s.Attrs.Group, ":"), i)
		}
		mode := modeWord(s.Attrs)
		_, _, old, known := ownership(s.Was)
		switch {
		case mode != "":
			modes.add(mode, i)
		case wasVersion(s.Was) == absentVersion:
		case known:
			modes.add(old, i)
		default:
			modes.lines += fmt.Sprintf("chmod \"$kept%d\" \"$temp%d\" || broken %d\n", i, i, i)
		}
	}
	return owners.text("chown --") + modes.text("chmod")
}

// alike are writes that get the same argument of a program, in the order in
// which the arguments first came.
type alike struct {
	words []string
	of    map[string][]int
	lines string // what cannot be said together
}

func (a *alike) add(word string, i int) {
	if a.of == nil {
		a.of = map[string][]int{}
	}
	if a.of[word] == nil {
		a.words = append(a.words, word)
	}
	a.of[word] = append(a.of[word], i)
}

// text runs the program once for each argument, and where it fails once more
// for each file.
func (a *alike) text(program string) string {
	var b strings.Builder
	for _, word := range a.words {
		run := program + " " + shellescape.Quote(word)
		for some := range slices.Chunk(a.of[word], together) {
			fmt.Fprintf(&b, "%s %s 2>/dev/null || {\n", run, temps(some))
			for _, i := range some {
				fmt.Fprintf(&b, "%s \"$temp%d\" || broken %d\n", run, i, i)
			}
			b.WriteString("}\n")
		}
	}
	return b.String() + a.lines
}

// ownership is what the Version of a regular file says of its owner, group and
// mode; see statFunctions.
func ownership(was steps.Stat) (uid, gid, mode string, known bool) {
	f := strings.Split(was.Version, ":")
	if was.Kind != steps.Regular || len(f) < 5 {
		return "", "", "", false
	}
	raw, err := strconv.ParseUint(f[len(f)-3], 16, 32)
	return f[len(f)-2], f[len(f)-1], "0" + strconv.FormatUint(raw&0o7777, 8), err == nil
}
