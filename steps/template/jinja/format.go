package jinja

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

func (c *invocation) formatted() (any, error) {
	s, err := c.inText()
	if err != nil {
		return nil, err
	}
	return c.format(s, c.list)
}

// maxWidth bounds what a format may ask for.
const maxWidth = 1000

// format is Python's `text % args`, with the verbs that configuration needs.
func (b *budget) format(s string, args tuple) (any, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, "%")
		out.WriteString(before)
		if !found {
			break
		}
		if strings.HasPrefix(rest, "%") {
			out.WriteByte('%')
			s = rest[1:]
			continue
		}
		n := strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune("-+ #0123456789.", r) })
		if n < 0 {
			return nil, errors.New("the format ends inside of a %")
		}
		if len(args) == 0 {
			return nil, errors.New("the format wants more values than there are")
		}
		text, err := b.verb(rest[:n], rest[n], args[0])
		if err != nil {
			return nil, err
		}
		if out.Len()+len(text) > maxText {
			return nil, b.text(-1)
		}
		out.WriteString(text)
		s, args = rest[n+1:], args[1:]
	}
	if len(args) > 0 {
		return nil, errors.New("there are more values than the format wants")
	}
	return out.String(), b.text(out.Len())
}

// verb formats one value by its flags and letter.
func (b *budget) verb(flags string, verb byte, v any) (string, error) {
	if err := b.spend(1); err != nil {
		return "", err
	}
	if err := narrow(flags); err != nil {
		return "", err
	}
	switch verb {
	case 's', 'r':
		s, err := b.str(v)
		if quoted, ok := v.(string); ok && verb == 'r' {
			s = pyQuote(quoted)
		}
		return fmt.Sprintf("%"+spaces(flags)+"s", s), err
	case 'd', 'i', 'u', 'x', 'X', 'o':
		return wholeVerb(flags, verb, v)
	case 'f', 'e', 'g', 'F', 'E', 'G':
		f, ok := number(v)
		if !ok {
			return "", fmt.Errorf("%%%c takes a number, but this is %s", verb, shape(v))
		}
		return fmt.Sprintf("%"+flags+string(verb), f), nil
	}
	return "", fmt.Errorf("there is no format %%%c here", verb)
}

// spaces takes away the zero that fills numbers: a text is filled with spaces.
func spaces(flags string) string {
	n := strings.IndexFunc(flags, func(r rune) bool { return !strings.ContainsRune("-+ #0", r) })
	if n < 0 {
		n = len(flags)
	}
	return strings.NewReplacer("0", "", "#", "").Replace(flags[:n]) + flags[n:]
}

// wholeVerb formats a whole number; %d cuts what stands behind the point.
func wholeVerb(flags string, verb byte, v any) (string, error) {
	n, ok := integer(v)
	decimal := verb == 'd' || verb == 'i' || verb == 'u'
	if f, isFloat := v.(float64); isFloat && decimal {
		if math.Abs(f) >= 1<<62 {
			return "", fmt.Errorf("%%%c: the number is too big", verb)
		}
		n, ok = int(f), true
	}
	if !ok {
		return "", fmt.Errorf("%%%c takes a whole number, but this is %s", verb, shape(v))
	}
	if decimal {
		verb = 'd'
	} else if verb == 'o' && strings.Contains(flags, "#") {
		flags, verb = strings.ReplaceAll(flags, "#", ""), 'O'
	}
	return fmt.Sprintf("%"+flags+string(verb), n), nil
}

// narrow refuses widths that only fill memory.
func narrow(flags string) error {
	for _, digits := range strings.FieldsFunc(flags, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(digits); err != nil || n > maxWidth {
			return fmt.Errorf("a format may be %d wide", maxWidth)
		}
	}
	return nil
}
