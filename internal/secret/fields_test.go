package secret

import (
	"encoding/json"
	"testing"
)

func TestCopyMasksTextsAndKeepsTheForm(t *testing.T) {
	type inner struct {
		Text string `json:"text"`
		Raw  []byte `json:"-"`
	}
	type outer struct {
		inner
		Kind  string         `json:"kind" secret:"fixed"`
		Yes   bool           `json:"yes"`
		Deep  *inner         `json:"deep"`
		Many  []string       `json:"many"`
		Any   map[string]any `json:"any"`
		None  *inner         `json:"none"`
		Count int            `json:"count"`
	}
	var r Redactor
	for _, s := range []string{"true", "12345", `":"x`, "step", "Kind"} {
		r.Add(s)
	}
	deep := &inner{Text: "it is 12345"}
	v := outer{inner: inner{Text: "true"}, Kind: "step", Yes: true, Deep: deep, Many: []string{"true", `a":"x`, "free"}, Any: map[string]any{"text": []any{"true", 1}}, Count: 12345}
	text, err := json.Marshal(Copy(&r, v))
	want := `{"text":"<secret>","kind":"step","yes":true,"deep":{"text":"it is <secret>"},"many":["<secret>","a<secret>","free"],"any":{"text":["<secret>",1]},"none":null,"count":12345}`
	var unescaped map[string]any
	if err != nil || json.Unmarshal(text, &unescaped) != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var wanted map[string]any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(unescaped)
	if w, _ := json.Marshal(wanted); string(got) != string(w) {
		t.Errorf("got  %s\nwant %s", got, w)
	}
	if deep.Text != "it is 12345" || v.Many[0] != "true" {
		t.Error("the original was masked too")
	}
}
