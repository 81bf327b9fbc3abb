package main

import (
	"os"
	"path/filepath"
	"testing"

	"lockstep/internal/source"
	"lockstep/steps/stepstest"
)

// The examples of the pages about plans are what the schema accepts.
func TestExamplesOfThePagesAboutPlans(t *testing.T) {
	schema := planSchema(t)
	for _, page := range []string{"plan.md", "expressions.md"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		examples := stepstest.Examples(string(data))
		if len(examples) < 2 {
			t.Errorf("%s has %d examples", page, len(examples))
		}
		for _, example := range examples {
			v, err := source.ParseYAML(page, []byte(example), "!secret")
			if err != nil {
				t.Errorf("%v", err)
				continue
			}
			whole := map[string]any{"hosts": "all", "steps": []any{}}
			if v.Shape == source.List {
				whole["steps"] = v.Plain()
			}
			for _, f := range v.Fields {
				whole[f.Key] = f.Value.Plain()
			}
			if err := schema.Validate(whole); err != nil {
				t.Errorf("%s: %s\n%v", page, example, err)
			}
		}
	}
}
