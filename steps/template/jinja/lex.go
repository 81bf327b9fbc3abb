package jinja

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	rawOpen     = regexp.MustCompile(`^\{%[-+]?\s*raw\s*([-+]?)%\}`)
	rawShut     = regexp.MustCompile(`\{%[-+]?\s*endraw\s*([-+]?)%\}`)
	octalDigits = regexp.MustCompile(`^[0-7]{1,3}`)
	numeral     = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?`)
)

// kind is what a token is.
type kind int

const (
	kEOF    kind = iota
	kData        // text outside of tags
	kOpen        // {{ or {%
	kClose       // }} or %}
	kName        // also keywords
	kNumber      // value holds it
	kString      // value holds it
	kOp
)

type token struct {
	kind  kind
	text  string
	value any
	at    pos
}

// lexer cuts a template into tokens and settles white space on the way.
type lexer struct {
	f       *file
	o       Options
	text    string
	i       int
	tokens  []token
	strip   bool // the tag before ended with a dash
	newline bool // the tag before takes the line break behind it
}

func lex(f *file, begin int, o Options) ([]token, error) {
	l := &lexer{f: f, o: o, text: f.text, i: begin}
	for l.i < len(l.text) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	return append(l.tokens, token{kind: kEOF, at: pos{f, len(l.text)}}), nil
}

func (l *lexer) at() pos { return pos{l.f, l.i} }

func (l *lexer) add(k kind, text string, value any, begin int) {
	l.tokens = append(l.tokens, token{k, text, value, pos{l.f, begin}})
}

// next reads the data up to a tag and then the tag.
func (l *lexer) next() error {
	begin, end := l.i, len(l.text)
	for at := begin; ; at++ {
		n := strings.IndexByte(l.text[at:], '{')
		if n < 0 || at+n+1 >= len(l.text) {
			break
		}
		at += n
		if strings.IndexByte("{%#", l.text[at+1]) >= 0 {
			end = at
			break
		}
	}
	opened := end < len(l.text)
	l.data(begin, end, opened)
	l.i = end
	if !opened {
		return nil
	}
	switch l.text[end+1] {
	case '#':
		return l.comment()
	case '{':
		return l.tag("{{", "}}")
	default:
		if done, err := l.raw(); done || err != nil {
			return err
		}
		return l.tag("{%", "%}")
	}
}

// data emits the text between two tags without the white space they take.
func (l *lexer) data(begin, end int, opened bool) {
	text := l.text[begin:end]
	if l.strip {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
	} else if l.newline {
		text = strings.TrimPrefix(text, "\n")
	}
	l.strip, l.newline = false, false
	if opened {
		text = l.before(text, begin, end)
	}
	if text != "" {
		l.add(kData, text, nil, begin)
	}
}

// before takes from text what the tag at end takes to its left.
func (l *lexer) before(text string, begin, end int) string {
	sign := byte(0)
	if end+2 < len(l.text) {
		sign = l.text[end+2]
	}
	switch {
	case sign == '-':
		return strings.TrimRightFunc(text, unicode.IsSpace)
	case l.o.LstripBlocks && sign != '+' && l.text[end+1] != '{':
		line := strings.LastIndexByte(l.text[:end], '\n') + 1
		if strings.Trim(l.text[line:end], " \t") == "" {
			return strings.TrimRight(text, " \t")
		}
	}
	return text
}

// ended notes what the end of a tag takes to its right.
func (l *lexer) ended(sign byte, block bool) {
	l.strip = sign == '-'
	l.newline = block && l.o.TrimBlocks && sign != '+'
}

func (l *lexer) comment() error {
	end := strings.Index(l.text[l.i+2:], "#}")
	if end < 0 {
		return l.at().fail("", "the comment has no end: #} is missing")
	}
	inside := l.text[l.i+2 : l.i+2+end]
	sign := byte(0)
	if inside != "" {
		sign = inside[len(inside)-1]
	}
	l.i += 2 + end + 2
	l.ended(sign, true)
	return nil
}

// raw reads {% raw %} up to its end, if that is what stands here.
func (l *lexer) raw() (bool, error) {
	open := rawOpen.FindStringSubmatchIndex(l.text[l.i:])
	if open == nil {
		return false, nil
	}
	begin := l.i + open[1]
	shut := rawShut.FindStringSubmatchIndex(l.text[begin:])
	if shut == nil {
		return false, l.at().fail("", "{%% raw %%} has no {%% endraw %%}")
	}
	l.ended(sign(l.text[l.i:], open), false)
	l.data(begin, begin+shut[0], true)
	l.ended(sign(l.text[begin:], shut), true)
	l.i = begin + shut[1]
	return true, nil
}

// sign is the text of the first group, a byte or nothing.
func sign(text string, match []int) byte {
	if match[2] == match[3] {
		return 0
	}
	return text[match[2]]
}

// tag reads the tokens of one tag.
func (l *lexer) tag(open, shut string) error {
	begin := l.i
	l.add(kOpen, open, nil, begin)
	l.i += 2
	if l.i < len(l.text) && (l.text[l.i] == '-' || l.text[l.i] == '+' && open == "{%") {
		l.i++
	}
	depth := 0
	for {
		l.space()
		rest := l.text[l.i:]
		if rest == "" {
			return pos{l.f, begin}.fail("", "%s has no matching %s", open, shut)
		}
		if sign, n := closes(rest, shut); n > 0 && depth == 0 {
			l.add(kClose, shut, nil, l.i)
			l.i += n
			l.ended(sign, shut == "%}")
			return nil
		}
		switch rest[0] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if err := l.token(rest); err != nil {
			return err
		}
	}
}

// closes reports whether rest begins with the end of a tag, with its sign.
func closes(rest, shut string) (byte, int) {
	if strings.HasPrefix(rest, shut) {
		return 0, len(shut)
	}
	if len(rest) > 1 && (rest[0] == '-' || rest[0] == '+' && shut == "%}") && strings.HasPrefix(rest[1:], shut) {
		return rest[0], 1 + len(shut)
	}
	return 0, 0
}

func (l *lexer) space() {
	l.i += len(l.text[l.i:]) - len(strings.TrimLeft(l.text[l.i:], " \t\n\v\f"))
}

func (l *lexer) token(rest string) error {
	begin := l.i
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '"' || r == '\'':
		return l.quoted(rest)
	case r >= '0' && r <= '9':
		return l.number(rest)
	case r == '_' || unicode.IsLetter(r):
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if n < 0 {
			n = len(rest)
		}
		l.i += n
		l.add(kName, rest[:n], nil, begin)
		return nil
	}
	for _, op := range []string{"**", "//", "==", "!=", "<=", ">="} {
		if strings.HasPrefix(rest, op) {
			l.i += len(op)
			l.add(kOp, op, nil, begin)
			return nil
		}
	}
	if !strings.ContainsRune("+-*/%~<>=.,:|()[]{}", r) {
		return l.at().fail("", "%q has no meaning here", r)
	}
	l.i++
	l.add(kOp, rest[:1], nil, begin)
	return nil
}

func (l *lexer) number(rest string) error {
	text := numeral.FindString(rest)
	var value any
	var err error
	if strings.ContainsAny(text, ".eE") {
		value, err = strconv.ParseFloat(text, 64)
	} else {
		value, err = strconv.Atoi(text)
	}
	if err != nil {
		return l.at().fail("", "%s is too big a number", text)
	}
	if len(text) > 1 && text[0] == '0' && strings.Trim(text, "0123456789") == "" && strings.Trim(text, "0") != "" {
		return l.at().fail("write it in quotes to keep the zero", "a number does not begin with 0")
	}
	l.add(kNumber, text, value, l.i)
	l.i += len(text)
	return nil
}

// quoted reads a text in quotes as Python does: an escape it does not know
// stays as it is, so that '\d' is a pattern.
func (l *lexer) quoted(rest string) error {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; c {
		case rest[0]:
			l.add(kString, "", b.String(), l.i)
			l.i += i + 1
			return nil
		case '\\':
			n, err := escape(&b, rest[i+1:])
			if err != nil {
				return pos{l.f, l.i + i}.fail("write two backslashes for one", "%v", err)
			}
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return l.at().fail("", "the text in quotes has no end")
}

// escape writes what a backslash before rest means and returns how many bytes
// of rest it took.
func escape(b *strings.Builder, rest string) (int, error) {
	if rest == "" {
		b.WriteByte('\\')
		return 0, nil
	}
	if octal := octalDigits.FindString(rest); octal != "" {
		n, err := strconv.ParseUint(octal, 8, 32)
		b.WriteRune(rune(n))
		return len(octal), err
	}
	const from, to = "ntrabfv\\'\"\n", "\n\t\r\a\b\f\v\\'\""
	if at := strings.IndexByte(from, rest[0]); at >= 0 {
		if at < len(to) {
			b.WriteByte(to[at])
		}
		return 1, nil
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[rest[0]]
	switch {
	case digits > 0 && len(rest) > digits:
		n, err := strconv.ParseUint(rest[1:1+digits], 16, 32)
		if err != nil || !utf8.ValidRune(rune(n)) {
			return 0, fmt.Errorf("\\%c needs %d hex digits of a character", rest[0], digits)
		}
		b.WriteRune(rune(n))
		return 1 + digits, nil
	case digits > 0 || rest[0] == 'N':
		return 0, fmt.Errorf("\\%c is the begin of a character's code", rest[0])
	}
	b.WriteByte('\\')
	return 0, nil
}
