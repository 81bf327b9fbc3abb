package inventory

import (
	"regexp"

	"lockstep/internal/source"
)

var (
	quotedText  = regexp.MustCompile(`'(\\.|[^'\\])*'|"(\\.|[^"\\])*"`)
	lookupCall  = regexp.MustCompile(`(?:^|[^\w.])(lookup|query|q)\s*\(\s*(?:\x00([\w.]+))?`)
	jinjaOpens  = regexp.MustCompile(`\{\{|\{%`)
	jinjaCloses = regexp.MustCompile(`\}\}|%\}`)
	lookupName  = regexp.MustCompile(`^['"]([\w.]+)['"]$`)
)

// refuseLookups records each value that asks Ansible to fetch something: run a
// program, read a file, call a service. What it would be is not known here.
func (b *builder) refuseLookups(v source.Value) {
	for _, item := range v.Items {
		b.refuseLookups(item)
	}
	for _, f := range v.Fields {
		b.refuseLookups(f.Value)
	}
	text, isText := v.Any.(string)
	if v.Shape != source.Scalar || !isText {
		return
	}
	for _, part := range jinjaOpens.Split(text, -1)[1:] {
		if call := lookupIn(part); call != "" {
			b.fail(v.Errorf("write the value itself, keep it in a vault, or pass it with -e",
				"the lookup %s is not done: only what stands in the files is read", call))
		}
	}
}

// lookupIn names the first lookup in an expression, which ends at }} or %}.
func lookupIn(expression string) string {
	bare := quotedText.ReplaceAllStringFunc(expression, func(quoted string) string {
		if m := lookupName.FindStringSubmatch(quoted); m != nil {
			return "\x00" + m[1]
		}
		return `""`
	})
	m := lookupCall.FindStringSubmatch(jinjaCloses.Split(bare, 2)[0])
	switch {
	case m == nil:
		return ""
	case m[2] == "":
		return m[1] + "(...)"
	}
	return m[1] + "('" + m[2] + "', ...)"
}
