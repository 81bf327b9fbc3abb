package jinja

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzRender holds that any template ends soon, without a panic, in bounded
// output, the same way twice, and with an error that has a place.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{
		"{{ s | upper }}{% for k, v in m.items() %}{{ loop.index }}{% endfor %}", "{% macro f(a, b=1) %}{{ f(a) }}{% endmacro %}{{ f(1) }}",
		"{{ '%5.2f' % 1 }}{{ l[::-1] }}{{ l | sort | map('string') | join(',') }}", "{% set ns = namespace(x=1) %}{% set ns.x = ns.x ~ ns.x %}",
		"{{ m | to_nice_yaml }}{{ list | selectattr('on') | map(attribute='name') | list | to_json }}", "{% raw %}{{{% endraw %}{#-#}{%- if a is defined -%}{% else %}{% endif %}",
		"{{ s | regex_replace('(.)', '\\1\\1') }}{{ range(1, 10, 3) | batch(2, 'x') }}", "{% call(x) f() %}{% endcall %}{% filter trim | replace('a', 'b') %}{% endfilter %}",
		"{{ 1 if t else 2 }}{{ not s in m and 7 // 2 ** -1 % 3 }}", "{% with a = 1, b = a %}{{ a }}{% break %}{% endwith %}", "#jinja2: trim_blocks:True\n{{ {'a': [1, (2,)]} }}",
		"{{ l | sum(start='') }}{{ '\\x41\\u00e9' ~ none }}{{ '' | first | default(l | random) }}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		tpl, err := Parse(text, Options{TrimBlocks: true})
		if err != nil {
			told(t, text, err)
			return
		}
		tpl.Names()
		first, err := tpl.Render(ctx, vars())
		if err != nil {
			told(t, text, err)
			return
		}
		if len(first) > maxText || utf8.ValidString(text) && !utf8.ValidString(first) && !strings.Contains(text, "\\") {
			t.Errorf("%d bytes, valid %v", len(first), utf8.ValidString(first))
		}
		if again, err := tpl.Render(ctx, vars()); err != nil || again != first {
			t.Errorf("the second rendering differs: %q, %v, was %q", again, err, first)
		}
	})
}

func told(t *testing.T, text string, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Line < 1 || e.Col < 1 || e.Msg == "" || strings.Contains(e.Msg, "internal error") {
		t.Errorf("%q: got %#v, want an error with a place", text, err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%q takes too long", text)
	}
}
