package plan_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/internal/secret"
	"lockstep/internal/source"
	"lockstep/inventory"
	"lockstep/plan"
)

// ofHost reads the variables of a host as an inventory would.
func ofHost(t *testing.T, text string) map[string]source.Value {
	t.Helper()
	inv, err := inventory.Parse("inv.yml", []byte("all: {hosts: {db1: {"+text+"}}}"))
	if err != nil {
		t.Fatal(err)
	}
	h, _ := inv.Host("db1")
	return h.Vars()
}

func plainOf(vars map[string]source.Value) map[string]any {
	out := map[string]any{}
	for name, v := range vars {
		out[name] = v.Plain()
	}
	return out
}

func TestVariablesAreResolvedWithoutAPlan(t *testing.T) {
	for name, row := range map[string]struct {
		vars string
		want map[string]any
		err  string
	}{
		"as written":    {`a: 5, b: [x]`, map[string]any{"a": 5, "b": []any{"x"}}, ""},
		"references":    {`a: "{{ b }}1", b: "{{ c }}", c: x`, map[string]any{"a": "x1", "b": "x"}, ""},
		"types":         {`a: "{{ 1 + 1 }}", b: "{{ [host] }}"`, map[string]any{"a": 2, "b": []any{"db1"}}, ""},
		"own names":     {`a: "{{ host }}", b: "{{ inventory_hostname }}"`, map[string]any{"a": "db1", "b": "db1"}, ""},
		"one is wrong":  {`a: "{{ bb }}", b: 1`, map[string]any{"b": 1}, `inv.yml:1:24: the variable "bb" is not defined`},
		"itself":        {`a: "{{ a }}"`, map[string]any{}, `the variable "a" is defined by itself: a -> a`},
		"in a circle":   {`a: "{{ c }}", c: "{{ a }}"`, map[string]any{}, `the variable "a" is defined by itself: a -> c -> a`},
		"of a run":      {`a: "{{ facts.os }}"`, map[string]any{}, `a is needed before the run: "facts" is known only while the plan runs`},
		"of a plan":     {`a: "{{ address }}"`, map[string]any{}, "it is there in plans"},
		"Jinja":         {`a: "{% if x %}1{% endif %}"`, map[string]any{}, "a holds a block of Jinja"},
		"command line":  {`a: "{{ over }}", over: mine`, map[string]any{"a": "theirs"}, ""},
		"wins entirely": {`b: "{{ over }}"`, map[string]any{"b": "theirs"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := plan.NewVariables(map[string]source.Value{"over": source.Value{}.WithScalar("theirs")})
			got, err := r.Resolve("db1", ofHost(t, row.vars), "a", "b")
			if diff := cmp.Diff(row.want, plainOf(got)); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
				t.Errorf("got %v, want %q", err, row.err)
			}
		})
	}
}

func TestWhatRestsOnASecretIsOne(t *testing.T) {
	r := plan.NewVariables(nil)
	vars := ofHost(t, `open: "{{ b }}", b: x, word: "{{ c }}", c: "{{ db_password }}", db_password: hunter22, kept: ["{{ k }}-1"], k: !secret {env: K}`)
	got, err := r.Resolve("db1", vars, "open", "word", "kept")
	if err != nil || got["open"].Secret || !got["word"].Secret || !got["kept"].Secret || got["kept"].Tag != source.SecretTag {
		t.Errorf("got %+v, %v", got, err)
	}
	var told []string
	read := func(_ context.Context, ref secret.Ref) (string, error) { return "read from " + ref.Env, nil }
	if err := r.Unlock(t.Context(), "", read, func(s string) { told = append(told, s) }); err != nil || !cmp.Equal(told, []string{"read from K"}) {
		t.Errorf("told %q, %v", told, err)
	}
	got, err = r.Resolve("db1", vars, "kept")
	if err != nil || !got["kept"].Secret || !cmp.Equal(got["kept"].Plain(), any([]any{"read from K-1"})) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestPathsOfSecretsCountFromTheirFolder: what stands in group_vars/ counts from
// where that stands, as keys of hosts do.
func TestPathsOfSecretsCountFromTheirFolder(t *testing.T) {
	v, err := source.ParseYAML("prod/group_vars/all.yml", []byte("{file: secrets/a}"))
	if err != nil {
		t.Fatal(err)
	}
	v.Tag = source.SecretTag
	r := plan.NewVariables(map[string]source.Value{"a": v})
	if _, err := r.Resolve("db1", nil, "a"); err != nil {
		t.Fatal(err)
	}
	var asked string
	read := func(_ context.Context, ref secret.Ref) (string, error) { asked = ref.File; return "x", nil }
	if err := r.Unlock(t.Context(), "", read, func(string) {}); err != nil || asked != "prod/secrets/a" {
		t.Errorf("asked for %s, %v", asked, err)
	}
}
