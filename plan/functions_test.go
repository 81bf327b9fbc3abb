package plan_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"lockstep/plan"
)

// Each function's example gives what its documentation says.
func TestFunctionsDoWhatTheySay(t *testing.T) {
	for _, f := range plan.Functions() {
		t.Run(f.Name, func(t *testing.T) {
			text, err := json.Marshal("{{ " + f.Example + " }}")
			if err != nil {
				t.Fatal(err)
			}
			file := "hosts: db1\nsteps:\n  - put: {raw: " + string(text) + "}\n"
			got := compile(t, &txtar.Archive{Files: []txtar.File{{Name: "plan.yml", Data: []byte(file)}}})
			var want any
			if err := json.Unmarshal([]byte(f.Gives), &want); err != nil {
				t.Fatal(err)
			}
			shown, _ := json.Marshal(map[string]any{"raw": want})
			if want == true {
				shown = []byte(`{"raw":true}`)
			}
			if !strings.Contains(got, string(shown)) {
				t.Errorf("got %s, want %s", got, shown)
			}
		})
	}
}

// The page of expressions names every function, and no others.
func TestThePageOfExpressionsIsWhole(t *testing.T) {
	data, err := os.ReadFile("../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for _, f := range plan.Functions() {
		if row := "| `" + f.Usage + "` | " + f.Doc + " | `" + f.Example + "` → `" + f.Gives + "` |"; !strings.Contains(page, row) {
			t.Errorf("the page lacks the row\n%s", row)
		}
	}
	for _, name := range plan.Builtins() {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("the page does not name %s", name)
		}
	}
	if got, want := strings.Count(page, ") → `")+strings.Count(page, "` → `"), len(plan.Functions()); got != want {
		t.Errorf("the page has %d rows of functions, want %d", got, want)
	}
	for _, name := range plan.Facts() {
		if !strings.Contains(page, "`facts."+name+"`") {
			t.Errorf("the page does not name facts.%s", name)
		}
	}
}
