package jinja

import (
	"errors"
	"testing"
)

// TestAsPython holds what Ansible 2.14 with Jinja 3.1 gives for the same text.
func TestAsPython(t *testing.T) {
	known := map[string]any{"m": map[string]any{"a": 1, "b": 2}, "no": nil}
	for _, row := range []struct{ text, want string }{
		{`7 + true`, "8"},
		{`-true`, "-1"},
		{`+true`, "1"},
		{`true * 3`, "3"},
		{`true + true`, "2"},
		{`7 // 0.1`, "69.0"},
		{`7 % 0.1`, "0.09999999999999962"},
		{`-7 % 0.1`, "3.885780586188048e-16"},
		{`2.5 % -2.5`, "-0.0"},
		{`-7.5 // 2`, "-4.0"},
		{`1e3 // 0.1`, "9999.0"},
		{`0.1 ** 7`, "1.0000000000000004e-07"},
		{`0.1 ** -3`, "999.9999999999999"},
		{`10 ** -3`, "0.001"},
		{`2 ** 0.5`, "1.4142135623730951"},
		{`2.5 ** 2`, "6.25"},
		{`2 ** 10`, "1024"},
		{`(1, 2)`, "(1, 2)"},
		{`(1,)`, "(1,)"},
		{`()`, "()"},
		{`[(1, 2)]`, "[(1, 2)]"},
		{`(1, 2) == [1, 2]`, "False"},
		{`(1, 2)[0]`, "1"},
		{`(1, 2)[1:]`, "(2,)"},
		{`(1,) + (2,)`, "(1, 2)"},
		{`"%s" % [1, 2]`, "[1, 2]"},
		{`"%s-%s" % (1, 2)`, "1-2"},
		{`m.items()`, "[('a', 1), ('b', 2)]"},
		{`m.items() | list`, "[('a', 1), ('b', 2)]"},
		{`[1, 2] | zip([3, 4]) | list`, "[(1, 3), (2, 4)]"},
		{`"k=v;x=y" | regex_findall("(\\w)=(\\w)")`, "[('k', 'v'), ('x', 'y')]"},
		{`(1, 2) | to_json`, "[1, 2]"},
		{`[(1, "a")] | to_yaml`, "- [1, a]\n"},
		{`[1, (2, 3)] | flatten`, "[1, 2, 3]"},
		{`none`, ""},
		{`no`, ""},
		{`[no]`, "[None]"},
		{`no ~ "x"`, "Nonex"},
		{`no | string`, "None"},
		{`"abc" | regex_search("x")`, ""},
		{`("a" if false) is defined`, "False"},
		{`("a" if false) | default("z")`, "z"},
		{`("a" if false) ~ "b"`, "b"},
		{`"%#o" % 5`, "0o5"},
		{`"%#o" % -5`, "-0o5"},
		{`"%010s" % 5`, "         5"},
		{`"%010s" % "ab"`, "        ab"},
		{`"%r" % "a'b"`, "\"a'b\""},
		{`"%d" % true`, "1"},
		{`"%d" % -2.9`, "-2"},
		{`"%u" % 5`, "5"},
		{`"%-6d|" % 5`, "5     |"},
		{`"%+d" % 5`, "+5"},
		{`"ab" | center(5)`, "  ab "},
		{`"abc" | center(6)`, " abc  "},
		{`"my-site (a.b) it's" | title`, "My-Site (A.b) It's"},
		{`"my-site a.b it's".title()`, "My-Site A.B It'S"},
		{`"/etc/my.cnf a_b" | wordcount`, "4"},
		{`"a \n" | comment`, "#\n# a \n# \n#"},
		{`"" | comment("c")`, "//\n// \n//"},
		{`"a\n\nb" | comment`, "#\n# a\n#\n# b\n#"},
		{`"a\r\nb\n" | indent`, "a\n    b\n"},
		{`"a\n\nb\n" | indent(2, true, true)`, "  a\n  \n  b\n  "},
		{`"a\r\nb\rc\x0bd\n\n".splitlines()`, "['a', 'b', 'c', 'd', '']"},
		{`"a\x00\x1b\u00a0\u200b\u00e9'" | list`, "['a', '\\x00', '\\x1b', '\\xa0', '\\u200b', '\u00e9', \"'\"]"},
		{`"</x>&'" | tojson`, "\"\\u003c/x\\u003e\\u0026\\u0027\""},
		{`"</x>&" | to_json`, "\"</x>&\""},
		{`"a b.c-d#e" | regex_escape`, "a\\ b\\.c\\-d\\#e"},
		{`5 | round`, "5"},
		{`5 | round(2)`, "5"},
		{`true | round`, "1"},
		{`15 | round(-1)`, "20"},
		{`"1.5" | int(base=16)`, "1"},
		{`"0x1f" | int(base=16)`, "31"},
		{`"1_000" | int`, "1000"},
		{`"010" | int(base=0)`, "10"},
		{`"0b11" | int(base=2)`, "3"},
		{`"-0x1f" | int(base=16)`, "-31"},
		{`"1e3" | int`, "1000"},
		{`"1e3" | float`, "1000.0"},
		{`"0x1p2" | float`, "0.0"},
		{`"." | float`, "0.0"},
		{`1.0 | bool`, "True"},
		{`2.0 | bool`, "False"},
		{`"8.0" is version("8.0.0")`, "False"},
		{`"8.0" is version("8.0.0", ">=")`, "False"},
		{`"8.0.36-28.1" is version("8.0.36", ">=")`, "True"},
		{`"10.11.6-MariaDB" is version("10.11", ">=")`, "True"},
		{`"1.0rc1" is version("1.0", "<")`, "False"},
		{`"\101\0\012x"`, "A\x00\nx"},
		{`[1e20, 1e-7, 1.5e300] | to_yaml`, "[1.0e+20, 1.0e-07, 1.5e+300]\n"},
		{`{"n": "y"} | to_yaml`, "{n: y}\n"},
		{`"abc" | regex_replace("^(.*)$", "<\\1>")`, "<abc>"},
		{`"a1" | regex_replace("([a-z])([0-9])", "\\2\\g<1>$1\\\\")`, "1a$1\\"},
		{`"abc" | regex_replace("$", "!")`, "abc!"},
	} {
		got, err := render("{{ "+row.text+" }}", known)
		if err != nil || got != row.want {
			t.Errorf("{{ %s }}: got %q, %v; want %q", row.text, got, err, row.want)
		}
	}
}

// TestRefusesWhatPythonDoesOtherwise holds that a difference is an error and
// never another text.
func TestRefusesWhatPythonDoesOtherwise(t *testing.T) {
	for _, text := range []string{
		`007`, `"%x" % 2.5`, `"%d" % [1]`, `"%d" % 1e20`, `2 ** 2.5`, `[1] + (2,)`, `[1] < (2,)`,
		`"\N{BULLET}"`, `"\x4"`, `"\ud800"`, `"99999999999999999999" | int`, `"inf" | float`,
		`"é" | regex_replace("\\w", "x")`, `"a\n" | regex_replace("a$", "x")`, `"ab" | regex_replace("b*", "-")`,
	} {
		if got, err := render("{{ "+text+" }}", nil); err == nil {
			t.Errorf("{{ %s }}: got %q, want an error", text, got)
		}
	}
}

// TestRegularExpressionsAreCounted is about texts that grow in one call.
func TestRegularExpressionsAreCounted(t *testing.T) {
	for _, text := range []string{
		`("a" * 1000000) | regex_replace("(a+)", "\\1" * 100000)`,
		`("a" * 4000000) | regex_replace("a", "b" * 1000)`,
		`("a" * 4000000) | regex_findall("a") | length`,
	} {
		if _, err := render("{{ "+text+" }}", nil); !errors.Is(err, ErrTooMuch) {
			t.Errorf("{{ %s }}: got %v, want %v", text, err, ErrTooMuch)
		}
	}
	long := `{% set x = "a" * 4000000 %}{% set d = {x: 1} %}{% for i in range(90000) %}`
	for _, use := range []string{"{{ d[x] }}", "{{ d.get(x) }}", "{{ x in d }}"} {
		if _, err := render(long+use+"{% endfor %}", nil); !errors.Is(err, ErrTooMuch) {
			t.Errorf("%s: got %v, want %v", use, err, ErrTooMuch)
		}
	}
}

func TestTruncateHasBounds(t *testing.T) {
	for _, args := range []string{"9223372036854775807, leeway=9223372036854775807", "3, leeway=9223372036854775807"} {
		if got, err := render(`{{ "abcdefghijkl" | truncate(`+args+`) }}`, nil); err != nil || got != "abcdefghijkl" {
			t.Errorf("%s: got %q, %v", args, got, err)
		}
	}
}
