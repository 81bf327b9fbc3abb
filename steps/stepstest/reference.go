package stepstest

import (
	"strings"
	"testing"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// conformReference holds parameters, documentation and example together.
func conformReference(t *testing.T, kind steps.Kind) {
	if kind.Summary == "" || strings.Contains(kind.Summary, "\n") {
		t.Errorf("the summary must be one line, but it is %q", kind.Summary)
	}
	set := &param.Set{}
	kind.New().Params(set)
	conformFields(t, kind.Name, set)
	for _, f := range set.Fields() {
		if !strings.Contains(kind.Doc, "`"+f.Name) && !strings.Contains(kind.Doc, f.Name+":") {
			t.Errorf("doc.md does not mention the parameter %q", f.Name)
		}
	}
	found := 0
	for _, example := range Examples(kind.Doc) {
		v, err := source.ParseYAML("doc.md", []byte(example))
		if err != nil {
			t.Errorf("an example of doc.md: %v", err)
			continue
		}
		found += decodeAll(t, kind, v)
	}
	if found == 0 {
		t.Errorf("doc.md has no example of %s: write one in a block that begins with ```yaml", kind.Name)
	}
}

func conformFields(t *testing.T, where string, set *param.Set) {
	for _, f := range set.Fields() {
		if len(strings.Fields(f.Doc)) < 2 || strings.TrimSpace(f.Doc) != f.Doc {
			t.Errorf("%s: the parameter %q needs a sentence of documentation, not %q", where, f.Name, f.Doc)
		}
		if f.Sub != nil {
			conformFields(t, where+"."+f.Name, f.Sub)
		}
	}
}

// Examples returns the YAML blocks of a Markdown text.
func Examples(doc string) []string {
	var blocks []string
	for _, part := range strings.Split("\n"+doc, "\n```yaml\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```")
		blocks = append(blocks, block)
	}
	return blocks
}

// decodeAll decodes every use of kind in v and returns how many there are.
func decodeAll(t *testing.T, kind steps.Kind, v source.Value) int {
	found := 0
	for _, item := range v.Items {
		found += decodeAll(t, kind, item)
	}
	for _, f := range v.Fields {
		if f.Key != kind.Name {
			found += decodeAll(t, kind, f.Value)
			continue
		}
		found++
		if _, err := decode(kind, f.Value); err != nil {
			t.Errorf("an example of doc.md does not decode: %v", err)
		}
	}
	return found
}
