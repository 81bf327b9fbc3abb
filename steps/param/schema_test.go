package param_test

import (
	"encoding/json"
	"io/fs"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lockstep/internal/source"
	"lockstep/steps/param"
)

// every declares one parameter of each type.
type every struct {
	text, word, path, local string
	words, paths            []string
	yes                     bool
	count                   int
	span                    time.Duration
	mode                    *fs.FileMode
	env, nested, lists, any source.Value
	question                source.Value
	inner                   struct{ host string }
	many                    []struct{ port int }
}

func (e *every) params(p *param.Set) {
	e.count = 3
	p.String(&e.text, "text", "a text")
	p.String(&e.word, "word", "one of some", param.OneOf("red", "blue"))
	p.Path(&e.path, "path", "a path")
	p.ControlPath(&e.local, "local", "a local path")
	p.Strings(&e.words, "words", "some texts", param.OneOf("a", "b"))
	p.Paths(&e.paths, "paths", "some paths")
	p.Bool(&e.yes, "yes", "a truth")
	p.Int(&e.count, "count", "a number")
	p.Duration(&e.span, "span", "a time")
	p.Mode(&e.mode, "mode", "some bits")
	p.Raw(&e.env, "env", "map of text", "some variables")
	p.Raw(&e.nested, "nested", "map of maps", "some sections")
	p.Raw(&e.lists, "lists", "map of lists", "some lists")
	p.Raw(&e.any, "any", "whatever", "anything")
	p.Raw(&e.question, "question", "list or text", "a command")
	p.Object("inner", "a map", func(p *param.Set) { p.String(&e.inner.host, "host", "a host", param.Required()) })
	param.List(p, &e.many, "many", "some maps", func(one *struct{ port int }, p *param.Set) { p.Int(&one.port, "port", "a port") })
}

func compiled(t *testing.T, schema param.Schema) *jsonschema.Schema {
	t.Helper()
	schema["$defs"] = param.Definitions()
	text, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("set.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("set.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaAgreesWithDecode(t *testing.T) {
	var set param.Set
	new(every).params(&set)
	schema := compiled(t, set.Schema())
	for _, row := range []struct {
		text string
		good bool
	}{
		{"", true}, {"{text: a, count: 1}", true}, {"text: 5", true}, {"text: yes", true}, {"text: [a]", false}, {"text:", false},
		{"[a]", false}, {"plain", false}, {"txet: a", false},
		{"word: red", true}, {"word: green", false},
		{"path: /etc", true}, {"path: etc", false}, {"path: 5", false},
		{"local: certs/ca.pem", true}, {`local: ""`, false},
		{"words: a", true}, {"words: [a, b]", true}, {"words: [a, c]", false}, {"words: {a: b}", false},
		{"paths: /etc", true}, {"paths: [/etc, /usr]", true}, {"paths: [etc]", false}, {"paths: etc", false},
		{"yes: true", true}, {"yes: yes", false}, {`yes: "true"`, false},
		{"count: 17", true}, {"count: 4.0", true}, {"count: 4.5", false}, {`count: "4"`, false},
		{"span: 30s", true}, {"span: 1h30m", true}, {"span: 1.5h", true}, {"span: 90d", true}, {"span: 30", false}, {"span: soon", false}, {"span: -1s", false},
		{`mode: "0640"`, true}, {"mode: 0640", true}, {"mode: 0o640", true}, {"mode: 640", false}, {`mode: "0980"`, false}, {`mode: "77777"`, false},
		{"env: {A: 1, B: x, C: }", true}, {"nested: {mysqld: {port: 3306}}", true}, {"lists: {mysqld: [skip-ssl]}", true},
		{"any: [1, {a: b}]", true}, {"question: [test, -e, /x]", true}, {"question: test -e /x", true},
		{"inner: {host: a}", true}, {"inner: {}", false}, {"inner:", false}, {"inner: {hots: a}", false}, {"inner: a", false},
		{"many: [{port: 1}, {}]", true}, {"many: []", true}, {"many: {port: 1}", false}, {"many: [{prot: 1}]", false},
	} {
		v, err := source.ParseYAML("f.yml", []byte(row.text))
		if err != nil {
			t.Fatal(err)
		}
		var decoder param.Set
		new(every).params(&decoder)
		if err := decoder.Decode(v); (err == nil) != row.good {
			t.Errorf("Decode of %q: got %v, want good %v", row.text, err, row.good)
		}
		if err := schema.Validate(v.Plain()); (err == nil) != row.good {
			t.Errorf("schema of %q: got %v, want good %v", row.text, err, row.good)
		}
	}
}

func TestSchemaAllowsExpressions(t *testing.T) {
	var set param.Set
	new(every).params(&set)
	schema := compiled(t, set.Schema())
	for _, f := range set.Fields() {
		if err := schema.Validate(map[string]any{f.Name: "{{ x }}"}); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if err := schema.Validate("{{ all }}"); err != nil {
		t.Error(err)
	}
}

func TestSchemaSaysDefaults(t *testing.T) {
	e := every{words: []string{"a", "b"}, span: time.Minute}
	var set param.Set
	e.params(&set)
	want := map[string]string{"count": "3", "yes": "false", "words": `["a","b"]`, "span": `"1m"`}
	for _, f := range set.Fields() {
		got, ok := f.Schema()["default"]
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if w, wanted := want[f.Name]; ok != wanted || wanted && string(text) != w {
			t.Errorf("%s: got default %s, want %q", f.Name, text, w)
		}
	}
}
