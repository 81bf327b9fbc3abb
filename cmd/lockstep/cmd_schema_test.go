package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lockstep/internal/source"
	"lockstep/inventory"
	"lockstep/plan"
	"lockstep/steps/all"
	"lockstep/steps/param"
	"lockstep/steps/stepstest"
)

// compileSchema goes through the bytes that the command prints.
func compileSchema(t *testing.T, s param.Schema) *jsonschema.Schema {
	t.Helper()
	var text bytes.Buffer
	if err := writeSchema(&text, s); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(&text)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func planSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	kinds, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	return compileSchema(t, plan.Schema(kinds))
}

// yamlFiles returns the YAML files below a folder, parsed.
func yamlFiles(t *testing.T, folder string) map[string]source.Value {
	t.Helper()
	found := map[string]source.Value{}
	err := filepath.WalkDir(folder, func(file string, e fs.DirEntry, err error) error {
		if ext := filepath.Ext(file); err != nil || ext != ".yml" && ext != ".yaml" {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		found[file], err = source.ParseYAML(file, data, "!vault", source.SecretTag)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestSchemasAcceptTheExamples(t *testing.T) {
	plans, inventories := planSchema(t), compileSchema(t, inventory.Schema())
	seen := map[*jsonschema.Schema]int{}
	for file, v := range yamlFiles(t, filepath.Join("..", "..", "examples")) {
		schema := inventories
		if _, isPlan := v.Get("steps"); isPlan {
			schema = plans
		} else if len(v.Fields) > 0 && filepath.Base(filepath.Dir(file)) != "examples" && inFolderOfVars(file) {
			continue // variables beside an inventory may be anything
		}
		seen[schema]++
		if err := schema.Validate(v.Plain()); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if seen[plans] < 2 || seen[inventories] < 1 {
		t.Errorf("found %d plans and %d inventories below examples/", seen[plans], seen[inventories])
	}
}

func inFolderOfVars(file string) bool {
	for dir := filepath.Dir(file); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if base := filepath.Base(dir); base == "group_vars" || base == "host_vars" {
			return true
		}
	}
	return false
}

// The examples in the documentation of kinds are lists of steps.
func TestPlanSchemaAcceptsTheExamplesOfKinds(t *testing.T) {
	schema := planSchema(t)
	kinds, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds.Kinds() {
		for _, example := range stepstest.Examples(k.Doc) {
			v, err := source.ParseYAML(k.Name, []byte(example))
			if err != nil {
				t.Fatal(err)
			}
			if v.Shape != source.List {
				continue
			}
			if err := schema.Validate(map[string]any{"hosts": "all", "steps": v.Plain()}); err != nil {
				t.Errorf("%s: %v", k.Name, err)
			}
		}
	}
}

// A new type of parameter that the schema does not know would allow anything.
func TestEveryParameterHasASchema(t *testing.T) {
	kinds, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds.Kinds() {
		var set param.Set
		k.New().Params(&set)
		for _, f := range set.Fields() {
			if s := f.Schema(); s["$ref"] == nil && s["type"] == nil && s["anyOf"] == nil {
				t.Errorf("%s: the type %q of %q has no schema: teach steps/param/schema.go", k.Name, f.Type, f.Name)
			}
		}
	}
}
