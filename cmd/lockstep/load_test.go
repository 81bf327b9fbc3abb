package main

import (
	"strings"
	"testing"

	"lockstep/inventory"
)

// TestProblemsOfPatternsHaveNoHeadingOfAList: they stand within the compiler's
// own errors.
func TestProblemsOfPatternsHaveNoHeadingOfAList(t *testing.T) {
	file := write(t, "inventory.yml", "db:\n  hosts:\n    db1: {}\n")
	inv, err := inventory.Load(t.Context(), inventory.Options{}, file)
	must(t, err)
	_, err = newFleet(inv, nil).Match("web,app")
	if err == nil || strings.Contains(err.Error(), "occurred") || !strings.Contains(err.Error(), "web") || !strings.Contains(err.Error(), "app") {
		t.Errorf("got %v, want web and app without a heading", err)
	}
}

// -e keeps what a hand wrote: nothing of it is cut off, and no second variable
// comes in with it.
func TestExtraVars(t *testing.T) {
	for arg, want := range map[string]any{
		"3306": 3306, "true": true, "True": true, `"3306"`: "3306", "'a b'": "a b", "abc": "abc", "": "", "null": nil, "0644": "0644", "yes": "yes", "1.5": 1.5,
		"10.10": "10.10", "a # b": "a # b", "#b": "#b", "a: b": "a: b", "a\ny: 2": "a\ny: 2", "*x": "*x", "%a": "%a", "@file": "@file", " 5": " 5",
		"- a": "- a", "!x": "!x", "&a b": "&a b", "{{ host }}": "{{ host }}", "a=b": "a=b", "5 ": "5 ", "---": "---", "x\n---\ny": "x\n---\ny",
	} {
		a := &app{}
		a.flags.extra = []string{"x=" + arg}
		vars, err := a.extraVars()
		if err != nil || len(vars) != 1 || vars["x"].Plain() != want {
			t.Errorf("%q: got %#v, %v", arg, vars["x"].Plain(), err)
		}
	}
	for _, arg := range []string{"x", "=1", "x y=1", "x-y=1", "{\"x\": 5}", "x=[1", "x={a", "x=\"a", "@/nonexistent"} {
		a := &app{}
		a.flags.extra = []string{arg}
		if vars, err := a.extraVars(); err == nil {
			t.Errorf("%s: got %v", arg, vars)
		}
	}
}
