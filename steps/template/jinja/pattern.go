package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// patternFilters search by regular expressions. They are RE2's: they end in
// time that grows with the text alone, and know no look-around.
func patternFilters() map[string]routine {
	return map[string]routine{
		"regex_replace": {params: "pattern | replacement ignorecase multiline", run: regexReplace},
		"regex_search":  {params: "pattern | * ignorecase multiline", run: regexSearch},
		"regex_findall": {params: "pattern | multiline ignorecase", run: regexFindall},
		"regex_escape": {run: func(c *invocation) (any, error) {
			s, err := c.inText()
			if err != nil {
				return nil, err
			}
			return c.made(escapePattern(s))
		}},
	}
}

// escapePattern is Python's re.escape.
func escapePattern(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// maxPattern bounds a pattern's text.
const maxPattern = 1000

// pattern is the argument called pattern, counted for a search in n bytes.
func (c *invocation) pattern(prefix, in string) (*regexp.Regexp, error) {
	text, err := c.word("pattern", "")
	if err != nil {
		return nil, err
	}
	if len(text) > maxPattern {
		return nil, fmt.Errorf("the pattern is over %d bytes", maxPattern)
	}
	flags := ""
	if c.flag("ignorecase", false) {
		flags += "i"
	}
	if c.flag("multiline", false) {
		flags += "m"
	}
	if flags != "" {
		prefix = "(?" + flags + ")" + prefix
	}
	text = strings.ReplaceAll(text, `\Z`, `\z`)
	parsed, err := syntax.Parse(prefix+text, syntax.Perl)
	if err != nil {
		return nil, badPattern(err)
	}
	if err := sameAsPython(parsed, text, in); err != nil {
		return nil, err
	}
	n := len(in)
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, badPattern(err)
	}
	if err := c.spend(100 + len(program.Inst) + n/64*(1+len(program.Inst)/4)); err != nil {
		return nil, err
	}
	return regexp.Compile(prefix + text)
}

// classes are the escapes that mean more letters in Python than in RE2.
var classes = regexp.MustCompile(`(^|[^\\])(\\\\)*\\[wWdDsSbB]`)

// sameAsPython refuses a search in which Python would find something else.
func sameAsPython(p *syntax.Regexp, text, in string) error {
	if classes.MatchString(text) && strings.IndexFunc(in, func(r rune) bool { return r > unicode.MaxASCII }) >= 0 {
		return hint(`write the letters that are meant: [\pL\pN_] for \w`, "the text has letters beyond ASCII, which \\w, \\d, \\s and \\b do not know here")
	}
	if strings.HasSuffix(in, "\n") && endsText(p) {
		return hint("send the text through trim first", "the text ends with a line break, and $ stands behind it here, but before it in Python")
	}
	return nil
}

// endsText reports whether p has a $ that is the end of the text.
func endsText(p *syntax.Regexp) bool {
	return p.Op == syntax.OpEndText && p.Flags&syntax.WasDollar != 0 || slices.ContainsFunc(p.Sub, endsText)
}

func badPattern(err error) error {
	why := err.Error()
	var e *syntax.Error
	if errors.As(err, &e) {
		why = e.Code.String()
	}
	return hint("patterns are RE2's: no look-ahead, look-behind or back reference", "the pattern cannot be used: %s", why)
}

var (
	groupNumber = regexp.MustCompile(`\\([0-9]+)|\\g<([A-Za-z0-9_]+)>`)
)

// piece is a part of a replacement: a text, or what a group matched.
type piece struct {
	text  string
	group int // -1 for a text
}

// replacement takes Python's \1 and \g<name> apart.
func replacement(re *regexp.Regexp, s string) []piece {
	plain := strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`)
	var parts []piece
	last := 0
	for _, m := range groupNumber.FindAllStringSubmatchIndex(s, -1) {
		parts = append(parts, piece{plain.Replace(s[last:m[0]]), -1})
		last = m[1]
		name := groupNumber.ReplaceAllString(s[m[0]:m[1]], "$1$2")
		n, err := strconv.Atoi(name)
		if err != nil {
			n = re.SubexpIndex(name)
		}
		parts = append(parts, piece{"", n})
	}
	return append(parts, piece{plain.Replace(s[last:]), -1})
}

func regexReplace(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	re, err := c.pattern("", s)
	if err != nil {
		return nil, err
	}
	by, err := c.word("replacement", "")
	if err != nil {
		return nil, err
	}
	found := re.FindAllStringSubmatchIndex(s, maxItems+1)
	if len(found) > maxItems {
		return nil, tooMuch("more than %d matches", maxItems)
	}
	if err := sameEmpty(re, found); err != nil {
		return nil, err
	}
	parts := replacement(re, by)
	var out strings.Builder
	last := 0
	for _, m := range found {
		out.WriteString(s[last:m[0]])
		last = m[1]
		for _, p := range parts {
			if err := c.spend(1 + out.Len()/maxText); err != nil {
				return nil, err
			}
			text := p.text
			if 2*p.group+1 < len(m) && p.group >= 0 && m[2*p.group] >= 0 {
				text = s[m[2*p.group]:m[2*p.group+1]]
			}
			if out.Len()+len(text) > maxText {
				return nil, c.text(-1)
			}
			out.WriteString(text)
		}
	}
	out.WriteString(s[last:])
	return c.made(out.String())
}

// sameEmpty refuses what Python replaces twice: behind a match it finds the
// empty text, too.
func sameEmpty(re *regexp.Regexp, found [][]int) error {
	filled := slices.ContainsFunc(found, func(m []int) bool { return m[1] > m[0] })
	if filled && re.MatchString("") && !strings.HasPrefix(strings.TrimLeft(re.String(), "(?ims:)"), "^") {
		return hint("begin the pattern with ^, or write + for *", "the pattern also matches the empty text, which Python replaces behind each match")
	}
	return nil
}

// regexSearch is the first match, or the groups that were asked for, or none.
func regexSearch(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	re, err := c.pattern("", s)
	if err != nil {
		return nil, err
	}
	m := re.FindStringSubmatch(s)
	if m == nil {
		return nil, nil
	}
	if len(c.list) == 0 {
		return c.made(m[0])
	}
	var groups []any
	for _, v := range c.list {
		ref, _ := v.(string)
		parts := groupNumber.FindStringSubmatch(ref)
		if parts == nil {
			return nil, errors.New(`a group is written '\1' or '\g<name>'`)
		}
		n, err := strconv.Atoi(parts[1] + parts[2])
		if err != nil {
			n = re.SubexpIndex(parts[2])
		}
		if n < 0 || n >= len(m) {
			return nil, errors.New("the pattern has no such group")
		}
		groups = append(groups, m[n])
	}
	return c.listed(groups)
}

// regexFindall is all matches: of the whole, of the one group, or of all.
func regexFindall(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	re, err := c.pattern("", s)
	if err != nil {
		return nil, err
	}
	out := []any{}
	found := re.FindAllStringSubmatch(s, maxItems+1)
	if len(found) > maxItems {
		return nil, tooMuch("more than %d matches", maxItems)
	}
	for _, m := range found {
		switch len(m) {
		case 1, 2:
			out = append(out, m[len(m)-1])
		default:
			out = append(out, tuple(texts(m[1:])))
		}
		if err := c.items(len(m)); err != nil {
			return nil, err
		}
	}
	return c.listed(out)
}
