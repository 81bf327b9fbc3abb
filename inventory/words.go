package inventory

import (
	"errors"
	"strings"
)

// word is one word of a text that is cut as sh would.
type word struct {
	text string
	at   int // the character where it begins
}

// words cuts text as sh would: at blanks, with quotes and backslashes, and
// without expanding anything.
func words(text string) ([]string, error) {
	cut, _, err := cutWords(text, false)
	var out []string
	for _, w := range cut {
		out = append(out, w.text)
	}
	return out, err
}

// cutWords cuts text into words. With comments, a # outside quotes ends the
// text; torn is then its place if it stood inside a word, and else -1.
func cutWords(text string, comments bool) (cut []word, torn int, err error) {
	c := cutter{}
	for at, r := range []rune(text) {
		if comments && r == '#' && c.quote == 0 && !c.escaped {
			if torn = -1; c.open {
				torn = at
			}
			return c.end(), torn, nil
		}
		c.rune(at, r)
	}
	if c.quote != 0 || c.escaped {
		return nil, -1, errors.New("a quote is not closed")
	}
	return c.end(), -1, nil
}

type cutter struct {
	words   []word
	text    strings.Builder
	at      int
	open    bool // inside a word
	quote   rune
	escaped bool
}

func (c *cutter) rune(at int, r rune) {
	if !c.open && c.quote == 0 {
		c.at = at
	}
	switch {
	case c.escaped:
		if c.quote == '"' && r != '"' && r != '\\' {
			c.text.WriteRune('\\')
		}
		c.text.WriteRune(r)
		c.escaped = false
	case r == '\\' && c.quote != '\'':
		c.open, c.escaped = true, true
	case c.quote != 0 && r == c.quote:
		c.quote = 0
	case c.quote == 0 && (r == '\'' || r == '"'):
		c.open, c.quote = true, r
	case c.quote == 0 && strings.ContainsRune(" \t\r\n", r):
		c.end()
	default:
		c.open = true
		c.text.WriteRune(r)
	}
}

// end closes the open word and returns all so far.
func (c *cutter) end() []word {
	if c.open {
		c.words = append(c.words, word{c.text.String(), c.at})
	}
	c.text.Reset()
	c.open = false
	return c.words
}
