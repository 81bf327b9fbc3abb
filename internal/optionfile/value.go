package optionfile

import (
	"errors"
	"sort"
	"strings"
)

// decode turns the text behind "=" into the value. Quotes go only if the first
// and the last character are the same one. The escapes are those of the manual;
// before any other character a backslash stays, and so does a last one.
func decode(raw string) string {
	if n := len(raw); n > 1 && (raw[0] == '"' || raw[0] == '\'') && raw[0] == raw[n-1] {
		raw = raw[1 : n-1]
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i == len(raw)-1 {
			b.WriteByte(raw[i])
			continue
		}
		i++
		if c, ok := unescape(raw[i]); ok {
			b.WriteByte(c)
		} else {
			b.WriteByte('\\')
			b.WriteByte(raw[i])
		}
	}
	return b.String()
}

func unescape(c byte) (byte, bool) {
	switch c {
	case 'n':
		return '\n', true
	case 't':
		return '\t', true
	case 'r':
		return '\r', true
	case 'b':
		return '\b', true
	case 's':
		return ' ', true
	case '"', '\'', '\\':
		return c, true
	}
	return 0, false
}

func escapeLetter(c byte) byte {
	switch c {
	case '\n':
		return 'n'
	case '\t':
		return 't'
	case '\r':
		return 'r'
	case '\b':
		return 'b'
	}
	return 0
}

// spelling is one way to write a value.
type spelling struct {
	text    string
	escapes int
}

// spelled writes a value between the quotes (none if quote is 0).
func spelled(value string, quote byte) spelling {
	var b strings.Builder
	n := 0
	escape := func(c byte) {
		b.WriteByte('\\')
		b.WriteByte(c)
		n++
	}
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case escapeLetter(c) != 0:
			escape(escapeLetter(c))
		case c == '\\' && meaningful(value[i+1:], quote), quote != 0 && c == quote:
			escape(c)
		default:
			b.WriteByte(c)
		}
	}
	if quote == 0 {
		return spelling{b.String(), n}
	}
	return spelling{string(quote) + b.String() + string(quote), n}
}

// meaningful reports whether a backslash before rest would be read as the
// beginning of an escape.
func meaningful(rest string, quote byte) bool {
	if rest == "" {
		return quote != 0
	}
	_, escape := unescape(rest[0])
	return escape || escapeLetter(rest[0]) != 0
}

// spellings returns the ways to write a value, the one with the fewest escapes
// first, then the shortest. A line's old quotes are kept when they can be.
func spellings(value string, old byte) []spelling {
	out := []spelling{spelled(value, 0), spelled(value, '"'), spelled(value, '\'')}
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].escapes != out[j].escapes {
			return out[i].escapes < out[j].escapes
		}
		return len(out[i].text) < len(out[j].text)
	})
	if old == 0 {
		return out
	}
	return append([]spelling{spelled(value, old)}, out...)
}

// quoteOf returns the quote that wraps a raw value, or 0.
func quoteOf(raw string) byte {
	if n := len(raw); n > 1 && (raw[0] == '"' || raw[0] == '\'') && raw[0] == raw[n-1] {
		return raw[0]
	}
	return 0
}

// checkValue refuses what no spelling can hold, without quoting the value,
// which may be a secret.
func checkValue(value string) error {
	for i := 0; i < len(value); i++ {
		if c := value[i]; c == 0x7f || c < ' ' && escapeLetter(c) == 0 {
			return errors.New("the value has a control character, which an option file cannot hold; remove it")
		}
	}
	return nil
}
