package optionfile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Op says what an edit does.
type Op string

const (
	Add     Op = "add"
	Change  Op = "change"
	Remove  Op = "remove"
	Comment Op = "comment out"
)

// Edit is one difference between the file found and the file wanted.
type Edit struct {
	Op     Op
	File   string
	Line   int    // in the file as this edit found it; of an added option: below which line
	Group  string // as the file spells it
	Key    string // as the file spells it
	Sub    string // the parameter inside wsrep_provider_options, if it is about one
	Old    string // decoded; empty for Add, flags and secrets
	New    string // decoded; empty for Remove, Comment, flags and secrets
	Secret bool   // Old and New are withheld

	OldFlag, NewFlag bool // without "=", which an empty Old or New does not tell
}

// String returns the edit on one line: "~ [mysqld] ssl-ca: /a -> /b".
func (e Edit) String() string {
	name := fmt.Sprintf("[%s] %s", e.Group, e.Key)
	if e.Sub != "" {
		name += " " + e.Sub
	}
	old, now := shown(e.Old, e.OldFlag), shown(e.New, e.NewFlag)
	if e.Secret {
		old, now = ": (secret)", ": (secret)"
	}
	switch e.Op {
	case Add:
		return "+ " + name + now
	case Remove:
		return "- " + name + old
	case Comment:
		return "# " + name
	}
	if e.Secret {
		return "~ " + name + ": (another secret)"
	}
	if e.OldFlag {
		old = ": (no value)"
	}
	if e.NewFlag {
		now = ": (no value)"
	}
	return "~ " + name + old + " ->" + now[1:]
}

// shown is what follows an option's name: nothing for a flag, else the value,
// quoted if it would not be seen as it is.
func shown(value string, flag bool) string {
	if flag {
		return ""
	}
	if value == "" || strings.TrimSpace(value) != value || strings.ContainsAny(value, "\n\r\t\b") || !utf8.ValidString(value) {
		return ": " + strconv.Quote(value)
	}
	return ": " + value
}

// Apply brings a file into the wanted state and tells each difference. A file
// that is already so comes back as it is, with no edits. The settings are
// applied in order; what they leave unsaid stays byte for byte.
//
// The occurrence that counts is changed in place, be it in the group or in one
// of those that the same program reads too; without one a line is added to the
// group. wsrep_provider_options is written between double quotes, since an
// unquoted "#" would cut it off.
//
// Refused, all in one answer and without a File, are: settings that are wrong in
// themselves (Check) or that undo each other, files with problems from Refuse
// upwards, what cannot be written, and an edit that on reading back would change
// anything else.
func Apply(f *File, want []Setting) (*File, []Edit, error) {
	if err := refusals(Check(want)); err != nil {
		return nil, nil, err
	}
	if err := refusals(f.problems); err != nil {
		return nil, nil, fmt.Errorf("%s is not edited:\n%w", f.name, err)
	}
	var edits []Edit
	var errs []error
	out := f
	for _, s := range want {
		next, done, err := out.apply(s)
		if err != nil {
			errs = append(errs, out.failure(s, err))
			continue
		}
		out, edits = next, append(edits, done...)
	}
	if err := combine(errs); err != nil {
		return nil, nil, err
	}
	if err := out.holds(want); err != nil {
		return nil, nil, err
	}
	return out, edits, nil
}

// failure says where a setting could not be brought about.
func (f *File) failure(s Setting, err error) error {
	where := f.name
	if found := f.linesOf(s); len(found) > 0 {
		where = fmt.Sprintf("%s:%d", f.name, f.lines[found[len(found)-1]].no)
	}
	return fmt.Errorf("%s: %s: %w", where, s.title(), err)
}

// holds reports settings that a later one has undone.
func (f *File) holds(want []Setting) error {
	var errs []error
	for _, s := range want {
		_, again, err := f.apply(s)
		if err != nil || len(again) > 0 {
			errs = append(errs, f.failure(s, errors.New("another setting in the list undoes this one; keep one of them")))
		}
	}
	return combine(errs)
}

func (f *File) apply(s Setting) (*File, []Edit, error) {
	found := f.linesOf(s)
	switch {
	case s.Absent, s.Commented:
		return f.takeAway(s, found)
	case s.Sub != nil:
		return f.applySubs(s, found)
	}
	w := wanted{value: s.Value, flag: s.Flag}
	if sameKey(s.Key, providerOptions) && !s.Flag {
		w.quote = '"'
	}
	return f.put(s, found, w)
}

// linesOf returns the lines of a setting's option; the last one counts.
func (f *File) linesOf(s Setting) []int {
	var out []int
	for _, i := range f.optionLines(s.groups()) {
		if sameKey(f.lines[i].keyText(), s.Key) {
			out = append(out, i)
		}
	}
	return out
}

// put changes the occurrence that counts, or adds one.
func (f *File) put(s Setting, found []int, w wanted) (*File, []Edit, error) {
	if len(found) == 0 {
		return f.add(s, w)
	}
	i := found[len(found)-1]
	l := f.lines[i]
	if l.hasValue != w.flag && l.decoded() == w.value {
		return f, nil, nil
	}
	text, err := l.rewrite(w, f.styleAt(i))
	if err != nil {
		return nil, nil, err
	}
	d := f.draft()
	d.replace(i, text, w.value, w.flag)
	e := f.edit(Change, i, w.value)
	e.NewFlag = w.flag
	out, err := d.finish()
	return out, []Edit{e}, err
}

// add writes a new line into the group, which it opens at the end of the file
// if there is none.
func (f *File) add(s Setting, w wanted) (*File, []Edit, error) {
	d := f.draft()
	at := f.place(s.Group, s.Key)
	head, group := "", s.Group
	st := f.styleAt(at)
	if at < 0 {
		at = len(f.lines) - 1
		head = f.opening(s.Group)
		st = f.styleAt(at).flush()
	} else {
		group = f.lines[at].group
	}
	text, err := st.line(s.Key, w)
	if err != nil {
		return nil, nil, err
	}
	d.insert(at, head+text, statement{group: lower(group), key: s.Key, value: w.value, flag: w.flag})
	out, err := d.finish()
	e := Edit{Op: Add, File: f.name, Group: group, Key: s.Key, New: w.value, NewFlag: w.flag}
	if at >= 0 {
		e.Line = f.lines[at].no
	}
	return out, []Edit{e.masked()}, err
}

// opening returns a group header, below one blank line unless the file begins
// with it.
func (f *File) opening(group string) string {
	head := "[" + group + "]" + f.eol()
	if n := len(f.lines); n > 0 && f.lines[n-1].kind != blank {
		return f.eol() + head
	}
	return head
}

// takeAway removes or comments out all lines of an option: with one left, an
// earlier value would come into force.
func (f *File) takeAway(s Setting, found []int) (*File, []Edit, error) {
	if len(found) == 0 {
		return f, nil, nil
	}
	d, op := f.draft(), Remove
	if s.Commented {
		op = Comment
	}
	var edits []Edit
	for _, i := range found {
		text, l := "", f.lines[i]
		if s.Commented {
			var err error
			if text, err = fits(l.raw[:l.key.from] + "#" + l.raw[l.key.from:]); err != nil {
				return nil, nil, err
			}
		}
		d.remove(i, text)
		edits = append(edits, f.edit(op, i, ""))
	}
	out, err := d.finish()
	return out, edits, err
}

// applySubs edits the list inside wsrep_provider_options in the occurrence that
// counts: the server takes the last one whole and merges nothing.
func (f *File) applySubs(s Setting, found []int) (*File, []Edit, error) {
	value, e := "", Edit{Op: Add, File: f.name, Group: s.Group, Key: s.Key}
	if len(found) > 0 {
		i := found[len(found)-1]
		value, e = f.lines[i].decoded(), f.edit(Change, i, "")
	}
	list, edits, err := editList(value, s.Sub, e)
	if err != nil {
		return nil, nil, err
	}
	if len(edits) == 0 {
		return f, nil, nil
	}
	out, _, err := f.put(s, found, wanted{value: list, quote: '"'})
	return out, edits, err
}

// edit describes what happens to an option line.
func (f *File) edit(op Op, i int, now string) Edit {
	l := f.lines[i]
	e := Edit{Op: op, File: f.name, Line: l.no, Group: l.group, Key: l.keyText(), Old: l.decoded(), New: now, OldFlag: !l.hasValue}
	return e.masked()
}

func (e Edit) masked() Edit {
	if IsSecret(e.Key) {
		e.Old, e.New, e.Secret = "", "", true
	}
	return e
}
