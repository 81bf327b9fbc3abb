package inventory

import (
	"net/netip"
	"strings"
)

// splitPattern cuts a pattern into its elements. A colon inside brackets or
// inside an IPv6 address does not cut; in a regular expression nothing inside
// brackets of any kind does.
func splitPattern(pattern string) []string {
	var elements []string
	for _, part := range cut(pattern, ',') {
		part = strings.TrimSpace(part)
		if isAddress(strings.TrimLeft(part, "!&")) {
			elements = append(elements, part)
			continue
		}
		for _, e := range cut(part, ':') {
			if e = strings.TrimSpace(e); e != "" {
				elements = append(elements, e)
			}
		}
	}
	return elements
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// cut splits text at a separator outside brackets.
func cut(text string, separator rune) []string {
	var parts []string
	start, depth, regex, escaped := 0, 0, false, false
	for i, c := range text {
		switch {
		case escaped:
			escaped = false
		case c == '~' && strings.Trim(text[start:i], " !&") == "":
			regex = true
		case c == '\\' && regex:
			escaped = true
		case c == '[' || regex && (c == '(' || c == '{'):
			depth++
		case c == ']' || regex && (c == ')' || c == '}'):
			depth = max(0, depth-1)
		case c == separator && depth == 0:
			parts = append(parts, text[start:i])
			start, regex = i+1, false
		case (c == ',' || c == ':') && depth == 0:
			regex = false
		}
	}
	return append(parts, text[start:])
}
