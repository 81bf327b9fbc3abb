package inventory

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// maxHosts bounds how many hosts ranges may unfold to, so that a slip such as
// db[1:10000000] is an answer and not a full memory.
const maxHosts = 100_000

// splitPort takes the port off a host key: db1:2222, [fd00::1]:2222. Port is 0
// when there is none.
func splitPort(key string) (name string, port int, err error) {
	if _, err := netip.ParseAddr(key); err == nil {
		return key, 0, nil
	}
	rest := ""
	if inner, after, ok := bracketed(key); ok {
		name, rest = inner, after
	} else {
		at := strings.LastIndexByte(key, ':')
		if at < 0 || at < strings.LastIndexByte(key, ']') {
			return key, 0, nil
		}
		name, rest = key[:at], key[at:]
	}
	if rest == "" {
		return name, 0, nil
	}
	digits, ok := strings.CutPrefix(rest, ":")
	if port, err = parsePort(digits); err != nil || !ok {
		return "", 0, fmt.Errorf("%q does not end in a port between 1 and 65535", key)
	}
	return name, port, nil
}

// bracketed takes an IPv6 address in brackets off the front of key.
func bracketed(key string) (inner, after string, ok bool) {
	rest, ok := strings.CutPrefix(key, "[")
	if !ok {
		return "", "", false
	}
	inner, after, ok = strings.Cut(rest, "]")
	if _, err := netip.ParseAddr(inner); !ok || err != nil {
		return "", "", false
	}
	return inner, after, true
}

func parsePort(text string) (int, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("%q is not a port between 1 and 65535", text)
	}
	return int(port), nil
}

// unfold returns the names that a name with ranges stands for: db[01:20],
// db[a:c], db[1:9:2], in the order in which Ansible counts them.
func unfold(name string, room int) ([]string, error) {
	names := []string{""}
	for rest := name; rest != ""; {
		before, after, found := strings.Cut(rest, "[")
		body, next, closed := strings.Cut(after, "]")
		if found && !closed {
			return nil, fmt.Errorf("the range in %q has no closing bracket", name)
		}
		items := []string{""}
		if found {
			var err error
			if items, err = span(body, room); err != nil {
				return nil, fmt.Errorf("the range [%s] in %q %w", body, name, err)
			}
		}
		if len(names)*len(items) > room {
			return nil, fmt.Errorf("the ranges in %q unfold to more than %d hosts", name, maxHosts)
		}
		names = join(names, before, items)
		rest = next
	}
	return names, nil
}

func join(names []string, between string, items []string) []string {
	out := make([]string, 0, len(names)*len(items))
	for _, name := range names {
		for _, item := range items {
			out = append(out, name+between+item)
		}
	}
	return out
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// span unfolds the inside of one range: first:last or first:last:step.
func span(body string, room int) ([]string, error) {
	parts := strings.Split(body, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, fmt.Errorf("is not first:last or first:last:step")
	}
	step := 1
	if len(parts) == 3 {
		var err error
		if step, err = strconv.Atoi(parts[2]); err != nil || step < 1 {
			return nil, fmt.Errorf("has a step that is not a number above 0")
		}
	}
	first, last, width, err := ends(parts[0], parts[1])
	if err != nil {
		return nil, err
	}
	if first > last {
		return nil, fmt.Errorf("ends before it begins")
	}
	if (last-first)/step >= room {
		return nil, fmt.Errorf("unfolds to more than %d hosts", maxHosts)
	}
	var out []string
	for i := first; i <= last; i += min(step, last-i+1) {
		if width < 0 {
			out = append(out, letters[i:i+1])
		} else {
			out = append(out, fmt.Sprintf("%0*d", width, i))
		}
	}
	return out, nil
}

// ends reads both ends of a range. A width below 0 says that they are letters;
// one above 0 that a leading zero asks for padding.
func ends(a, b string) (first, last, width int, err error) {
	if len(a) == 1 && len(b) == 1 && strings.Contains(letters, a) && strings.Contains(letters, b) {
		return strings.Index(letters, a), strings.Index(letters, b), -1, nil
	}
	if a == "" {
		a = "0"
	}
	for _, end := range []string{a, b} {
		if len(end) > 9 || !isDigits(end) {
			return 0, 0, 0, fmt.Errorf("has the end %q, which is neither a number nor a single letter", end)
		}
	}
	if len(a) > 1 && a[0] == '0' {
		if len(a) != len(b) {
			return 0, 0, 0, fmt.Errorf("is padded with zeros, so both ends need as many digits")
		}
		width = len(a)
	}
	first, _ = strconv.Atoi(a) // both are up to nine digits
	last, _ = strconv.Atoi(b)
	return first, last, width, nil
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// checkHostName refuses what could be taken for an option, a path, a pattern
// or an expression.
func checkHostName(name string) error {
	if _, err := netip.ParseAddr(name); err == nil && !strings.Contains(name, "/") {
		return nil
	}
	return checkName("host", name)
}

// checkName holds for hosts and groups: the name begins with a letter, a digit
// or an underscore; later dots and dashes may follow.
func checkName(what, name string) error {
	if name == "" {
		return fmt.Errorf("the name of a %s is empty", what)
	}
	for i, c := range name {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || c == '_' || i > 0 && (c == '.' || c == '-') {
			continue
		}
		if i == 0 {
			return fmt.Errorf("%q cannot be the name of a %s: it begins with %q", name, what, c)
		}
		return fmt.Errorf("%q cannot be the name of a %s: it holds %q", name, what, c)
	}
	return nil
}
