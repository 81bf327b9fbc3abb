package inventory

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// literals are texts and what Python makes of them; a string that equals its
// text is one that Python takes for no literal.
func literals() map[string]any {
	return map[string]any{
		"":                 "",
		"5":                5,
		"-5":               -5,
		"+ 5":              5,
		"--5":              "--5",
		"5 # five":         5,
		"0644":             "0644",
		"00":               0,
		"0777.5":           777.5,
		"0x1F":             31,
		"0o17":             15,
		"0b11":             3,
		"1_000":            1000,
		"1__0":             "1__0",
		"1.":               1.0,
		".5":               0.5,
		"1e3":              1000.0,
		"10.0":             10.0,
		"10.0.0.1":         "10.0.0.1",
		"5abc":             "5abc",
		"5é":               "5é",
		"True":             true,
		"true":             "true",
		"yes":              "yes",
		"False":            false,
		"None":             nil,
		"-True":            "-True",
		"foo bar":          "foo bar",
		"'5'":              "5",
		`"a" 'b'`:          "ab",
		`'''a'b'''`:        "a'b",
		`r'\n'`:            `\n`,
		`'\n\x41\u00e9\d'`: "\nAé\\d",
		`'\101\7'`:         "A\a",
		`b'ab'`:            "ab",
		`f'x'`:             "f'x'",
		`'open`:            "'open",
		`'\x4'`:            `'\x4'`,
		"[1, 'a', [True]]": []any{1, "a", []any{true}},
		"[1, 2,]":          []any{1, 2},
		"[1 2]":            "[1 2]",
		"[a, b]":           "[a, b]",
		"[":                "[",
		"1,2":              []any{1, 2},
		"1,":               []any{1},
		",":                ",",
		"a,b":              "a,b",
		"(1)":              1,
		"(1,)":             []any{1},
		"()":               []any{},
		"{}":               map[string]any{},
		"{'a': 1, 2: [3]}": map[string]any{"a": 1, "2": []any{3}},
		"{'a': 1,}":        map[string]any{"a": 1},
		"{{ port }}":       "{{ port }}",
		"{{ port + 1 }}":   "{{ port + 1 }}",
		"{a: 1}":           "{a: 1}",
		"[1] # [":          []any{1},
		"[1, # ]":          "[1, # ]",
		"1 if True else 2": "1 if True else 2",
		"1-2":              "1-2",
		"1e+3":             1000.0,
		"Trueish":          "Trueish",
		"/etc/mysql":       "/etc/mysql",
		"22 ":              22,
	}
}

func TestLiteralsAreThoseOfPython(t *testing.T) {
	for text, want := range literals() {
		if got, _, err := literal(text); err != nil || !cmp.Equal(got, want) {
			t.Errorf("literal(%q) = %#v, %v; want %#v", text, got, err, want)
		}
	}
	for _, text := range []string{"{1, 2}", "{1}", "{(1, 2): 3}", `'\N{BULLET}'`, strings.Repeat("[", 200)} {
		if got, _, err := literal(text); err == nil {
			t.Errorf("literal(%q) = %#v without an error", text, got)
		}
	}
}

// TestLiteralsAgreeWithPython asks Python itself about the same texts.
func TestLiteralsAgreeWithPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		skipUnlessCI(t, "python3 is not installed")
	}
	texts := make([]string, 0, len(literals()))
	for text := range literals() {
		texts = append(texts, text)
	}
	in, _ := json.Marshal(texts)
	cmd := exec.Command(python, "-W", "ignore", "-c", `
import ast, json, sys
def value(v):
    try: v = ast.literal_eval(v)
    except (ValueError, SyntaxError): pass
    return v.decode() if isinstance(v, bytes) else v
json.dump([value(t) for t in json.load(sys.stdin)], sys.stdout)`)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []any
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		got, _, _ := literal(text)
		if !cmp.Equal(throughJSON(t, got), want[i]) {
			t.Errorf("literal(%q) = %#v; Python makes %#v", text, got, want[i])
		}
	}
}

// throughJSON is v as JSON decodes it, so that numbers compare.
func throughJSON(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
