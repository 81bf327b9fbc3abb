package adopt

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"lockstep/internal/source"
)

// flow is v as YAML on one line. What may be a secret is not shown.
func flow(v source.Value) string {
	switch v.Shape {
	case source.List:
		return "[" + strings.Join(mapped(v.Items, flow), ", ") + "]"
	case source.Map:
		return "{" + strings.Join(mapped(v.Fields, func(f source.Field) string {
			if secretive().MatchString(f.Key) {
				return f.Key + ": ..."
			}
			return f.Key + ": " + flow(f.Value)
		}), ", ") + "}"
	case source.Scalar:
		return scalar(v)
	}
	return "null"
}

func scalar(v source.Value) string {
	_, text := v.Any.(string)
	plain := regexp.MustCompile(`^(-[A-Za-z-]|[A-Za-z0-9_./])[A-Za-z0-9_./@%+=:-]*$`).MatchString(v.Text) && !strings.HasSuffix(v.Text, ":")
	number := false
	if text {
		_, err := strconv.ParseFloat(v.Text, 64)
		_, truthy := truth(v)
		number = (err == nil || truthy) && v.Quoted
	}
	if plain && !number || !text {
		return v.Text
	}
	return quote(shown(v.Text))
}

func quote(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a builder takes all
	return strings.TrimSuffix(b.String(), "\n")
}

func mapped[T any](in []T, f func(T) string) []string {
	out := make([]string, len(in))
	for i, x := range in {
		out[i] = f(x)
	}
	return out
}

// shown is a text that is fit for a line of the report.
func shown(text string) string {
	if secretive().MatchString(text) {
		return "..."
	}
	return oneLine(text)
}

// oneLine is a text on one line, not a long one.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 120 {
		return string(runes[:117]) + "..."
	}
	return text
}

// shownExpr is an expression for the report: names may speak of secrets, but
// what stands in quotes beside them is not shown.
func shownExpr(text string) string {
	if secretive().MatchString(text) {
		text = literal().ReplaceAllString(text, `"..."`)
	}
	return oneLine(text)
}

func secretive() *regexp.Regexp {
	return regexp.MustCompile(`(?i)passw|passphrase|pass\b|secret|token|api[_-]?key|credential|\bpwd\b|sst_auth|BEGIN [A-Z ]*PRIVATE`)
}
