package remote

import (
	"errors"
	"fmt"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"lockstep/steps"
)

// commandScript renders a command for the remote sh. Arguments are quoted, and
// exec runs a program even where the sh has a builtin of the same name.
func commandScript(c steps.Command) (string, error) {
	body, err := execScript(c)
	if err != nil || len(c.Stdin) == 0 {
		return body, err
	}
	// printf is a builtin, so that the bytes are in nobody's argument list.
	return "printf '%b' " + printfQuote(c.Stdin) + " | (\n" + body + "\n)", nil
}

func execScript(c steps.Command) (string, error) {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return "", errors.New("a command needs a program")
	}
	for _, word := range append(append([]string{c.Dir}, c.Argv...), c.Env...) {
		if strings.ContainsRune(word, 0) {
			return "", fmt.Errorf("%s: a zero byte cannot stand in an argument", c)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "cd %s || exit 126\n", shellescape.Quote(orElse(c.Dir, "/")))
	for _, pair := range c.Env {
		key, value, found := strings.Cut(pair, "=")
		if !found || !isName(key) {
			return "", fmt.Errorf("%s: environment %q is not KEY=value", c, key)
		}
		fmt.Fprintf(&b, "%s=%s; export %s\n", key, shellescape.Quote(value), key)
	}
	program := shellescape.Quote(c.Argv[0])
	fmt.Fprintf(&b, "command -v %s >/dev/null || { printf '%%s: not found\\n' %s >&2; exit 127; }\n", program, program)
	fmt.Fprintf(&b, "exec %s", shellescape.QuoteCommand(c.Argv))
	return b.String(), nil
}

func isName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// printfQuote quotes bytes for printf '%b'. The result is one line of printable
// ASCII, since shells differ in what they do with anything else.
func printfQuote(data []byte) string {
	var b strings.Builder
	b.Grow(len(data) + len(data)/8 + 2)
	b.WriteByte('\'')
	for _, c := range data {
		switch {
		case c == '\\':
			b.WriteString(`\\`)
		case c == '\n':
			b.WriteString(`\n`)
		case c < ' ' || c >= 0x7f || c == '\'':
			fmt.Fprintf(&b, `\0%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
