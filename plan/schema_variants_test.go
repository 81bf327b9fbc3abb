package plan_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"lockstep/internal/source"
)

// variant is a value with one thing changed.
type variant struct {
	what  string
	value source.Value
}

// variants are all values that differ from v in one place: a key left out or
// misspelled, a value of another type, alone or in a list.
func variants(v source.Value) []variant {
	out := []variant{
		{"in a list", v.WithScalar([]any{v.Plain()})}, {"in a map", v.WithScalar(map[string]any{"a": v.Plain()})},
		{"nothing", v.WithScalar(nil)}, {"an empty map", v.WithScalar(map[string]any{})}, {"an empty list", v.WithScalar([]any{})},
	}
	for _, other := range []any{7, -1, 1.5, true, "text", "", "{{ 1 + 1 }}", "{{ host }}", "{{ [1] }}"} {
		out = append(out, variant{fmt.Sprintf("%#v", other), v.WithScalar(other)})
	}
	if len(v.Items) > 0 {
		out = append(out, variant{"the first of the list", v.Items[0]})
	}
	for i, item := range v.Items {
		for _, x := range variants(item) {
			items := slices.Clone(v.Items)
			items[i] = x.value
			one := v
			one.Items = items
			out = append(out, variant{fmt.Sprintf("[%d] %s", i, x.what), one})
		}
	}
	for i, f := range v.Fields {
		with := func(what string, fields []source.Field) {
			one := v
			one.Fields = fields
			out = append(out, variant{"." + f.Key + " " + what, one})
		}
		with("dropped", slices.Delete(slices.Clone(v.Fields), i, i+1))
		renamed := slices.Clone(v.Fields)
		renamed[i].Key += "x"
		with("renamed", renamed)
		for _, x := range variants(f.Value) {
			fields := slices.Clone(v.Fields)
			fields[i].Value = x.value
			with(x.what, fields)
		}
	}
	return out
}

// Of the sound steps of the case files, each is changed in one place. What
// Compile accepts, the schema must accept; what Compile refuses for its
// structure, the schema must refuse.
func TestSchemaAgreesWithCompileOnVariants(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no case files: %v", err)
	}
	schema := planSchema(t)
	random := rand.New(rand.NewPCG(1, 2))
	most := 40 // of a step
	if testing.Short() {
		most = 20
	}
	accepted, refused := 0, 0
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := source.ParseYAML("plan.yml", part(a, "plan.yml"))
		if err != nil {
			continue
		}
		steps := alone(v)
		for _, where := range slices.Sorted(maps.Keys(steps)) {
			one := steps[where]
			if _, sound := structural(t, a, one); !sound {
				continue
			}
			all := variants(one)
			random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for _, x := range all[:min(most, len(all))] {
				problems, sound := structural(t, a, x.value)
				err := schema.Validate(x.value.Plain())
				switch {
				case err == nil && len(problems) > 0:
					t.Errorf("%s, %s, %s: the schema accepts what Compile refuses: %q", file, where, x.what, problems)
				case err != nil && sound:
					t.Errorf("%s, %s, %s: Compile accepts what the schema refuses: %v", file, where, x.what, strings.ReplaceAll(err.Error(), "\n", " "))
				}
				if err != nil {
					refused++
				} else {
					accepted++
				}
			}
		}
	}
	if accepted < 100 || refused < 500 {
		t.Errorf("only %d variants were accepted and %d refused: are they made?", accepted, refused)
	}
}
