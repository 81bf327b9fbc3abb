package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
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
			return c.made(regexp.QuoteMeta(s))
		}},
	}
}

// maxPattern bounds a pattern's text.
const maxPattern = 1000

// pattern is the argument called pattern, counted for a search in n bytes.
func (c *invocation) pattern(prefix string, n int) (*regexp.Regexp, error) {
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
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, badPattern(err)
	}
	if err := c.spend(100 + len(program.Inst) + n/64*(1+len(program.Inst)/4)); err != nil {
		return nil, err
	}
	return regexp.Compile(prefix + text)
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

// replacement turns Python's \1 and \g<name> into Go's ${1} and ${name}.
func replacement(s string) string {
	s = strings.ReplaceAll(s, "$", "$$")
	s = groupNumber.ReplaceAllString(s, "$${$1$2}")
	return strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`).Replace(s)
}

func regexReplace(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	re, err := c.pattern("", len(s))
	if err != nil {
		return nil, err
	}
	by, err := c.word("replacement", "")
	if err != nil {
		return nil, err
	}
	by = replacement(by)
	var out []byte
	last := 0
	for _, m := range re.FindAllStringSubmatchIndex(s, -1) {
		out = append(out, s[last:m[0]]...)
		out = re.ExpandString(out, by, s, m)
		last = m[1]
		if err := c.spend(1 + len(by)/64); err != nil {
			return nil, err
		}
		if len(out) > maxText {
			return nil, c.text(-1)
		}
	}
	return c.made(string(append(out, s[last:]...)))
}

// regexSearch is the first match, or the groups that were asked for, or none.
func regexSearch(c *invocation) (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	re, err := c.pattern("", len(s))
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
	re, err := c.pattern("", len(s))
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, m := range re.FindAllStringSubmatch(s, maxItems) {
		switch len(m) {
		case 1, 2:
			out = append(out, m[len(m)-1])
		default:
			out = append(out, texts(m[1:]))
		}
		if err := c.items(len(m)); err != nil {
			return nil, err
		}
	}
	return c.listed(out)
}
