package secret

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"

	"al.essio.dev/pkg/shellescape"
)

// form is one way in which a secret is written.
type form struct {
	text string
	// before and after tell of base64 that the letter there holds bits of the
	// secret, too, beside those of its neighbour.
	before, after bool
}

// in appends the places of f in s to out.
func (f form) in(s string, out []span) []span {
	for at := 0; ; {
		i := strings.Index(s[at:], f.text)
		if i < 0 {
			return out
		}
		one := span{at + i, at + i + len(f.text)}
		at = one.to
		if f.before && one.from > 0 && isBase64(s[one.from-1]) {
			one.from--
		}
		if f.after && one.to < len(s) && isBase64(s[one.to]) {
			one.to++
		}
		out = append(out, one)
	}
}

func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("+/-_", c) >= 0
}

func forms(value string) []form {
	texts := []string{
		value,
		url.QueryEscape(value),
		url.PathEscape(value),
		strings.ReplaceAll(url.QueryEscape(value), "+", "%20"),
		strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(value)), // as Python does
		shellescape.Quote(value),
		strings.ReplaceAll(value, `'`, `'"'"'`),
		strings.ReplaceAll(value, `'`, `'\''`),
		strings.ReplaceAll(value, `'`, `''`),
		strings.ReplaceAll(value, `"`, `\"`),
		strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value),
		inJSON(value, false),
		inJSON(value, true),
		inASCII(inJSON(value, false)),
		unquoted(strconv.Quote(value)),
	}
	var all []form
	for _, text := range append(texts, longLines(value)...) {
		all = append(all, form{text: text})
	}
	for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		all = append(all, form{text: alphabet.EncodeToString([]byte(value))})
		for front := range 3 {
			all = append(all, inside(alphabet, value, front))
		}
	}
	return all
}

// inside is what stands in base64 for value alone, where front bytes more than
// whole groups of three stand before it, and anything behind.
func inside(alphabet *base64.Encoding, value string, front int) form {
	text := alphabet.EncodeToString([]byte(strings.Repeat("\x00", front) + value))
	from, bits := (8*front+5)/6, 8*(front+len(value))
	return form{text[from : bits/6], front > 0, bits%6 > 0}
}

func unquoted(s string) string { return s[1 : len(s)-1] }

func inJSON(value string, html bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	if err := enc.Encode(value); err != nil { // no text is beyond JSON
		return value
	}
	return unquoted(strings.TrimSuffix(b.String(), "\n"))
}

// inASCII escapes the letters of a JSON text that ASCII lacks, as Python does.
func inASCII(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		if unit < 0x80 {
			b.WriteByte(byte(unit))
		} else {
			b.WriteString(`\u` + strconv.FormatUint(0x10000|uint64(unit), 16)[1:])
		}
	}
	return b.String()
}
