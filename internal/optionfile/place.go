package optionfile

import "strings"

// style is how the options around a place are written.
type style struct {
	indent, before, after string // before and after "="
	column                int    // of "=" where the options are aligned, else 0
	eol                   string
}

// line writes a new option line.
func (s style) line(key string, w wanted) (string, error) {
	line := s.indent + key
	if w.flag {
		return fits(line + s.eol)
	}
	gap := s.before
	if s.column > 0 {
		gap = strings.Repeat(" ", max(1, s.column-len(line)))
	}
	return frame{line + gap + "=" + s.after, s.eol}.spell(w.value, w.spellings(0))
}

// flush is the style for a new group: not indented, aligned with nothing.
func (s style) flush() style {
	if s.column > 0 {
		s.before, s.column = " ", 0
	}
	s.indent = ""
	return s
}

// place finds the line after which a person would write a new option of the
// group: below its commented-out twin, else below the last block of options of the
// last such group, else below the header and the comments that belong to it. It
// returns -1 if there is no such group.
func (f *File) place(group, key string) int {
	last := -1
	for i, l := range f.lines[:f.read] {
		if l.kind == header && sameGroup(l.group, group) {
			last = i
		}
	}
	if last < 0 {
		return -1
	}
	if twin := f.twin(group, key); twin >= 0 {
		return twin
	}
	end, at := f.groupEnd(last), -1
	for i := last + 1; i < end; i++ {
		if f.lines[i].kind == option {
			at = i
		}
	}
	if at >= 0 {
		return f.behindHidden(at, end)
	}
	return f.belowHeader(last, end)
}

// behindHidden skips commented-out options right below an option: they are of
// one block with it.
func (f *File) behindHidden(at, end int) int {
	for at+1 < end {
		if _, hidden := f.lines[at+1].commented(); !hidden {
			break
		}
		at++
	}
	return at
}

// twin returns the last commented-out line of the option within the group.
func (f *File) twin(group, key string) int {
	at, current := -1, ""
	for i, l := range f.lines[:f.read] {
		if l.kind == header {
			current = l.group
			continue
		}
		hidden, ok := l.commented()
		if ok && sameGroup(current, group) && sameKey(hidden.keyText(), key) {
			at = i
		}
	}
	return at
}

func (f *File) groupEnd(head int) int {
	for i := head + 1; i < f.read; i++ {
		if f.lines[i].kind == header {
			return i
		}
	}
	return f.read
}

// belowHeader skips the comments right below a header. If they run up to the
// next header without a blank line, the prose at their end belongs to that.
func (f *File) belowHeader(head, end int) int {
	at := head
	for at+1 < end && f.lines[at+1].kind == comment {
		at++
	}
	if at+1 < end || end == f.read {
		return at
	}
	for at > head {
		if _, hidden := f.lines[at].commented(); hidden {
			break
		}
		at--
	}
	return at
}

// styleAt takes the style of the nearest option above the place, commented out
// or not, in its group, else of the last one in the file.
func (f *File) styleAt(at int) style {
	for i := at; i >= 0 && f.lines[i].kind != header; i-- {
		if s, ok := f.styleOf(i); ok {
			return s
		}
	}
	for i := f.read - 1; i >= 0; i-- {
		if s, ok := f.styleOf(i); ok {
			return s
		}
	}
	return style{before: " ", after: " ", eol: f.eol()}
}

func (f *File) styleOf(i int) (style, bool) {
	l, raw := f.lines[i], f.lines[i].raw
	shift := 0
	if l.kind == comment {
		hidden, ok := l.commented()
		if !ok {
			return style{}, false
		}
		shift, l = len(raw)-len(hidden.raw), hidden
	}
	if l.kind != option || !l.hasValue || l.val.from == l.val.to {
		return style{}, false
	}
	s := style{
		indent: raw[:skipBlanks(raw, 0)],
		before: l.raw[l.key.to:l.eq],
		after:  l.raw[l.eq+1 : l.val.from],
		eol:    f.eol(),
	}
	if len(s.before) > 1 && strings.Trim(s.before, " ") == "" {
		s.column = shift + l.eq
	}
	return s, true
}

// eol is the line ending of the file's first line.
func (f *File) eol() string {
	if len(f.lines) > 0 && f.lines[0].eol() != "" {
		return f.lines[0].eol()
	}
	return "\n"
}
