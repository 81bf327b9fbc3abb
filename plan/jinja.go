package plan

import (
	"fmt"
	"regexp"
	"strings"
)

// foreign tells how to say what a text means that is Jinja through and through:
// what expr would read as something else, or explain badly.
func foreign(text string) string {
	switch {
	case strings.Contains(text, "{%"), strings.Contains(text, "{#"):
		return "there are no {% %} blocks in a plan: use when, loop, or a template file"
	case strings.HasPrefix(strings.TrimSpace(text), "{{"):
		return "write the condition without {{ }}: it is an expression already"
	}
	outside := blank(text)
	if m := jinjaLookup.FindStringIndex(outside); m != nil {
		return "there are no lookups: use !secret for secrets, vars_files for files, -e for values of the command line"
	}
	return ""
}

var (
	jinjaLookup  = regexp.MustCompile(`\b(lookup|query)\s*\(`)
	jinjaDefined = regexp.MustCompile(`([\w.]+) is (not )?(defined|undefined)`)
	jinjaNone    = regexp.MustCompile(` is (not )?(none|None|null)\b`)
	jinjaTest    = regexp.MustCompile(`([\w.]+) is (not )?(\w+)`)
	jinjaIf      = regexp.MustCompile(`^(.+?) if (.+?) else (.+)$`)
	jinjaFilter  = regexp.MustCompile(`\|\s*(\w+)\s*(\||$)`)
	jinjaTilde   = regexp.MustCompile(`\s*~\s*`)
)

// spelling is the right way to say what text, which does not compile, most
// likely means.
func spelling(text string) string {
	outside := blank(text)
	switch {
	case jinjaDefined.MatchString(outside):
		m := jinjaDefined.FindStringSubmatch(outside)
		return fmt.Sprintf("every variable must exist: give %s a default in group_vars/all.yml (`%s: null`), and write `%s`",
			m[1], m[1], m[1]+map[bool]string{true: " != nil", false: " == nil"}[(m[2] == "") == (m[3] == "defined")])
	case jinjaIf.MatchString(outside):
		m := jinjaIf.FindStringSubmatchIndex(outside)
		return fmt.Sprintf("write `%s ? %s : %s`", text[m[4]:m[5]], text[m[2]:m[3]], text[m[6]:m[7]])
	case jinjaNone.MatchString(outside):
		return fmt.Sprintf("write `%s`", jinjaNone.ReplaceAllStringFunc(outside, func(m string) string {
			if strings.Contains(m, "not") {
				return " != nil"
			}
			return " == nil"
		}))
	case jinjaTest.MatchString(outside):
		m := jinjaTest.FindStringSubmatch(outside)
		return fmt.Sprintf("there are no tests with `is`: compare instead, such as `%s %s ...`", m[1], map[bool]string{true: "==", false: "!="}[m[2] == ""])
	case strings.Contains(outside, "~"):
		return fmt.Sprintf("write `%s`; string() makes a text of a number", jinjaTilde.ReplaceAllString(text, " + "))
	case jinjaFilter.MatchString(outside):
		return fmt.Sprintf("write `%s`: functions have brackets", withBrackets(text))
	default:
		return ""
	}
}

// withBrackets gives each filter without arguments its brackets.
func withBrackets(text string) string {
	for {
		m := jinjaFilter.FindStringSubmatchIndex(blank(text))
		if m == nil {
			return text
		}
		text = text[:m[3]] + "()" + text[m[3]:]
	}
}

// blank is text with what stands in quotes replaced by as many underscores, so
// that positions stay.
func blank(text string) string {
	out := []byte(text)
	for i := 0; i < len(out); i++ {
		c := out[i]
		if c != '"' && c != '\'' && c != '`' {
			continue
		}
		for i++; i < len(out) && out[i] != c; i++ {
			if out[i] == '\\' && c != '`' && i+1 < len(out) {
				out[i] = '_'
				i++
			}
			out[i] = '_'
		}
	}
	return string(out)
}
