package plan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"

	"lockstep/internal/source"
	"lockstep/plan"
)

// beyondSchema are the problems that only Compile can see, and why.
func beyondSchema() map[*regexp.Regexp]string {
	out := map[*regexp.Regexp]string{}
	for pattern, why := range map[string]string{
		`the variable ".*" is not defined`:                      "variables come from the inventory",
		`is defined by itself|is lockstep's own`:                "variables are resolved, not read",
		`the expression|no \$env|has no matching|matching \}\}`: "a schema knows no expressions",
		`gives .*, (not true or false|which cannot stand)`:      "what an expression gives takes its variables",
		`a key cannot be an expression`:                         "keys below a parameter of any shape are the user's own",
		`this is Jinja|there is no function|is a function`:      "a schema knows no expressions",
		`cannot depend on the host|does not change from try`:    "what an expression rests on takes its variables",
		`taken|cannot be the name`:                              "names are compared with others",
		`loop must be a list, but \{\{|there is none`:           "what an expression gives takes its variables",
		`no host matches|which is not a host`:                   "hosts come from the inventory",
		`with (run_once|delegate_to)|runs (once )?(on the control machine )?in any case|but become is false|the step acts on the control machine`: "two keys that exclude each other",
		`has no field|have no field|registers it, at`:          "what a step reports is code",
		`its own patience lasts`:                               "which kinds wait is code",
		`is less than none|cannot be less than none`:           "a check of one value is code",
		`refuses this text`:                                    "a kind's own check is code",
		`fewer than none cannot fail`:                          "a check of one value is code",
		`the local file|there is no file|of this file`:         "a schema opens no files",
		`differ between`:                                       "hosts are compared with each other",
		`--limit|has the tag`:                                  "these are of the command line",
		`must be a whole number, but this is "\d+\.\d+"`:       "the number is an expression's",
		`must be true or false, but this is "(yes|no|on|off)"`: "some YAML readers take these words for truths",
	} {
		out[regexp.MustCompile(pattern)] = why
	}
	return out
}

func planSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(plan.Schema(registry(t)))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// alone returns plans that hold one step of v each, and v with no step that
// could be wrong.
func alone(v source.Value) map[string]source.Value {
	out := map[string]source.Value{}
	with := func(list source.Value) source.Value {
		one := v
		one.Fields = nil
		for _, f := range v.Fields {
			if f.Key == "steps" {
				f.Value = list
			}
			one.Fields = append(one.Fields, f)
		}
		return one
	}
	list, _ := v.Get("steps")
	if list.Value.Shape != source.List {
		return map[string]source.Value{"the plan": v}
	}
	for i, item := range list.Value.Items {
		one := list.Value
		one.Items = []source.Value{item}
		out[fmt.Sprintf("step %d (line %d)", i+1, item.Pos.Line)] = with(one)
	}
	return out
}

// structural are the problems of compiling v that a schema can see too; sound
// tells that there is none of any sort.
func structural(t *testing.T, a *txtar.Archive, v source.Value) (out []string, sound bool) {
	t.Helper()
	data, err := json.Marshal(v.Plain())
	if err != nil {
		t.Fatal(err)
	}
	inv := part(a, "hosts.yml")
	if inv == nil {
		inv = []byte(threeHosts)
	}
	on, err := source.ParseYAML("hosts.yml", inv, source.SecretTag)
	if err != nil {
		t.Fatal(err)
	}
	written := []rune(string(data))
	_, err = plan.Compile("plan.yml", data, hosts{on}, registry(t), options(t, string(a.Comment)))
	var list *multierror.Error
	if err != nil && !errors.As(err, &list) {
		list = multierror.Append(nil, err)
	}
	for _, problem := range list.WrappedErrors() {
		text, _, _ := strings.Cut(problem.Error(), "\n")
		var at *source.Error
		given := errors.As(problem, &at) && at.Pos.Line == 1 && at.Pos.Col > 0 && !noExpression().MatchString(at.Msg) &&
			expression().MatchString(string(written[at.Pos.Col-1:]))
		if !beyond(text) && !given {
			out = append(out, text)
		}
	}
	return out, err == nil
}

// expression matches a text at its beginning that holds one: what that gives
// takes its variables.
func expression() *regexp.Regexp { return regexp.MustCompile(`^"(\\.|[^"\\])*\{\{`) }

// noExpression matches problems of keys that take none.
func noExpression() *regexp.Regexp {
	return regexp.MustCompile(`^(a step|vars|run_once|retries|timeout|delay|settle|gate_timeout|order|ignore_errors|approve|together|serial|max_failures) `)
}

func beyond(problem string) bool {
	for pattern := range beyondSchema() {
		if pattern.MatchString(problem) {
			return true
		}
	}
	return false
}

// Each step of the case files is given to both, alone in its plan. Where
// Compile sees a mistake of structure, the schema must see one; where Compile
// sees no mistake at all, the schema must see none either.
func TestSchemaAgreesWithCompile(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no case files: %v", err)
	}
	schema := planSchema(t)
	refused := 0
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := source.ParseYAML("plan.yml", part(a, "plan.yml"))
		if err != nil {
			continue // YAML itself is wrong; no schema is asked
		}
		for where, one := range alone(v) {
			problems, sound := structural(t, a, one)
			err := schema.Validate(one.Plain())
			switch {
			case err == nil && len(problems) > 0:
				t.Errorf("%s, %s: the schema accepts what Compile refuses: %q", file, where, problems)
			case err != nil && sound:
				t.Errorf("%s, %s: Compile accepts what the schema refuses: %v", file, where, err)
			}
			if err != nil {
				refused++
			}
		}
	}
	if refused < 15 {
		t.Errorf("only %d steps were refused: are the case files read?", refused)
	}
}

func TestSchemaIsWrittenTheSame(t *testing.T) {
	first, err := json.Marshal(plan.Schema(registry(t)))
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if again, err := json.Marshal(plan.Schema(registry(t))); err != nil || string(again) != string(first) {
			t.Fatalf("got %s, %v\nbefore %s", again, err, first)
		}
	}
}
