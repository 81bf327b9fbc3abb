package inventory

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lockstep/internal/source"
)

// beyondSchema are the cases of testdata/broken that only Load can refuse, and
// why. Cases that are no YAML, and files beside the inventory, are no matter of
// a schema and are not listed.
func beyondSchema() map[string]string {
	return map[string]string{
		"all-below":            "groups that contain each other take the whole tree",
		"loop":                 "groups that contain each other take the whole tree",
		"bad-ranges":           "a schema does not count",
		"ssh-args":             "the options of ssh are words inside one text",
		"lookups":              "expressions are texts to a schema",
		"vault-damaged":        "a schema opens nothing",
		"vault-wrong-password": "a schema opens nothing",
	}
}

func inventorySchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(Schema())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("inventory.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("inventory.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// eachInventory gives the inv.yml of every case below testdata/folder that is
// one YAML inventory.
func eachInventory(t *testing.T, folder string, judge func(name string, v source.Value)) {
	t.Helper()
	cases, err := filepath.Glob("testdata/" + folder + "/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("found %d cases, error %v", len(cases), err)
	}
	for _, path := range cases {
		archive := readArchive(t, path)
		text, ok := archive.get("inv.yml")
		if !ok || formatOf("inv.yml", []byte(text)) != formatYAML {
			continue
		}
		if v, err := source.ParseYAML("inv.yml", []byte(text), "!vault", source.SecretTag); err == nil {
			judge(strings.TrimSuffix(filepath.Base(path), ".txtar"), v)
		}
	}
}

func TestSchemaRefusesWhatLoadRefuses(t *testing.T) {
	schema := inventorySchema(t)
	refused := 0
	eachInventory(t, "broken", func(name string, v source.Value) {
		if parseAll(mustJSON(t, v)) == nil {
			return // what is wrong is beside it
		}
		err := schema.Validate(v.Plain())
		why, listed := beyondSchema()[name]
		switch {
		case err != nil && listed:
			t.Errorf("%s: the schema refuses it, so take it off beyondSchema (%s)", name, why)
		case err != nil:
			refused++
		case !listed:
			t.Errorf("%s: the schema accepts what Load refuses: teach it, or say in beyondSchema why it cannot see that", name)
		}
	})
	if refused < 8 {
		t.Errorf("only %d inventories were refused: are the case files read?", refused)
	}
}

func TestSchemaAcceptsWhatLoadReads(t *testing.T) {
	schema := inventorySchema(t)
	eachInventory(t, "read", func(name string, v source.Value) {
		if err := schema.Validate(v.Plain()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	for _, text := range []string{
		"db1:2222:", "pxc: {hosts: {\"db[01:20]\": , \"[fd00::1]:22\": , \"fd00::1\": , \"::1\": , straße: }}", "pxc: {hosts: db1}",
		"all: {hosts: {a: }, vars: {ansible_port: 22, ansible_become: yes, ansible_python_interpreter: /usr/bin/python3, site: [x]}}",
		"all: {hosts: {a: {ansible_port: 70000}}}", "all: {hosts: {a: {ansible_become: maybe}}}", "all: {hosts: {a: {ansible_hots: x}}}",
		"all: {hosts: {a: {ansible_user: [x]}}}", "{}",
	} {
		v, err := source.ParseYAML("inv.yml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		loadErr := parseAll(text)
		if err := schema.Validate(v.Plain()); (err == nil) != (loadErr == nil) {
			t.Errorf("%s: the schema says %v, Load says %v", text, err, loadErr)
		}
	}
}

// parseAll reads an inventory and how to reach its hosts.
func parseAll(text string) error {
	inv, err := Parse("inv.yml", []byte(text))
	if err == nil {
		err = connectable(inv)
	}
	return err
}

func mustJSON(t *testing.T, v source.Value) string {
	t.Helper()
	text, err := json.Marshal(v.Plain())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
