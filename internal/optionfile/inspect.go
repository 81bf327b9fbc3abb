package optionfile

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	bom    = "\uFEFF"
	nbsp   = "\u00A0"
	curlys = "\u201C\u201D\u2018\u2019"
)

// inspect collects the problems of all lines. Lines behind the one at which
// the server gives up are inspected too: all problems in one answer.
func (f *File) inspect() []Problem {
	var out []Problem
	for i, l := range f.lines {
		found := inspectBytes(l)
		switch l.kind {
		case header:
			found = append(found, inspectHeader(l)...)
		case directive:
			found = append(found, inspectDirective(l)...)
		case option:
			if i == f.read {
				found = append(found, orphan(l))
			}
			found = append(found, inspectOption(l)...)
		}
		for _, p := range found {
			p.File, p.Line = f.name, l.no
			out = append(out, p)
		}
	}
	return out
}

func orphan(l line) Problem {
	if strings.HasPrefix(l.raw, bom) {
		return Problem{Severity: Fatal, Text: "the file begins with a byte order mark, which the server takes for an option outside any group",
			Do: "save it as UTF-8 without BOM"}
	}
	return Problem{Severity: Fatal, Text: "an option stands before the first [group]", Do: "put a group header above it"}
}

// inspectBytes looks for what breaks a line whatever its kind.
func inspectBytes(l line) []Problem {
	var out []Problem
	refuse := func(text, do string) { out = append(out, Problem{Severity: Refuse, Text: text, Do: do}) }
	if len(l.raw) >= maxLine && l.eol() == "" {
		refuse(fmt.Sprintf("the line is longer than %d bytes; the server reads the rest as another line", maxLine), "shorten it")
	}
	if strings.IndexByte(l.raw, 0) >= 0 {
		refuse("the line has a NUL byte; the server ignores what follows it", "remove it")
	}
	if strings.Contains(strings.TrimRight(l.raw, "\r\n"), "\r") {
		refuse("the line has a carriage return inside, which the server does not take for a line end", "save the file with LF line ends")
	}
	return out
}

func inspectHeader(l line) []Problem {
	warn := func(text, do string) []Problem { return []Problem{{Severity: Warning, Text: text, Do: do}} }
	switch {
	case !l.closed:
		return []Problem{{Severity: Fatal, Text: "the group header has no \"]\"", Do: "close it"}}
	case strings.HasPrefix(l.group, " ") || strings.HasPrefix(l.group, "\t") || strings.HasPrefix(l.group, nbsp):
		return []Problem{{Severity: Refuse, Text: fmt.Sprintf("the name of [%s] begins with a blank, so no program reads this group", l.group),
			Do: fmt.Sprintf("write [%s]", strings.TrimSpace(l.group))}}
	}
	rest := strings.TrimSpace(l.raw[l.end:])
	if rest != "" && rest[0] != '#' && rest[0] != ';' {
		return warn(fmt.Sprintf("the server ignores the text behind [%s]", l.group), "put it on a line of its own")
	}
	return nil
}

func inspectDirective(l line) []Problem {
	one := func(s Severity, text, do string) []Problem { return []Problem{{Severity: s, Text: text, Do: do}} }
	switch {
	case l.wrong:
		return one(Fatal, fmt.Sprintf("!%s has no argument", l.word), "name a file or remove the line")
	case l.word != "include" && l.word != "includedir":
		return one(Warning, fmt.Sprintf("the server ignores the unknown directive !%s", l.word), "only !include and !includedir exist")
	case l.eol() == "" && !losesNothing(l):
		return one(Refuse, fmt.Sprintf("!%s is the last line and has no newline, so the server drops the last character of its argument", l.word),
			"end the file with a newline")
	case l.word == "includedir" && strings.ContainsAny(l.arg, "#;"):
		return one(Refuse, "a comment behind !includedir is read as part of the directory's name", "put the comment on a line of its own")
	case strings.ContainsAny(l.arg, "#;\"'"):
		return one(Warning, "quotes and comments are read as part of the file's name, and a missing file is skipped without a sound", "write the bare path")
	case strings.HasPrefix(l.arg, "~"):
		return one(Warning, "the meaning of ~ depends on who starts the program", "write the whole path")
	}
	return nil
}

// losesNothing reports whether the character that the server drops from a last
// line without newline does not matter: a blank, or the slash of a directory.
func losesNothing(l line) bool {
	last := l.raw[len(l.raw)-1]
	return isBlank(last) || last == '/' && l.word == "includedir"
}

func inspectOption(l line) []Problem {
	var out []Problem
	add := func(s Severity, text, do string) { out = append(out, Problem{Severity: s, Text: text, Do: do}) }
	key, raw := l.keyText(), ""
	if l.hasValue {
		raw = l.val.of(l.raw)
	}
	switch {
	case key == "":
		add(Refuse, "there is no option name before \"=\"; what the server makes of it is undefined", "remove the line")
	case strings.HasPrefix(key, "-"):
		add(Warning, "the option name begins with a dash, so no program knows it", "remove the dashes")
	case strings.ContainsAny(key, " \t:"):
		add(Warning, "the option name has blanks or a colon in it; a name ends at \"=\" only", "write name = value")
	}
	if !isASCII(l.raw[:l.end]) {
		out = append(out, inspectForeign(l, key, raw)...)
	}
	return append(out, inspectQuotes(l, raw)...)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// inspectForeign looks for characters outside of ASCII that were meant to be
// one of it.
func inspectForeign(l line, key, raw string) []Problem {
	var out []Problem
	add := func(s Severity, text, do string) { out = append(out, Problem{Severity: s, Text: text, Do: do}) }
	switch {
	case curlyEdge(key) || curlyEdge(raw):
		add(Refuse, "curly quotes stand where straight ones were meant; the server reads them as part of the text", "replace them by \"")
	case strings.ContainsAny(key+raw, curlys):
		add(Warning, "there are curly quotes in the line; they are no quotes to the server", "")
	}
	switch {
	case blankEdge(l):
		add(Refuse, "a no-break space or another character that ends in byte A0 stands at the edge; the server cuts it apart", "remove it or quote the value")
	case strings.Contains(key+raw, nbsp):
		add(Warning, "there is a no-break space in the line", "write a plain blank")
	}
	return out
}

func inspectQuotes(l line, raw string) []Problem {
	var out []Problem
	if raw != "" && (raw[0] == '"' || raw[0] == '\'') && quoteOf(raw) == 0 {
		out = append(out, Problem{Severity: Warning, Text: "the value begins with a quote that does not end it, so the quote belongs to the value"})
	}
	glued := l.end < len(l.raw) && l.raw[l.end] == '#' && l.end > 0 && !isBlank(l.raw[l.end-1])
	if glued && quoteOf(raw) == 0 {
		p := Problem{Severity: Warning, Text: "the value ends at \"#\", which begins a comment", Do: "quote the value, or put a blank before the comment"}
		if sameKey(l.keyText(), providerOptions) { // what is behind was meant, and an edit would make its loss last
			p.Severity = Refuse
		}
		out = append(out, p)
	}
	return out
}

func curlyEdge(s string) bool {
	return s != strings.Trim(s, curlys)
}

// blankEdge reports whether the server cuts a byte A0 off the edge of the name
// or the value, or leaves half a no-break space there.
func blankEdge(l line) bool {
	parts := []string{l.raw[:l.end]}
	if l.hasValue {
		parts = []string{l.raw[:l.eq], l.raw[l.eq+1 : l.end]}
	}
	for _, p := range parts {
		p = strings.Trim(p, " \t\n\v\f\r")
		if p == "" {
			continue
		}
		if p[0] == 0xA0 || p[len(p)-1] == 0xA0 || strings.HasPrefix(p, nbsp) {
			return true
		}
	}
	return false
}
