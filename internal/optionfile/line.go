package optionfile

import "strings"

// maxLine is how many bytes the server reads of a line at once (a buffer of
// 4096 less two, measured with my_print_defaults); the rest of a longer line
// is read as a line of its own.
const maxLine = 4094

type lineKind int

const (
	blank lineKind = iota
	comment
	header
	option
	directive
)

// line is one line, or a piece of an overlong one, with the places of its
// parts. The places are offsets into raw.
type line struct {
	raw   string // with its line ending
	no    int    // from 1
	kind  lineKind
	group string // header: the name it opens; others: the group they stand in

	key, val span // option; val holds the quotes
	hasValue bool
	eq       int // of "=", if hasValue
	end      int // where an inline comment begins, else the end of the text

	closed bool   // header: there is a "]"
	word   string // directive: include, includedir or whatever it says
	arg    string // directive: its argument as the server takes it
	wrong  bool   // directive: the server stops at it
}

type span struct{ from, to int }

func (s span) of(text string) string { return text[s.from:s.to] }

func (l line) keyText() string { return l.key.of(l.raw) }

func (l line) decoded() string {
	if !l.hasValue {
		return ""
	}
	return decode(l.val.of(l.raw))
}

// isBlank is isspace of the server's latin1: a byte A0 is a blank to it, even
// in the middle of a UTF-8 character.
func isBlank(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' || b == 0xA0 }

func skipBlanks(s string, i int) int {
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	return i
}

// trimRight returns the end of s[from:to] without blanks.
func trimRight(s string, from, to int) int {
	for to > from && isBlank(s[to-1]) {
		to--
	}
	return to
}

// scan finds the parts of a line as search_default_file_with_ext of the
// server's mysys library does, which works on C strings: a NUL ends the line.
func scan(raw string, no int) line {
	l := line{raw: raw, no: no}
	text := raw
	if i := strings.IndexByte(raw, 0); i >= 0 {
		text = raw[:i]
	}
	start := skipBlanks(text, 0)
	if start == len(text) {
		return l
	}
	switch text[start] {
	case '#', ';':
		l.kind = comment
	case '!':
		l.kind = directive
		l.scanDirective(text, start+1)
	case '[':
		l.kind = header
		l.scanHeader(text, start+1)
	default:
		l.kind = option
		l.scanOption(text, start)
	}
	return l
}

// scanHeader takes the text up to the first "]", without blanks behind the
// name; blanks before it belong to the name.
func (l *line) scanHeader(text string, start int) {
	n := strings.IndexByte(text[start:], ']')
	if n < 0 {
		return
	}
	l.closed, l.end = true, start+n+1
	l.group = text[start:trimRight(text, start, start+n)]
}

func (l *line) scanOption(text string, start int) {
	l.end = start + commentStart(text[start:])
	eq := strings.IndexByte(text[start:l.end], '=')
	if eq < 0 {
		l.key = span{start, trimRight(text, start, l.end)}
		return
	}
	l.hasValue, l.eq = true, start+eq
	l.key = span{start, trimRight(text, start, l.eq)}
	from := skipBlanks(text[:l.end], l.eq+1)
	if from == l.end { // nothing but blanks: an empty value right behind "="
		from = l.eq + 1
	}
	l.val = span{from, trimRight(text, from, l.end)}
}

// commentStart finds the "#" that begins a comment: one outside quotes, where
// a quote counts wherever it stands and a backslash protects inside of one.
func commentStart(text string) int {
	var quote byte
	escaped := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case (c == '"' || c == '\'') && !escaped:
			if quote == 0 {
				quote = c
			} else if quote == c {
				quote = 0
			}
		case c == '#' && quote == 0:
			return i
		}
		escaped = quote != 0 && c == '\\' && !escaped
	}
	return len(text)
}

// scanDirective reads what follows "!". The server knows two words; any other
// line with "!" is skipped without a sound.
func (l *line) scanDirective(text string, start int) {
	start = skipBlanks(text, start)
	for _, word := range []string{"includedir", "include"} {
		rest, ok := strings.CutPrefix(text[start:], word)
		if ok && rest != "" && isBlank(rest[0]) {
			l.word = word
			l.arg, l.wrong = argument(text, skipBlanks(text, start+len(word)))
			return
		}
	}
	l.word = strings.TrimSpace(text[start:])
}

// argument takes the server's view of a directive's argument. It counts on a
// newline: on a last line without one it loses the last character.
func argument(text string, start int) (arg string, wrong bool) {
	end := len(text) - 1
	for end > 0 && isBlank(text[end-1]) {
		end--
	}
	if end <= start {
		return "", true
	}
	return text[start:end], false
}

// eol returns the line ending, which is empty on a last line without one.
func (l line) eol() string {
	switch {
	case strings.HasSuffix(l.raw, "\r\n"):
		return "\r\n"
	case strings.HasSuffix(l.raw, "\n"):
		return "\n"
	}
	return ""
}

// commented returns the option that a comment line hides ("#ssl-ca = /x"), if
// it looks like one: a single word before "=", or one alone that is no prose.
func (l line) commented() (line, bool) {
	if l.kind != comment {
		return line{}, false
	}
	inner := scan(strings.TrimLeft(l.raw, "#; \t"), l.no)
	if inner.kind != option || checkKey(inner.keyText()) != nil {
		return line{}, false
	}
	glued := strings.HasSuffix(l.raw[:len(l.raw)-len(inner.raw)], "#")
	return inner, inner.hasValue || glued || strings.ContainsAny(inner.keyText(), "-_")
}
