package inventory

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
)

// regex lists what a regular expression matches from the beginning of a name,
// as Python's re.match does.
func (m *matcher) regex(element, text string) ([]*Host, bool) {
	if what := lackedBy(text); what != "" {
		m.fail(element, "write it without, as a glob, or name the hosts", "the regular expression ~%s uses %s, which is not understood here (RE2 is)", text, what)
		return nil, false
	}
	re, err := regexp.Compile(`\A(?:` + text + `)`)
	if err != nil {
		m.fail(element, "", "~%s is not a regular expression: %s", text, complaint(err))
		return nil, false
	}
	hosts, known := m.matching(re.MatchString)
	if !known {
		m.fail(element, "it is matched from the beginning of a name; begin it with .* to find it anywhere", "no host or group matches ~%s", text)
	}
	return hosts, known
}

// lackedBy names what Python's regular expressions have and RE2 has not.
func lackedBy(text string) string {
	text = strings.ReplaceAll(text, `\\`, "")
	for _, lack := range []struct{ mark, name string }{
		{"(?=", "a lookahead (?=...)"}, {"(?!", "a negative lookahead (?!...)"},
		{"(?<=", "a lookbehind (?<=...)"}, {"(?<!", "a negative lookbehind (?<!...)"},
		{"(?P=", "a backreference (?P=...)"}, {"(?(", "a conditional (?(...)...)"},
		{"(?>", "an atomic group (?>...)"}, {"(?#", "a comment (?#...)"}, {`\Z`, `\Z (write $)`},
	} {
		if strings.Contains(text, lack.mark) {
			return lack.name
		}
	}
	if m := backreference.FindString(text); m != "" {
		return "a backreference " + m
	}
	return ""
}

var backreference = regexp.MustCompile(`\\[1-9]`)

// complaint is what the regexp package says, without the text it was given.
func complaint(err error) string {
	if wrong := (*syntax.Error)(nil); errors.As(err, &wrong) {
		return wrong.Code.String()
	}
	return err.Error()
}
