// Package galeratls holds the tests of the example.
package galeratls

import (
	"os"
	"strings"
	"testing"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/galera"
	"lockstep/steps/mycnf"
	"lockstep/steps/param"
	"lockstep/steps/verify"
)

// TestStepsDecode decodes every step of the example that one of our kinds
// serves. Expressions are taken for texts: the compiler's tests resolve them.
func TestStepsDecode(t *testing.T) {
	data, err := os.ReadFile("plan.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(
		`"{{ certs }}/`, `"/c/`, `"{{ tls_cnf }}"`, "/etc/mysql/t.cnf", `"{{ galera_cnf }}"`, "/etc/mysql/g.cnf",
		`"{{ option_files }}"`, "[/etc/mysql]", `"{{ require_tls }}"`, "true").Replace(string(data))
	root, err := source.ParseYAML("plan.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	kinds, err := steps.NewRegistry(galera.Kind(), mycnf.Kind(), verify.Kind())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	list, _ := root.Get("steps")
	decodeSteps(t, kinds, list.Value, found)
	for _, kind := range kinds.Names() {
		if found[kind] == 0 {
			t.Errorf("no step of kind %s was found", kind)
		}
	}
}

func decodeSteps(t *testing.T, kinds *steps.Registry, list source.Value, found map[string]int) {
	t.Helper()
	for _, item := range list.Items {
		for _, f := range item.Fields {
			kind, _, ok := kinds.Lookup(f.Key)
			switch {
			case f.Key == "steps":
				decodeSteps(t, kinds, f.Value, found)
			case f.Key == "gate" && f.Value.Shape == source.Map:
				decodeSteps(t, kinds, source.Value{Items: []source.Value{f.Value}}, found)
			case ok:
				found[kind.Name]++
				decodeStep(t, kind, f.Value)
			}
		}
	}
}

func decodeStep(t *testing.T, kind steps.Kind, v source.Value) {
	t.Helper()
	step := kind.New()
	var set param.Set
	step.Params(&set)
	if err := set.Decode(v); err != nil {
		t.Errorf("%s: %v", kind.Name, err)
		return
	}
	if checker, ok := step.(steps.Checker); ok {
		if err := checker.Check(); err != nil {
			t.Errorf("%s: %v", kind.Name, err)
		}
	}
}
