package optionfile

import (
	"errors"
	"fmt"
	"strings"
)

// draft is a File that is being edited, with what must be read from it in the
// end. A line's text may be several lines, or empty if it goes.
type draft struct {
	file  *File
	texts []string
	want  []statement
}

// statement is what the server takes from a line: an option or an include.
type statement struct {
	line              int // in the draft's file; no part of the comparison
	group, key, value string
	flag              bool
	include           string
}

func (s statement) equal(o statement) bool {
	s.line, o.line = 0, 0
	return s == o
}

func (f *File) statements() []statement {
	out := make([]statement, 0, f.read)
	for i := range f.read {
		switch l := &f.lines[i]; l.kind {
		case option:
			out = append(out, statement{line: i, group: lower(l.group), key: l.keyText(), value: l.decoded(), flag: !l.hasValue})
		case directive:
			out = append(out, statement{line: i, include: l.word + " " + strings.TrimRight(l.arg, "/")})
		}
	}
	return out
}

func (f *File) draft() *draft {
	d := &draft{file: f, want: f.statements(), texts: make([]string, 0, len(f.lines)+1)}
	for _, l := range f.lines {
		d.texts = append(d.texts, l.raw)
	}
	return d
}

// remove takes a line's option away and leaves text in its place.
func (d *draft) remove(i int, text string) {
	d.texts[i] = text
	kept := d.want[:0:0]
	for _, s := range d.want {
		if s.line != i {
			kept = append(kept, s)
		}
	}
	d.want = kept
}

// replace gives a line's option another value.
func (d *draft) replace(i int, text, value string, flag bool) {
	d.texts[i] = text
	for n := range d.want {
		if d.want[n].line == i {
			d.want[n].value, d.want[n].flag = value, flag
		}
	}
}

// insert puts text, which holds one option, below a line; below nothing (-1)
// if the file is empty.
func (d *draft) insert(at int, text string, s statement) {
	if at < 0 {
		d.texts = append(d.texts, text)
	} else {
		d.texts[at] = closed(d.texts[at], d.file.eol()) + text
	}
	s.line = at
	n := 0
	for n < len(d.want) && d.want[n].line <= at {
		n++
	}
	d.want = append(d.want[:n:n], append([]statement{s}, d.want[n:]...)...)
}

// closed ends a line that is the last one of a file without newline.
func closed(text, eol string) string {
	if strings.HasSuffix(text, "\n") {
		return text
	}
	return text + eol
}

// finish reads the draft back and compares: it must say what was intended and
// nothing else, and bring in no problem that would stop the next edit.
func (d *draft) finish() (*File, error) {
	out, err := Parse(d.file.name, []byte(strings.Join(d.texts, "")))
	if err != nil {
		return nil, err
	}
	if err := refusals(out.problems); err != nil {
		return nil, fmt.Errorf("the edit would spoil the file: %w", err)
	}
	got := out.statements()
	for i := range max(len(got), len(d.want)) {
		if i >= len(got) || i >= len(d.want) || !got[i].equal(d.want[i]) {
			return nil, fmt.Errorf("%s: the edited text does not read back as intended (statement %d); nothing was changed", d.file.name, i+1)
		}
	}
	return out, nil
}

// frame is a line around the place of its value.
type frame struct{ head, tail string }

// with returns the line with a spelled value in it.
func (f frame) with(spelled string) string {
	if spelled == "" && strings.Trim(f.tail, "\r\n") == "" {
		return strings.TrimRight(f.head, " ") + f.tail
	}
	return f.head + spelled + f.tail
}

// spell takes the first spelling that the server reads as the value in this
// line: a comment behind it may spoil one that is good alone.
func (f frame) spell(value string, ways []spelling) (string, error) {
	key := scan(f.head, 0).keyText()
	for _, w := range ways {
		text := f.with(w.text)
		l := scan(text, 0)
		end := len(text) - len(f.tail) + commentStart(f.tail)
		if l.kind == option && l.hasValue && l.keyText() == key && l.decoded() == value && l.end == end {
			return fits(text)
		}
	}
	return "", errors.New("no spelling of the value in this line reads back as it; choose another value, or move the comment behind it to a line of its own")
}

// frame returns the line around its value, and adds "=" to a flag.
func (l line) frame(s style) frame {
	switch {
	case !l.hasValue:
		return frame{l.raw[:l.key.to] + s.before + "=" + s.after, l.raw[l.key.to:]}
	case l.val.from == l.val.to && l.key.to < l.eq: // "key =": a blank behind as well
		return frame{l.raw[:l.eq+1] + " ", l.raw[l.eq+1:]}
	}
	return frame{l.raw[:l.val.from], l.raw[l.val.to:]}
}

// rewrite returns the line with another value, all else in it as it was.
func (l line) rewrite(w wanted, s style) (string, error) {
	switch {
	case w.flag && !l.hasValue:
		return l.raw, nil
	case w.flag:
		return fits(l.raw[:l.key.to] + l.raw[l.val.to:])
	}
	old := byte(0)
	if l.hasValue {
		old = quoteOf(l.val.of(l.raw))
	}
	return l.frame(s).spell(w.value, w.spellings(old))
}

// wanted is the state of one option, and the quotes it must have if any.
type wanted struct {
	value string
	flag  bool
	quote byte
}

func (w wanted) spellings(old byte) []spelling {
	if w.quote != 0 {
		return []spelling{spelled(w.value, w.quote)}
	}
	return spellings(w.value, old)
}

func fits(text string) (string, error) {
	if len(text) > maxWritten {
		return "", fmt.Errorf("the line would be %d bytes long, and the server cuts lines of more than %d; shorten the value", len(text), maxLine)
	}
	return text, nil
}

// maxWritten leaves some room below maxLine.
const maxWritten = 4000
