package jinja

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// numberFilters make numbers of things and round them.
func numberFilters() map[string]routine {
	return map[string]routine{
		"int":   {params: "| default base", run: toInt},
		"float": {params: "| default", run: toFloat},
		"abs": {run: func(c *invocation) (any, error) {
			switch x := c.in.(type) {
			case bool, int:
				n, _ := integer(x)
				return max(n, -n), nil
			case float64:
				return math.Abs(x), nil
			}
			return nil, fmt.Errorf("it takes a number, but this is %s", shape(c.in))
		}},
		"round": {params: "| precision method", run: round},
	}
}

// toInt is the whole number in front of the point, or the default where the
// input is no number.
func toInt(c *invocation) (any, error) {
	base, err := c.whole("base", 10)
	if err != nil {
		return nil, err
	}
	if base != 0 && (base < 2 || base > 36) {
		return nil, errors.New("base must be between 2 and 36")
	}
	switch x := c.in.(type) {
	case bool:
		n, _ := number(x)
		return int(n), nil
	case int:
		return x, nil
	case float64:
		if math.Abs(x) < 1<<62 {
			return int(x), nil
		}
		return nil, errTooBig
	case string:
		n, err := parseInt(x, base)
		if err == nil || errors.Is(err, errTooBig) {
			return n, err
		}
	}
	if v, ok := c.named["default"]; ok {
		return v, nil
	}
	return 0, nil
}

var errTooBig = errors.New("the number is too big")

// parseInt reads a whole number as Python does, or the whole part of one with a
// point.
func parseInt(s string, base int) (int, error) {
	s = strings.TrimSpace(s)
	digits := strings.TrimLeft(s, "+-")
	if prefix := map[int]string{16: "0x", 8: "0o", 2: "0b"}[base]; prefix != "" && len(digits) > 2 && strings.EqualFold(digits[:2], prefix) {
		s = s[:len(s)-len(digits)] + digits[2:]
	}
	octal := base == 0 && len(digits) > 1 && digits[0] == '0' && digits[1] <= '9'
	if base != 0 && !strings.HasPrefix(s, "_") && !strings.HasSuffix(s, "_") && !strings.Contains(s, "__") {
		s = strings.ReplaceAll(s, "_", "")
	}
	n, err := strconv.ParseInt(s, base, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errTooBig
	case err == nil && !octal:
		return int(n), nil
	}
	f, err := parseFloat(s)
	if err == nil && !(math.Abs(f) < 1<<62) {
		err = errTooBig
	}
	return int(f), err
}

var pyFloat = regexp.MustCompile(`(?i)^[-+]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?|inf(inity)?|nan)$`)

func parseFloat(s string) (float64, error) {
	s = strings.TrimSpace(s)
	if !pyFloat.MatchString(s) {
		return 0, errors.New("no number")
	}
	return strconv.ParseFloat(s, 64)
}

func toFloat(c *invocation) (any, error) {
	if f, ok := number(c.in); ok {
		return f, nil
	}
	if s, ok := c.in.(string); ok {
		if f, err := parseFloat(s); err == nil {
			return f, finite(f)
		}
	}
	if v, ok := c.named["default"]; ok {
		return v, nil
	}
	return 0.0, nil
}

func round(c *invocation) (any, error) {
	f, ok := number(c.in)
	if !ok {
		return nil, fmt.Errorf("it takes a number, but this is %s", shape(c.in))
	}
	digits, err := c.whole("precision", 0)
	if err != nil {
		return nil, err
	}
	method, err := c.word("method", "common")
	if err != nil {
		return nil, err
	}
	by, known := map[string]func(float64) float64{"common": math.RoundToEven, "ceil": math.Ceil, "floor": math.Floor}[method]
	if !known {
		return nil, errors.New("method must be common, ceil or floor")
	}
	if digits < -15 || digits > 15 {
		return nil, errors.New("precision must be between -15 and 15")
	}
	if n, whole := integer(c.in); whole && method == "common" && digits >= 0 {
		return n, nil
	}
	if method == "common" && digits > 0 { // decimal rounding, free of what the factor adds
		return strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
	}
	factor := math.Pow(10, float64(digits))
	out := by(f*factor) / factor
	if _, whole := integer(c.in); whole && method == "common" {
		return int(out), finite(out)
	}
	return out, finite(out)
}
