package jinja

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func render(text string, vars map[string]any) (string, error) {
	t, err := Parse(text, Options{TrimBlocks: true})
	if err != nil {
		return "", err
	}
	return t.Render(context.Background(), vars)
}

func vars() map[string]any {
	return map[string]any{
		"s": "Hello World", "n": 7, "f": 2.5, "t": true, "no": nil, "empty": "",
		"l": []any{3, 1, 2}, "words": []any{"b", "a", "B"},
		"m":    map[string]any{"b": 2, "a": 1, "items": "x"},
		"list": []any{map[string]any{"name": "x", "port": 1, "on": true}, map[string]any{"name": "y", "port": 2, "on": false}},
	}
}

// TestExpressions holds each expression to what Jinja 3 and Ansible answer.
func TestExpressions(t *testing.T) {
	for text, want := range map[string]string{
		`1 + 2 * 3 ** 2`: "19", `7 / 2`: "3.5", `4 / 2`: "2.0", `7 // -2`: "-4", `-7 % 3`: "2", `7.5 // 2`: "3.0", `2 ** -1`: "0.5",
		`"a" ~ 1 ~ none`: "a1None", `"ab" * 3`: "ababab", `"x" * -1`: "", `[1] + [2]`: "[1, 2]", `1 == 1.0`: "True",
		`true == 1`: "True", `"1" == 1`: "False", `1 < 2 < 3`: "True", `1 < 3 < 2`: "False", `not not t`: "True",
		`"z" in l | default([])`: "False", `1 in l | list`: "True", `"a" in m`: "True", `"llo" in s`: "True", `9 not in l`: "True",
		`"x" if t else "y"`: "x", `("x" if not t else "y") ~ 3`: "y3", `"x" if not t`: "",
		`'\d+\n'`: "\\d+\n", `"a" "b"`: "ab", `[ 'a',
		   'b' ] | first`: "a", `s[0]`: "H", `s[-1]`: "d", `s[1:3]`: "el", `s[::-1]`: "dlroW olleH", `l[1:]`: "[1, 2]", `l[-1]`: "2", `l.0`: "3",
		`m.a`: "1", `m["b"]`: "2", `m.items`: "x", `m.items() | list`: "[('a', 1), ('b', 2), ('items', 'x')]", `m.get("q", 5)`: "5",
		`{"k": [1, "x", true, none, 1.5]}`: "{'k': [1, 'x', True, None, 1.5]}", `"it's" | list | last`: "s", `["it's"]`: `["it's"]`,
		`s.upper()`: "HELLO WORLD", `s.split()`: "['Hello', 'World']", `"a,b".split(",")`: "['a', 'b']", `",".join(words)`: "b,a,B",
		`" x ".strip()`: "x", `"xxa".lstrip("x")`: "a", `s.startswith("He")`: "True", `"7".zfill(3)`: "007", `"a".ljust(3) ~ "|"`: "a  |",
		`"%s-%05d-%.2f" | format("a", 42, 1.5)`: "a-00042-1.50", `"%d%%" % 5`: "5%", `"%s:%s" % (1, 2)`: "1:2",
		`range(3) | list`: "[0, 1, 2]", `range(5, 0, -2) | list`: "[5, 3, 1]", `range(0)`: "[]",
		`no is none`: "True", `s is string`: "True", `m is mapping`: "True", `n is odd`: "True", `n is divisibleby 7`: "True",
		`n is not even and n is number`: "True", `missing is defined`: "False", `m.q is not defined`: "True", `a.b.c is undefined`: "True",
		`n is in [7]`: "True", `n is ge 7`: "True", `t is true`: "True", `s is match("Hel")`: "True", `s is match("World")`: "False",
		`s is search("Wor")`: "True", `"8.0.36" is version("8.0.4", ">=")`: "True", `l is contains(3)`: "True", `[1] is subset(l)`: "True",
		`-1 | abs`: "1", `1e3`: "1000.0",
	} {
		got, err := render("{{ "+text+" }}", vars())
		if err != nil || got != want {
			t.Errorf("{{ %s }}: got %q, %v; want %q", text, got, err, want)
		}
	}
}

// TestFilters holds each filter to its documented behaviour.
func TestFilters(t *testing.T) {
	for text, want := range map[string]string{
		`missing | default("x")`: "x", `empty | d("x")`: "", `empty | default("x", true)`: "x", `no | default("x")`: "",
		`a.b.c | default("deep")`: "deep", `[] | first | default("none")`: "none",
		`"yes" | bool`: "True", `"off" | bool`: "False", `1 | bool`: "True", `"x" | bool`: "False", `no | bool`: "",
		`t | ternary("a", "b")`: "a", `false | ternary("a", "b")`: "b", `no | ternary("a", "b", "c")`: "c",
		`s | lower`: "hello world", `"hELLO" | capitalize`: "Hello", `"my site" | title`: "My Site", `" a " | trim`: "a",
		`s | replace("l", "L")`: "HeLLo WorLd", `s | replace("l", "L", 1)`: "HeLlo World", `"a" | center(5) ~ "|"`: "  a  |",
		`"a\nb" | indent(2)`: "a\n  b", `"a\n\nb" | indent(2, true)`: "  a\n\n  b", `"a\nb" | indent("> ", first=true)`: "> a\n> b",
		`"foo bar baz qux" | truncate(9)`: "foo...", `"foo bar baz qux" | truncate(9, true)`: "foo ba...", `"foo bar" | truncate(5)`: "foo bar",
		`"a b  c" | wordcount`: "3", `"a b c" | split(" ", 1)`: "['a', 'b c']", `"managed" | comment`: "#\n# managed\n#",
		`l | length`: "3", `s | count`: "11", `l | join(", ")`: "3, 1, 2", `list | join("+", attribute="name")`: "x+y", `l | last`: "2",
		`l | reverse | list`: "[2, 1, 3]", `"ab" | reverse`: "ba", `l | sort`: "[1, 2, 3]", `words | sort`: "['a', 'b', 'B']",
		`words | sort(true)`: "['b', 'B', 'a']", `list | sort(attribute="port", reverse=true) | map(attribute="name") | list`: "['y', 'x']",
		`words | unique`: "['b', 'a']", `words | unique(case_sensitive=true)`: "['b', 'a', 'B']", `l | min`: "1", `l | max`: "3", `l | sum`: "6",
		`list | sum(attribute="port")`: "3", `l | batch(2) | list`: "[[3, 1], [2]]", `l | batch(2, 0) | list`: "[[3, 1], [2, 0]]",
		`[1, [2, [3]]] | flatten`: "[1, 2, 3]", `[1, [2, [3]]] | flatten(levels=1)`: "[1, 2, [3]]", `[1, 2] | zip(["a", "b"]) | list`: "[(1, 'a'), (2, 'b')]",
		`words | map("upper") | list`: "['B', 'A', 'B']", `l | map("string") | join`: "312", `list | map(attribute="port", default=0)`: "[1, 2]",
		`words | map("replace", "a", "z") | list`: "['b', 'z', 'B']", `["a1"] | map("regex_replace", "\\d", "") | first`: "a",
		`l | select("odd") | list`: "[3, 1]", `l | reject("gt", 1) | list`: "[1]", `[0, 1] | select`: "[1]",
		`list | selectattr("on") | map(attribute="name") | list`: "['x']", `list | rejectattr("port", "equalto", 1) | map(attribute="name") | first`: "y",
		`list | selectattr("none_such", "defined") | list`: "[]",
		`[1, 2] | union([2, 3])`:                           "[1, 2, 3]", `[1, 2] | intersect([2, 3])`: "[2]", `[1, 2] | difference([2])`: "[1]", `[1, 2] | symmetric_difference([2, 3])`: "[1, 3]",
		`{"a": 1, "b": {"c": 1}} | combine({"b": {"d": 2}})`:                 "{'a': 1, 'b': {'d': 2}}",
		`{"a": 1, "b": {"c": 1}} | combine({"b": {"d": 2}}, recursive=true)`: "{'a': 1, 'b': {'c': 1, 'd': 2}}",
		`{"a": 1} | combine({"b": 2}, {"a": 3})`:                             "{'a': 3, 'b': 2}",
		`{"b": 1, "a": 2} | dictsort`:                                        "[('a', 2), ('b', 1)]", `{"b": 1, "a": 2} | dictsort(by="value")`: "[('b', 1), ('a', 2)]",
		`{"a": 1} | dict2items`: "[{'key': 'a', 'value': 1}]", `[{"key": "a", "value": 1}] | items2dict`: "{'a': 1}",
		`"42" | int`: "42", `"x" | int`: "0", `"x" | int(5)`: "5", `"0x1f" | int(base=16)`: "31", `"3.9" | int`: "3", `"1.5" | float`: "1.5", `2.567 | round(2)`: "2.57",
		`2.5 | round`: "2.0", `2.1 | round(0, "ceil")`: "3.0", `42.9 | round | int`: "43",
		`{"b": [1, "x"], "a": none} | to_json`: `{"a": null, "b": [1, "x"]}`, `"é\n\"" | to_json`: `"\u00e9\n\""`, `[] | to_json`: "[]",
		`{"a": [1], "b": {}} | to_nice_json`: "{\n    \"a\": [\n        1\n    ],\n    \"b\": {}\n}", `'{"a": [1, 2.5]}' | from_json`: "{'a': [1, 2.5]}",
		`{"a": 1, "b": [1, 2], "c": {"d": "yes"}} | to_yaml`: "a: 1\nb: [1, 2]\nc: {d: 'yes'}\n",
		`{"a": 1} | to_yaml`: "{a: 1}\n",
		`{"a": {"b": [1, {"c": 2, "d": "x y"}]}, "e": []} | to_nice_yaml`:  "a:\n    b:\n    - 1\n    -   c: 2\n        d: x y\ne: []\n",
		`["true", "1", "a: b", "l1\nl2", "", "-x", "it's"] | to_nice_yaml`: "- 'true'\n- '1'\n- 'a: b'\n- \"l1\\nl2\"\n- ''\n- '-x'\n- 'it''s'\n",
		`"hi" | b64encode`: "aGk=", `"aGk=" | b64decode`: "hi", `"a b" | quote`: "'a b'", `"a/b c&d" | urlencode`: "a/b%20c%26d",
		`"/etc/x.cnf" | basename`: "x.cnf", `"/etc/" | basename`: "", `"/etc/x.cnf" | dirname`: "/etc", `"x" | dirname`: "", `"/x" | dirname`: "/",
		`"a" | hash("sha256")`: "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", `"a" | md5`: "0cc175b9c0f1b6a831c399e269772661",
		`"ansible" | regex_replace("^a.*i(.*)$", "a\\1")`: "able", `"foo" | regex_replace("(?P<x>o+)", "<\\g<x>>")`: "f<oo>", `"a$b" | regex_replace("b", "$1")`: "a$$1",
		`"server1/db42" | regex_search("db[0-9]+")`: "db42", `"abc" | regex_search("x")`: "", `"k=v" | regex_search("(\\w)=(\\w)", "\\1", "\\2")`: "['k', 'v']",
		`"a1b2" | regex_findall("[0-9]")`: "['1', '2']", `"a.b" | regex_escape`: `a\.b`, `"A" | regex_search("a", ignorecase=true)`: "A",
		`"x" | ansible.builtin.b64encode`: "eA==",
	} {
		got, err := render("{{ "+text+" }}", vars())
		if err != nil || got != want {
			t.Errorf("{{ %s }}:\ngot  %q, %v\nwant %q", text, got, err, want)
		}
	}
}

func TestStatements(t *testing.T) {
	for text, want := range map[string]string{
		"{% if n > 9 %}a{% elif n == 7 %}b{% else %}c{% endif %}":                                                     "b",
		"{% for x in l %}{{ loop.index }}:{{ x }}{{ ',' if not loop.last }}{% endfor %}":                              "1:3,2:1,3:2",
		"{% for x in [] %}a{% else %}none{% endfor %}":                                                                "none",
		"{% for k, v in m.items() if k != 'items' %}{{ k }}={{ v }};{% endfor %}":                                     "a=1;b=2;",
		"{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}":                                 "32",
		"{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}":                                    "3",
		"{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.previtem | default('-') }}{{ loop.revindex }}{% endfor %}": "a-3b32a11",
		"{% set a = 1 %}{% for x in l %}{% set a = x %}{% endfor %}{{ a }}":                                           "1",
		"{% set ns = namespace(a=1) %}{% for x in l %}{% set ns.a = x %}{% endfor %}{{ ns.a }}":                       "2",
		"{% if t %}{% set a = 5 %}{% endif %}{{ a }}":                                                                 "5",
		"{% set a, b = 1, 2 %}{{ a + b }}":                                                                            "3",
		"{% set a | upper %}x{{ n }}{% endset %}{{ a }}":                                                              "X7",
		"{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}":                                                             "3",
		"{% macro p(a, b='d') %}[{{ a }}{{ b }}]{% endmacro %}{{ p(1) }}{{ p(1, b=2) }}":                              "[1d][12]",
		"{% macro w() %}<{{ caller() }}>{% endmacro %}{% call w() %}x{% endcall %}":                                   "<x>",
		"{% macro w() %}{{ caller(2) }}{% endmacro %}{% call(a) w() %}x{{ a }}{% endcall %}":                          "x2",
		"{% macro f(i) %}{% if i %}{{ i }}{{ f(i - 1) }}{% endif %}{% endmacro %}{{ f(3) }}":                          "321",
		"{% filter upper | replace('A', 'b') %}a{% endfilter %}":                                                      "b",
		"{% raw %}{{ x }}{% endraw %}":                                                                                "{{ x }}",
		"a{# no {{ x }} #}b":                                                                                          "ab",
		"  {%- if t -%}  x  {%- endif %}  ":                                                                           "x  ",
		"{% if t %}\nx\n{% endif %}\ny\n":                                                                             "x\ny\n",
		"a\n{{ n }}\n":                                                                                                "a\n7\n",
		"{% if t +%}\nx{% endif %}":                                                                                   "\nx",
		"#jinja2: trim_blocks: False\n{% if t %}\nx{% endif %}":                                                       "\nx",
		"#jinja2: lstrip_blocks: True\n  {% if t %}\nx\n  {% endif %}\n":                                              "x\n",
		"a\r\nb": "a\nb",
		"{{ '}}' }}{{ {'a': {'b': 1}}['a']['b'] }}": "}}1",
		"{% raw %}\nx\n{% endraw %}\ny":             "\nx\ny",
	} {
		got, err := render(text, vars())
		if err != nil || got != want {
			t.Errorf("%s:\ngot  %q, %v\nwant %q", text, got, err, want)
		}
	}
}

func TestNames(t *testing.T) {
	text := `{% set a = b %}{{ a }}{{ c.d | default(1) }}{% if e is defined %}{{ e }}{% endif %}
{% for f in g %}{{ f }}{{ loop.index }}{{ h }}{% endfor %}{% macro m(i, j=k) %}{{ i }}{{ l }}{% endmacro %}{{ m(1) }}
{% set o = o | default(2) %}{{ range(p) }}{{ [q, {'r': s}] }}{% with t=u %}{{ t }}{% endwith %}{{ c }}`
	tpl, err := Parse(text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range tpl.Names() {
		got = append(got, n.ID+map[bool]string{true: "?"}[n.Optional])
	}
	if want := "b c? e? g h k l o? p q s u"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestInclude(t *testing.T) {
	files := map[string]string{"a": "A{{ n }}{% include 'b' %}", "b": "B{% set x = 5 %}", "loop": "{% include 'loop' %}", "bad": "\n{{ nope }}"}
	parse := func(text string) (*Template, error) {
		return Parse(text, Options{Include: func(name string) (string, error) {
			if text, ok := files[name]; ok {
				return text, nil
			}
			return "", errors.New("no such file")
		}})
	}
	tpl, err := parse("{% include 'a' %}{{ x }}")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tpl.Render(t.Context(), vars()); err != nil || got != "A7B5" || strings.Join(tpl.Includes(), " ") != "a b" {
		t.Errorf("got %q, %v, includes %v", got, err, tpl.Includes())
	}
	for text, want := range map[string]string{
		"{% include 'loop' %}": "includes itself", "{% include 'none' %}": "no such file", "{% include n %}": "in quotes",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	tpl, _ = parse("{% include 'bad' %}")
	if _, err := tpl.Render(t.Context(), nil); err == nil || !strings.HasPrefix(err.Error(), "bad:2:4: ") {
		t.Errorf("got %v, want the place in the included template", err)
	}
}

func TestRenderIsRepeatable(t *testing.T) {
	text := "{{ m }}{{ m | to_json }}{% for k in m %}{{ k }}{% endfor %}{{ dict(z=1, y=2, x=3) }}"
	first, err := render(text, vars())
	for range 20 {
		if again, e := render(text, vars()); e != nil || err != nil || again != first {
			t.Fatalf("got %q, %v, then %q, %v", first, err, again, e)
		}
	}
}

func TestVarsAreLeftAlone(t *testing.T) {
	v := vars()
	if _, err := render("{% set n = 1 %}{% set l = l + [1] %}{{ l | sort }}{{ m | combine({'a': 2}) }}", v); err != nil {
		t.Fatal(err)
	}
	if v["n"] != 7 || len(v["l"].([]any)) != 3 || v["l"].([]any)[0] != 3 || v["m"].(map[string]any)["a"] != 1 {
		t.Errorf("the variables were changed: %v", v)
	}
}

func TestCancel(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	tpl, err := Parse("{% for a in range(90000) %}{{ a }}{% endfor %}", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tpl.Render(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestPanicsAreErrors(t *testing.T) {
	tpl, err := Parse("{{ 'a' | upper }}", Options{})
	if err != nil {
		t.Fatal(err)
	}
	tpl.lib.filters["upper"] = routine{run: func(*invocation) (any, error) { panic("planted-secret") }}
	if _, err := tpl.Render(t.Context(), nil); err == nil || strings.Contains(err.Error(), "planted") {
		t.Errorf("got %v, want an error without the panic's words", err)
	}
}

func TestComparisonsAreCounted(t *testing.T) {
	text := "{% set big = range(2000) | list %}{% set ns = namespace(l=[]) %}{% for i in range(500) %}{% set ns.l = ns.l + [big + [i]] %}{% endfor %}"
	for _, end := range []string{"{{ ns.l | unique | length }}", "{{ ns.l | union(ns.l) | length }}"} {
		if _, err := render(text+end, nil); !errors.Is(err, ErrTooMuch) {
			t.Errorf("%s: got %v, want %v", end, err, ErrTooMuch)
		}
	}
}
