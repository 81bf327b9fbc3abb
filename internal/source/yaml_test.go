package source

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-multierror"
)

// texts are the problems of err, one text each.
func texts(err error) []string {
	var list *multierror.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &list):
		var out []string
		for _, e := range list.Errors {
			out = append(out, e.Error())
		}
		return out
	default:
		return []string{err.Error()}
	}
}

// Merge keys are read as YAML 1.1 has them: a key of the map itself wins, then
// the first of a list; where it comes from is where it was written.
func TestMergeKeys(t *testing.T) {
	v, err := ParseYAML("f.yml", []byte(`one: &one {a: 1, b: 1, c: 1}
two: &two {b: 2, c: 2, d: 2}
both: &both
  c: 3
  <<: [*one, *two]
again: {<<: *both, a: 4, "<<": text}
`))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"both":  "b=1@1:21 c=3@4:6 d=2@2:27 a=1@1:15",
		"again": "b=1@1:21 c=3@4:6 d=2@2:27 a=4@6:23 <<=text@6:32",
	} {
		f, _ := v.Get(key)
		var got []string
		for _, one := range f.Value.Fields {
			got = append(got, fmt.Sprintf("%s=%v@%d:%d", one.Key, one.Value.Any, one.Value.Pos.Line, one.Value.Pos.Col))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %s\nwant %s", key, strings.Join(got, " "), want)
		}
	}
	bomb := "a0: &a0 {x: 1}\n"
	for i := range 30 {
		bomb += fmt.Sprintf("a%d: &a%d {<<: [*a%d, *a%d, *a%d]}\n", i+1, i+1, i, i, i)
	}
	if _, err := ParseYAML("f.yml", []byte(bomb)); err == nil || !strings.Contains(err.Error(), "are its aliases nested?") {
		t.Errorf("got %v", err)
	}
}

func TestParseYAMLRefuses(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       []string
	}{
		{"a key twice", "a: 1\nb: 2\na: 3\n", []string{"f.yml:3:1: the key \"a\" stands here a second time; the first is on line 1\n    3 | a: 3\n      | ^"}},
		{"a key twice, deep", "x: {k: 1, k: 2}", []string{"f.yml:1:11: the key \"k\" stands here a second time; the first is on line 1\n    1 | x: {k: 1, k: 2}\n      |           ^"}},
		{"a merge of a text", "b:\n  <<: x\n", []string{"f.yml:2:7: the merge key << takes maps, but this is a single value\n    2 |   <<: x\n      |       ^\n  hint: write <<: *anchor, or a list of them"}},
		{"a merge of nothing", "b: {<<: }", []string{"f.yml:1:9: the merge key << takes maps, but this is nothing\n    1 | b: {<<: }\n      |         ^\n  hint: write <<: *anchor, or a list of them"}},
		{"a merge of a list of texts", "b: {<<: [{a: 1}, x]}", []string{"f.yml:1:9: the merge key << takes maps, but this is a single value\n    1 | b: {<<: [{a: 1}, x]}\n      |         ^\n  hint: write <<: *anchor, or a list of them"}},
		{"two merges", "b:\n  <<: {a: 1}\n  <<: {b: 1}\n", []string{"f.yml:3:3: the merge key << stands here a second time; the first is on line 2\n    3 |   <<: {b: 1}\n      |   ^\n  hint: write one list: <<: [*a, *b]"}},
		{"a merge of itself", "b: &x {<<: *x}", []string{"f.yml:1:12: the alias *x contains itself\n    1 | b: &x {<<: *x}\n      |            ^", "f.yml:1:12: the merge key << takes maps, but this is nothing\n    1 | b: &x {<<: *x}\n      |            ^\n  hint: write <<: *anchor, or a list of them"}},
		{"a mistake that is merged", "a: &a {x: 1, x: 2}\nb: {<<: *a}\nc: *a\n", []string{"f.yml:1:14: the key \"x\" stands here a second time; the first is on line 1\n    1 | a: &a {x: 1, x: 2}\n      |              ^"}},
		{"a key that is a list", "? [a]\n: 1\n", []string{"f.yml:1:3: a key must be plain text\n    1 | ? [a]\n      |   ^"}},
		{"an alias in itself", "a: &x [*x]", []string{"f.yml:1:8: the alias *x contains itself\n    1 | a: &x [*x]\n      |        ^"}},
		{"an alias of nothing", "a: 1\nb:\n  - *nope\n", []string{"f.yml:3: this is not valid YAML: unknown anchor 'nope' referenced\n    3 |   - *nope"}},
		{"a tab", "a: 1\nb:\n\t- x\n", []string{"f.yml:3: this is not valid YAML: found character that cannot start any token\n    3 |  - x\n  hint: indent with blanks; YAML allows no tabs there"}},
		{"a tab in the first line", "\ta: 1\n", []string{"f.yml:1: this is not valid YAML: found character that cannot start any token\n    1 |  a: 1\n  hint: indent with blanks; YAML allows no tabs there"}},
		{"a list in a map", "x: 1\ny: 2\n- a\n", []string{"f.yml:3: this is not valid YAML: did not find expected key\n    3 | - a"}},
		{"a bracket that does not close", "a: 1\nb: [\n", []string{"f.yml:2: this is not valid YAML: did not find expected node content\n    2 | b: ["}},
		{"two colons", "a: b: c", []string{"f.yml:1: this is not valid YAML: mapping values are not allowed in this context\n    1 | a: b: c"}},
		{"a second document", "a: 1\n---\nb: 2\n", []string{"f.yml:2:1: a second document begins here\n    2 | ---\n      | ^\n  hint: write one document a file"}},
		{"not UTF-8", "a: 1\nb: \xff\n", []string{"f.yml:2: the file is not UTF-8\n  hint: save it as UTF-8"}},
		{"an unknown tag", "a: !no x\nb: !no [x]\nc: !no {x: 1}\n", []string{
			"f.yml:1:4: the tag !no is not known here\n    1 | a: !no x\n      |    ^",
			"f.yml:2:4: the tag !no is not known here\n    2 | b: !no [x]\n      |    ^",
			"f.yml:3:4: the tag !no is not known here\n    3 | c: !no {x: 1}\n      |    ^"}},
		{"a tag that is not so", "a: !!bool 2\nb: !!int x\nc: !!float x\n", []string{
			"f.yml:1:4: \"2\" is no truth value\n    1 | a: !!bool 2\n      |    ^\n  hint: write true or false",
			"f.yml:2:4: \"x\" is not a whole number, as its tag !!int says\n    2 | b: !!int x\n      |    ^",
			"f.yml:3:4: \"x\" is not a number, as its tag !!float says\n    3 | c: !!float x\n      |    ^"}},
		{"several at once", "a: 1\na: 2\nb: !no x\n", []string{
			"f.yml:2:1: the key \"a\" stands here a second time; the first is on line 1\n    2 | a: 2\n      | ^",
			"f.yml:3:4: the tag !no is not known here\n    3 | b: !no x\n      |    ^"}},
		{"beside letters of two bytes", "straße: {ü: 1, ü: 2}", []string{"f.yml:1:16: the key \"ü\" stands here a second time; the first is on line 1\n    1 | straße: {ü: 1, ü: 2}\n      |                ^"}},
		{"behind a tab", "{a: 1,\ta: 2}", []string{"f.yml:1:8: the key \"a\" stands here a second time; the first is on line 1\n    1 | {a: 1, a: 2}\n      |        ^"}},
		{"with a mark of byte order and CRLF", "\uFEFFa: 1\r\na: 2\r\n", []string{"f.yml:2:1: the key \"a\" stands here a second time; the first is on line 1\n    2 | a: 2\n      | ^"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ParseYAML("f.yml", []byte(row.text))
			if d := cmp.Diff(row.want, texts(err)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestParseYAMLStopsABomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	_, err := ParseYAML("f.yml", []byte(b.String()))
	got := texts(err)
	if len(got) != 1 || !strings.Contains(got[0], "unfolds to more than 1000000 values") {
		t.Errorf("got %q", got)
	}
}

func TestParseYAMLValues(t *testing.T) {
	v, err := ParseYAML("f.yml", []byte(`
whole: 17
big: 99999999999999999999
under: 1_000
hex: 0x1f
zero: 0
mode: 0644
newmode: 0o644
real: 1.5
inf: .inf
yes: yes
true: true
quoted: "true"
date: 2027-01-10
nothing:
text: !!str 1
tagged: [!!bool yes, !!bool "Off", !!bool true, !!float 1, !!int "7", !!null x]
alias: &a [x]
again: *a
vault: !vault secret
`), "!vault")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"whole": 17, "big": "99999999999999999999", "under": 1000, "hex": 31, "zero": 0, "mode": "0644", "newmode": "0o644",
		"real": 1.5, "inf": ".inf", "yes": "yes", "true": true, "quoted": "true", "date": "2027-01-10", "nothing": nil,
		"text": "1", "tagged": []any{true, false, true, 1.0, 7, nil}, "alias": []any{"x"}, "again": []any{"x"}, "vault": "secret",
	}
	if d := cmp.Diff(want, v.Plain()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if f, _ := v.Get("vault"); f.Value.Tag != "!vault" {
		t.Errorf("the tag is %q", f.Value.Tag)
	}
	for _, text := range []string{"", "# only a comment\n", "---\n", "\uFEFF"} {
		if v, err := ParseYAML("f.yml", []byte(text)); err != nil || v.Shape != Null {
			t.Errorf("%q: got %v, %v", text, v.Shape, err)
		}
	}
}

func TestPositions(t *testing.T) {
	v, err := ParseYAML("f.yml", []byte("a:\n  bé: [x, 'y']\n  c: |\n    text\n"))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := v.Get("a")
	b, _ := a.Value.Get("bé")
	c, _ := a.Value.Get("c")
	for what, row := range map[string][2]string{
		"a": {a.KeyPos.String(), "f.yml:1:1"}, "below a": {a.Value.Pos.String(), "f.yml:2:3"},
		"bé": {b.KeyPos.String(), "f.yml:2:3"}, "list": {b.Value.Pos.String(), "f.yml:2:7"},
		"y": {b.Value.Items[1].Pos.String(), "f.yml:2:11"}, "c": {c.Value.Pos.String(), "f.yml:3:6"},
		"a file": {Pos{File: "f"}.String(), "f"}, "a line": {Pos{File: "f", Line: 2}.String(), "f:2"},
	} {
		if row[0] != row[1] {
			t.Errorf("%s: got %s, want %s", what, row[0], row[1])
		}
	}
	if !b.Value.Items[1].Quoted || b.Value.Items[0].Quoted || !c.Value.Quoted {
		t.Error("quotes are not told apart")
	}
}

func TestWithScalar(t *testing.T) {
	v, err := ParseYAML("f.yml", []byte("k: x"))
	if err != nil {
		t.Fatal(err)
	}
	f, _ := v.Get("k")
	for _, val := range []any{nil, true, 3, 1.5, "text", []any{"a", 1}, map[string]any{"b": 1, "a": []any{}}} {
		got := f.Value.WithScalar(val)
		if d := cmp.Diff(val, got.Plain()); d != "" {
			t.Errorf("%v (-want +got):\n%s", val, d)
		}
		if e := got.Errorf("", "wrong"); !strings.HasPrefix(e.Error(), "f.yml:1:4: wrong\n    1 | k: x") {
			t.Errorf("%v: got %v", val, e)
		}
	}
}

func FuzzParseYAML(f *testing.F) {
	for _, seed := range []string{"a: 1", "a: &x [*x]", "a: 'x", "- {a: b, <<: *c}", "? [a]\n: b", "a: !v |\n x", "\ta: 1", "---\n...\n---", "a: *b", "é: [\"ü\"]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ParseYAML("f.yml", data)
		_ = v.Plain()
		for _, text := range texts(err) {
			if !strings.HasPrefix(text, "f.yml") {
				t.Errorf("a problem without a place: %q", text)
			}
		}
	})
}
