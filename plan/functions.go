package plan

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/expr-lang/expr/builtin"
	"gopkg.in/yaml.v3"
)

// Function describes a function of expressions to people.
type Function struct {
	Name  string
	Usage string // default(x, y)
	Doc   string
	// Example is an expression, and Gives what it comes to, as JSON.
	Example, Gives string
}

// Functions lists the functions that lockstep adds to those of the expression
// language itself, in order of their names.
func Functions() []Function {
	var out []Function
	for _, f := range functions() {
		out = append(out, Function{f.name, f.usage, f.doc, f.example, f.gives})
	}
	return out
}

// Builtins lists the functions of the expression language that a plan may use.
func Builtins() []string { return builtins() }

type function struct {
	name, usage, doc, example, gives string
	call                             func(args ...any) (any, error)
}

// banned are functions whose answer is not the same each time, or that rest on
// the machine's time zone.
func banned() []string { return []string{"now", "date", "timezone"} }

// replaced are functions that take a map in no order; ours go by its keys.
func replaced() []string { return []string{"keys", "values", "toPairs"} }

func builtins() []string {
	var names []string
	for _, f := range builtin.Builtins {
		if !slices.Contains(banned(), f.Name) && !slices.Contains(replaced(), f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

func functions() []function {
	return []function{
		{"b64decode", "b64decode(text)", "the text that base64 stands for", `b64decode("aGk=")`, `"hi"`, text1(unbase64)},
		{"b64encode", "b64encode(text)", "the text in base64", `b64encode("hi")`, `"aGk="`, text1(func(s string) (any, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil })},
		{"basename", "basename(path)", "the last element of a path", `basename("/etc/my.cnf")`, `"my.cnf"`, text1(func(s string) (any, error) { return path.Base(s), nil })},
		{"bool", "bool(x)", "true for true, yes, on and 1; false for false, no, off and 0", `bool("yes")`, `true`, any1(truth)},
		{"combine", "combine(a, b)", "a map with the keys of both; b wins", `combine({"x": 1}, {"y": 2})`, `{"x":1,"y":2}`, combine},
		{"default", "default(x, y)", "x, or y where x is nil (`null` in YAML)", `default(nil, 3306)`, `3306`, orElse},
		{"dirname", "dirname(path)", "a path without its last element", `dirname("/etc/my.cnf")`, `"/etc"`, text1(func(s string) (any, error) { return path.Dir(s), nil })},
		{"from_json", "from_json(text)", "what a JSON text holds", `from_json("[1]")[0]`, `1`, text1(fromJSON)},
		{"keys", "keys(map)", "the keys of a map, sorted", `keys({"b": 1, "a": 2})`, `["a","b"]`, sorted(func(key string, _ any) any { return key })},
		{"lines", "lines(text)", "the lines of a text", `lines("a\nb\n")`, `["a","b"]`, text1(func(s string) (any, error) { return lines(s), nil })},
		{"quote", "quote(text)", "the text as one word of a shell", `quote("it's")`, `"'it'\"'\"'s'"`, text1(func(s string) (any, error) { return shellescape.Quote(s), nil })},
		{"regex_match", "regex_match(text, pattern)", "whether the pattern (RE2) is found in the text", `regex_match("db12", "^db[0-9]+$")`, `true`, regexMatch},
		{"regex_replace", "regex_replace(text, pattern, by)", "the text with each match of the pattern (RE2) replaced; $1 is the first group", `regex_replace("db12", "db([0-9]+)", "node$1")`, `"node12"`, regexReplace},
		{"toPairs", "toPairs(map)", "a list of [key, value], sorted by key", `toPairs({"a": 1})`, `[["a",1]]`, sorted(func(key string, v any) any { return []any{key, v} })},
		{"to_json", "to_json(x)", "x as JSON on one line, keys sorted", `to_json({"a": [1]})`, `"{\"a\":[1]}"`, any1(toJSON)},
		{"to_yaml", "to_yaml(x)", "x as YAML, keys sorted", `to_yaml({"a": 1})`, `"a: 1\n"`, any1(toYAML)},
		{"values", "values(map)", "the values of a map, in the order of its keys", `values({"b": 1, "a": 2})`, `[2,1]`, sorted(func(_ string, v any) any { return v })},
	}
}

// sorted is a function that makes a list of a map, in the order of its keys.
func sorted(each func(key string, v any) any) func(...any) (any, error) {
	return any1(func(v any) (any, error) {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("it takes a map, but this is %v", v)
		}
		out := []any{}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			out = append(out, each(key, m[key]))
		}
		return out, nil
	})
}

// text1 is a function of one text; a number or truth is taken as it is written.
func text1(f func(string) (any, error)) func(...any) (any, error) {
	return func(args ...any) (any, error) {
		if len(args) != 1 {
			return nil, fmt.Errorf("it takes one text, but there are %d arguments", len(args))
		}
		s, err := textOf(args[0])
		if err != nil {
			return nil, err
		}
		return f(s)
	}
}

func any1(f func(any) (any, error)) func(...any) (any, error) {
	return func(args ...any) (any, error) {
		if len(args) != 1 {
			return nil, fmt.Errorf("it takes one argument, but there are %d", len(args))
		}
		return f(plain(args[0]))
	}
}

func textOf(v any) (string, error) {
	switch plain(v).(type) {
	case nil, []any, map[string]any:
		return "", fmt.Errorf("it takes a text, but this is %v", v)
	}
	return fmt.Sprint(v), nil
}

func texts(args []any, want int) ([]string, error) {
	if len(args) != want {
		return nil, fmt.Errorf("it takes %d arguments, but there are %d", want, len(args))
	}
	out := make([]string, want)
	for i, a := range args {
		var err error
		if out[i], err = textOf(a); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func orElse(args ...any) (any, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("it takes a value and what stands in for it, but there are %d arguments", len(args))
	}
	if args[0] == nil {
		return args[1], nil
	}
	return args[0], nil
}

func combine(args ...any) (any, error) {
	out := map[string]any{}
	for _, a := range args {
		m, ok := plain(a).(map[string]any)
		if !ok {
			return nil, fmt.Errorf("it takes maps, but this is %v", a)
		}
		for k, v := range m {
			out[k] = v
		}
	}
	return out, nil
}

func truth(v any) (any, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	switch strings.ToLower(fmt.Sprint(v)) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return nil, fmt.Errorf("%v is neither true nor false", v)
}

func regexMatch(args ...any) (any, error) {
	in, err := texts(args, 2)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(in[1])
	if err != nil {
		return nil, err
	}
	return re.MatchString(in[0]), nil
}

func regexReplace(args ...any) (any, error) {
	in, err := texts(args, 3)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(in[1])
	if err != nil {
		return nil, err
	}
	by := regexp.MustCompile(`\$(\d+)`).ReplaceAllString(in[2], "$${$1}") // $1x is group 1 and x
	return re.ReplaceAllString(in[0], by), nil
}

func unbase64(s string) (any, error) {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	return string(data), err
}

func fromJSON(s string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return numbers(v), nil
}

// numbers makes whole numbers of JSON whole again.
func numbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		if i, err := strconv.Atoi(x.String()); err == nil {
			return i
		}
		f, err := x.Float64()
		if err != nil {
			return x.String()
		}
		return f
	case []any:
		for i := range x {
			x[i] = numbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = numbers(x[k])
		}
	}
	return v
}

func toJSON(v any) (any, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func toYAML(v any) (any, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	err := enc.Encode(v)
	return b.String(), err
}

func lines(s string) []any {
	out := []any{}
	for line := range strings.Lines(s) {
		out = append(out, strings.TrimRight(line, "\r\n"))
	}
	return out
}
