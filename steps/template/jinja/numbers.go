package jinja

import (
	"errors"
	"fmt"
	"math"
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
			case int:
				return max(x, -x), nil
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
	case string:
		s := strings.TrimSpace(x)
		if base == 16 {
			s = strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
		}
		if n, err := strconv.ParseInt(s, base, 64); err == nil {
			return int(n), nil
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil && base == 10 && math.Abs(f) < 1<<62 {
			return int(f), nil
		}
	}
	if v, ok := c.named["default"]; ok {
		return v, nil
	}
	return 0, nil
}

func toFloat(c *invocation) (any, error) {
	if f, ok := number(c.in); ok {
		return f, nil
	}
	if s, ok := c.in.(string); ok {
		if f, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil && finite(f) == nil {
			return f, nil
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
	if method == "common" && digits > 0 { // decimal rounding, free of what the factor adds
		return strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
	}
	factor := math.Pow(10, float64(digits))
	out := by(f*factor) / factor
	return out, finite(out)
}
