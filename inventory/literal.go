package inventory

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLiteral bounds how deep a literal may nest.
const maxLiteral = 100

var errNoLiteral = errors.New("not a literal")

// literal reads text as Python's ast.literal_eval does, which is how Ansible
// finds the type of a value in INI. What is no literal is plain text, and ok is
// false. The error names a literal that has no counterpart here.
func literal(text string) (value any, ok bool, err error) {
	p := literalReader{rest: strings.TrimLeft(text, " \t")}
	value, err = p.tuple()
	if err == nil {
		if p.blanks(); p.rest != "" {
			err = errNoLiteral
		}
	}
	if errors.Is(err, errNoLiteral) {
		return text, false, nil
	}
	return value, err == nil, err
}

type literalReader struct {
	rest  string
	depth int
}

// blanks passes over blanks and a comment, which Python allows behind a value.
func (p *literalReader) blanks() {
	p.rest = strings.TrimLeft(p.rest, " \t\f\r\n")
	if strings.HasPrefix(p.rest, "#") {
		p.rest = ""
	}
}

func (p *literalReader) take(token string) bool {
	p.blanks()
	rest, ok := strings.CutPrefix(p.rest, token)
	p.rest = rest
	return ok
}

// tuple reads one value, or several with commas between them.
func (p *literalReader) tuple() (any, error) {
	first, err := p.value()
	if err != nil || !p.take(",") {
		return first, err
	}
	rest, err := p.items("")
	return append([]any{first}, rest...), err
}

// items reads values up to the token that ends them, or to the end of the text.
func (p *literalReader) items(end string) ([]any, error) {
	list := []any{}
	for {
		if p.blanks(); end == "" && p.rest == "" || end != "" && p.take(end) {
			return list, nil
		}
		item, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, item)
		if p.take(",") {
			continue
		}
		if end == "" && p.rest == "" || end != "" && p.take(end) {
			return list, nil
		}
		return nil, errNoLiteral
	}
}

func (p *literalReader) value() (any, error) {
	if p.depth++; p.depth > maxLiteral {
		return nil, errors.New("nests too deep")
	}
	defer func() { p.depth-- }()
	switch p.blanks(); {
	case p.rest == "":
		return nil, errNoLiteral
	case p.take("["):
		return p.items("]")
	case p.take("("):
		return p.parenthesis()
	case p.take("{"):
		return p.dict()
	}
	if text, ok, err := p.strings(); ok || err != nil {
		return text, err
	}
	return p.word()
}

// parenthesis reads what follows an opening one: a tuple, or one value in it.
func (p *literalReader) parenthesis() (any, error) {
	if p.take(")") {
		return []any{}, nil
	}
	first, err := p.value()
	if err != nil {
		return nil, err
	}
	if p.take(")") {
		return first, nil
	}
	if !p.take(",") {
		return nil, errNoLiteral
	}
	rest, err := p.items(")")
	return append([]any{first}, rest...), err
}

func (p *literalReader) dict() (any, error) {
	dict := map[string]any{}
	for !p.take("}") {
		key, err := p.value()
		if err != nil {
			return nil, err
		}
		if !p.take(":") {
			return nil, p.set()
		}
		name, isScalar := keyText(key)
		if !isScalar {
			return nil, errors.New("has a list or map as a key")
		}
		if dict[name], err = p.value(); err != nil {
			return nil, err
		}
		if !p.take(",") && !strings.HasPrefix(p.rest, "}") {
			return nil, errNoLiteral
		}
	}
	return dict, nil
}

// set refuses {1, 2}; what only begins like a set is no literal.
func (p *literalReader) set() error {
	if p.take("}") {
		return errors.New("is a set; write a list: [1, 2]")
	}
	if !p.take(",") {
		return errNoLiteral
	}
	if _, err := p.items("}"); err != nil {
		return err
	}
	return errors.New("is a set; write a list: [1, 2]")
}

// keyText is the text of a key, in the form that JSON gives it.
func keyText(key any) (string, bool) {
	switch x := key.(type) {
	case string:
		return x, true
	case int:
		return strconv.Itoa(x), true
	case bool:
		return strconv.FormatBool(x), true
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64), true
	case nil:
		return "null", true
	}
	return "", false
}

var (
	pyNumber = regexp.MustCompile(`^(0[xX](_?[0-9a-fA-F])+|0[oO](_?[0-7])+|0[bB](_?[01])+|` +
		`(\d(_?\d)*)?\.\d(_?\d)*([eE][+-]?\d(_?\d)*)?|\d(_?\d)*\.?([eE][+-]?\d(_?\d)*)?)`)
	pyPadded = regexp.MustCompile(`^0[0_]*[1-9]`)
	pyName   = regexp.MustCompile(`^(True|False|None)`)
	pySign   = regexp.MustCompile(`^[+-]?[ \t]*`)
)

// word reads True, False, None or a number.
func (p *literalReader) word() (any, error) {
	name, sign := pyName.FindString(p.rest), pySign.FindString(p.rest)
	digits := pyNumber.FindString(p.rest[len(sign):])
	word := name + sign + digits // a name has neither sign nor digits
	p.rest = p.rest[len(word):]
	next, _ := utf8.DecodeRuneInString(p.rest)
	switch {
	case p.rest != "" && (next == '_' || next == '.' || unicode.IsLetter(next) || unicode.IsDigit(next)):
		return nil, errNoLiteral
	case name == "None":
		return nil, nil
	case name != "":
		return name == "True", nil
	case digits == "":
		return nil, errNoLiteral
	}
	return number(digits, strings.HasPrefix(sign, "-"))
}

// number converts what pyNumber found. One that does not fit stays text.
func number(text string, negative bool) (any, error) {
	text = strings.ReplaceAll(text, "_", "")
	sign := 1
	if negative {
		sign = -1
	}
	isHex := strings.HasPrefix(strings.ToLower(text), "0x")
	if !isHex && strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, errNoLiteral
		}
		return float64(sign) * f, nil
	}
	if pyPadded.MatchString(text) { // 0644 is a mode, and no number in Python
		return nil, errNoLiteral
	}
	i, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		return nil, errNoLiteral
	}
	return sign * int(i), nil
}
