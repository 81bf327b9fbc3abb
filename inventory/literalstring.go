package inventory

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var pyString = regexp.MustCompile(`^([rRbBuU]{0,2})('''|"""|'|")`)

// strings reads one or more strings in a row, which Python joins. It is not ok
// when none stands here.
func (p *literalReader) strings() (text string, ok bool, err error) {
	var joined strings.Builder
	bytes := false
	for {
		p.blanks()
		m := pyString.FindStringSubmatch(p.rest)
		if m == nil {
			return joined.String(), ok, nil
		}
		prefix := strings.ToLower(m[1])
		isBytes := strings.Contains(prefix, "b")
		if len(prefix) == 2 && prefix != "rb" && prefix != "br" || ok && isBytes != bytes || isBytes && p.depth > 1 {
			return "", false, errNoLiteral
		}
		p.rest = p.rest[len(m[0]):]
		part, err := p.quoted(m[2], strings.Contains(prefix, "r"), isBytes)
		if err != nil {
			return "", false, err
		}
		joined.WriteString(part)
		ok, bytes = true, isBytes
	}
}

// quoted reads up to the closing quote.
func (p *literalReader) quoted(quote string, raw, bytes bool) (string, error) {
	var text strings.Builder
	for {
		if rest, closed := strings.CutPrefix(p.rest, quote); closed {
			p.rest = rest
			return text.String(), nil
		}
		c, size := utf8.DecodeRuneInString(p.rest)
		switch {
		case p.rest == "" || bytes && c >= utf8.RuneSelf:
			return "", errNoLiteral
		case c == '\\' && len(p.rest) > 1:
			part, err := p.escape(raw, bytes)
			if err != nil {
				return "", err
			}
			text.WriteString(part)
		default:
			text.WriteRune(c)
			p.rest = p.rest[size:]
		}
	}
}

const (
	simpleEscapes = "\\'\"abfnrtv"
	simpleMeaning = "\\'\"\a\b\f\n\r\t\v"
)

var (
	octalEscape = regexp.MustCompile(`^\\([0-7]{1,3})`)
	hexEscape   = regexp.MustCompile(`^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))`)
)

// escape reads a backslash and what it stands for. Python leaves one alone that
// it does not know.
func (p *literalReader) escape(raw, bytes bool) (string, error) {
	next, size := utf8.DecodeRuneInString(p.rest[1:])
	both := p.rest[:1+size]
	if raw {
		p.rest = p.rest[len(both):]
		return both, nil
	}
	if at := strings.IndexRune(simpleEscapes, next); at >= 0 {
		p.rest = p.rest[len(both):]
		return simpleMeaning[at : at+1], nil
	}
	if m := octalEscape.FindStringSubmatch(p.rest); m != nil {
		return p.codePoint(m[0], m[1], 8)
	}
	if m := hexEscape.FindStringSubmatch(p.rest); m != nil && (next == 'x' || !bytes) {
		return p.codePoint(m[0], m[1]+m[2]+m[3], 16)
	}
	switch {
	case next == 'x' || !bytes && (next == 'u' || next == 'U'):
		return "", errNoLiteral
	case next == 'N' && !bytes:
		return "", errors.New(`holds the escape \N{...}, which is not understood; write the character itself`)
	}
	p.rest = p.rest[len(both):]
	return both, nil
}

func (p *literalReader) codePoint(escape, digits string, base int) (string, error) {
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || !utf8.ValidRune(rune(n)) || n > utf8.MaxRune {
		return "", errNoLiteral
	}
	p.rest = p.rest[len(escape):]
	return string(rune(n)), nil
}
