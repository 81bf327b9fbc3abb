package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// textFilters take a text and give one.
func textFilters() map[string]routine {
	plain := func(f func(string) string) routine {
		return routine{run: func(c *invocation) (any, error) {
			s, err := c.inText()
			if err != nil {
				return nil, err
			}
			return c.made(f(s))
		}}
	}
	return map[string]routine{
		"upper": plain(strings.ToUpper), "lower": plain(strings.ToLower), "capitalize": plain(capitalize), "title": plain(titleWords),
		"trim":     {params: "| chars", run: trim(strings.Trim, strings.TrimSpace)},
		"replace":  {params: "old new | count", run: replace},
		"center":   {params: "| width", run: pad(80, func(s string, n int) string { return around(s, n) })},
		"indent":   {params: "| width first blank", run: indent},
		"truncate": {params: "| length killwords end leeway", run: truncate},
		"format":   {params: "*", run: func(c *invocation) (any, error) { return c.formatted() }},
		"split":    {params: "| sep maxsplit", run: split},
		"wordcount": {run: func(c *invocation) (any, error) {
			s, err := c.inText()
			return len(wordRuns.FindAllStringIndex(s, -1)), err
		}},
		"string":  {run: func(c *invocation) (any, error) { return c.str(c.in) }},
		"comment": {params: "| style decoration", run: comment},
	}
}

// wordRuns are what wordcount counts: Python's \w+.
var wordRuns = regexp.MustCompile(`[\p{L}\p{N}_]+`)

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + strings.ToLower(s[n:])
}

// titleWords is the filter: words begin behind white space, dashes and brackets.
func titleWords(s string) string {
	return titled(s, func(before rune) bool { return unicode.IsSpace(before) || strings.ContainsRune("-({[<", before) })
}

// title is the method: a word begins behind whatever is no letter.
func title(s string) string {
	return titled(s, func(before rune) bool { return !unicode.IsLetter(before) })
}

func titled(s string, begins func(before rune) bool) string {
	before := ' '
	return strings.Map(func(r rune) rune {
		up := begins(before)
		before = r
		if up {
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, s)
}

func trim(by func(string, string) string, space func(string) string) func(c *invocation) (any, error) {
	return func(c *invocation) (any, error) {
		s, err := c.inText()
		if err != nil {
			return nil, err
		}
		chars, err := c.word("chars", "")
		if err != nil {
			return nil, err
		}
		if chars == "" {
			return c.made(space(s))
		}
		return c.made(by(s, chars))
	}
}

func replace(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	from, err := c.str(c.named["old"])
	if err != nil {
		return nil, err
	}
	to, err := c.str(c.named["new"])
	if err != nil {
		return nil, err
	}
	count, err := c.whole("count", -1)
	if err != nil {
		return nil, err
	}
	times := strings.Count(s, from)
	if count >= 0 {
		times = min(times, count)
	}
	if err := c.text(len(s) + times*(len(to)-len(from))); err != nil {
		return nil, err
	}
	return strings.Replace(s, from, to, count), nil
}

// pad widens a text; widths are bounded like any other text.
func pad(def int, by func(s string, n int) string) func(c *invocation) (any, error) {
	return func(c *invocation) (any, error) {
		s, err := c.inText()
		if err != nil {
			return nil, err
		}
		width, err := c.whole("width", def)
		if err != nil {
			return nil, err
		}
		if width > maxText {
			return nil, c.text(-1)
		}
		return c.made(by(s, max(0, width-utf8.RuneCountInString(s))))
	}
}

// around is Python's center, which puts the odd space to the left of a text of
// even length.
func around(s string, n int) string {
	left := n/2 + n&(n+utf8.RuneCountInString(s))&1
	return strings.Repeat(" ", left) + s + strings.Repeat(" ", n-left)
}

func indent(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	by, ok := c.named["width"].(string)
	if !ok {
		n, err := c.whole("width", 4)
		if err != nil {
			return nil, err
		}
		if n < 0 || n > 1000 {
			return nil, errors.New("width must be between 0 and 1000")
		}
		by = strings.Repeat(" ", n)
	}
	if err := c.text(len(s) + len(by)*(1+strings.Count(s, "\n"))); err != nil {
		return nil, err
	}
	first, blank := c.flag("first", false), c.flag("blank", false)
	lines := splitLines(s + "\n")
	for i, line := range lines {
		if i == 0 && !first || line == "" && !blank && i > 0 {
			continue
		}
		lines[i] = by + line
	}
	return strings.Join(lines, "\n"), nil
}

func truncate(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	length, err := c.whole("length", 255)
	if err != nil {
		return nil, err
	}
	leeway, err := c.whole("leeway", 5)
	if err != nil {
		return nil, err
	}
	end, err := c.word("end", "...")
	if err != nil {
		return nil, err
	}
	chars := []rune(s)
	if length < utf8.RuneCountInString(end) || leeway < 0 {
		return nil, errors.New("length is shorter than end, or leeway is below 0")
	}
	length, leeway = min(length, maxText), min(leeway, maxText)
	if len(chars) <= length+leeway {
		return s, nil
	}
	kept := string(chars[:length-utf8.RuneCountInString(end)])
	if at := strings.LastIndex(kept, " "); at >= 0 && !c.flag("killwords", false) {
		kept = kept[:at]
	}
	return c.made(kept + end)
}

func split(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	sep, err := c.word("sep", "")
	if err != nil {
		return nil, err
	}
	most, err := c.whole("maxsplit", -1)
	if err != nil {
		return nil, err
	}
	if c.has("sep") && c.named["sep"] != nil && sep == "" {
		return nil, errors.New("the separator is empty")
	}
	if err := c.items(1 + len(s)/2); sep == "" && err != nil {
		return nil, err
	}
	if sep != "" {
		if err := c.items(1 + strings.Count(s, sep)); err != nil {
			return nil, err
		}
	}
	return texts(parts(s, sep, most)), nil
}

func parts(s, sep string, most int) []string {
	if sep == "" && most < 0 {
		return strings.Fields(s)
	}
	if most < 0 {
		return strings.Split(s, sep)
	}
	if sep != "" {
		return strings.SplitN(s, sep, most+1)
	}
	var words []string
	for s = strings.TrimLeftFunc(s, unicode.IsSpace); s != ""; {
		at := strings.IndexFunc(s, unicode.IsSpace)
		if at < 0 || len(words) == most {
			return append(words, s)
		}
		words = append(words, s[:at])
		s = strings.TrimLeftFunc(s[at:], unicode.IsSpace)
	}
	return words
}

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// comment makes lines of comment, as Ansible's filter of that name does.
func comment(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	style, err := c.word("style", "plain")
	if err != nil {
		return nil, err
	}
	marks := map[string]string{"plain": "# ", "erlang": "% ", "c": "// "}
	mark, ok := marks[style]
	if !ok {
		return nil, fmt.Errorf("the style must be plain, erlang or c")
	}
	if mark, err = c.word("decoration", mark); err != nil {
		return nil, err
	}
	if err := c.text(len(s) + (len(mark)+1)*(3+strings.Count(s, "\n"))); err != nil {
		return nil, err
	}
	bare := strings.TrimRightFunc(mark, unicode.IsSpace)
	body := mark + strings.ReplaceAll(s, "\n", "\n"+mark)
	return bare + "\n" + strings.ReplaceAll(body, mark+"\n", bare+"\n") + "\n" + bare, nil
}
