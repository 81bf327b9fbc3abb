package sshconfig

import (
	"errors"
	"strings"
)

// cutLine splits a line into its keyword, in lower case, and the rest. An
// empty keyword is a blank line or a comment.
func cutLine(line string) (key, rest string) {
	line = strings.Trim(line, " \t\r\n\f")
	if line == "" || line[0] == '#' {
		return "", ""
	}
	at := strings.IndexAny(line, " \t=")
	if at < 0 {
		return strings.ToLower(line), ""
	}
	rest = strings.TrimLeft(line[at:], " \t")
	if after, ok := strings.CutPrefix(rest, "="); ok {
		rest = strings.TrimLeft(after, " \t")
	}
	return strings.ToLower(strings.Trim(line[:at], `"`)), rest
}

// words cuts the rest of a line as ssh does: at blanks, with both quotes, with
// a backslash before a quote, a backslash or a blank, up to a word that begins
// with #.
func words(text string) (out []string, err error) {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t':
			i++
			continue
		case c == '#':
			return out, nil
		}
		word, next, ok := oneWord(text, i)
		if !ok {
			return nil, errors.New("a quote is not closed")
		}
		out, i = append(out, word), next
	}
	return out, nil
}

func oneWord(text string, i int) (word string, next int, closed bool) {
	var b strings.Builder
	quote := byte(0)
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text) && (strings.IndexByte(`"'\`, text[i+1]) >= 0 || quote == 0 && text[i+1] == ' '):
			i++
			b.WriteByte(text[i])
		case quote == 0 && (c == ' ' || c == '\t'):
			return b.String(), i, true
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), i, quote == 0
}

// matchPattern tells whether text is what the pattern with * and ? says.
func matchPattern(text, pattern string) bool {
	for pattern != "" {
		switch {
		case pattern[0] == '*':
			pattern = strings.TrimLeft(pattern, "*")
			if pattern == "" {
				return true
			}
			for i := range len(text) {
				if matchPattern(text[i:], pattern) {
					return true
				}
			}
			return false
		case text == "" || pattern[0] != '?' && pattern[0] != text[0]:
			return false
		}
		text, pattern = text[1:], pattern[1:]
	}
	return text == ""
}

// matchAny tells whether one of the patterns fits and none of those with a !.
func matchAny(text string, patterns []string) bool {
	found := false
	for _, p := range patterns {
		if not, ok := strings.CutPrefix(p, "!"); ok {
			if matchPattern(text, not) {
				return false
			}
			continue
		}
		found = found || matchPattern(text, p)
	}
	return found
}
