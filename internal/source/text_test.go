package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTextPlacesValues(t *testing.T) {
	text, err := NewText("hosts", []byte("\uFEFFdb1\r\n\tdb2 x"), false)
	if err != nil || !cmp.Equal(text.Lines(), []string{"db1", "\tdb2 x"}) {
		t.Fatalf("lines are %q, %v", text.Lines(), err)
	}
	if got, want := text.At(2, 6).Errorf("", "bad").Error(), "hosts:2:6: bad\n    2 |  db2 x\n      |      ^"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	hidden, _ := NewText("hosts", []byte("pw"), true)
	if v := hidden.At(1, 1).WithScalar("pw"); !v.Secret || v.Errorf("", "bad").Line != "" {
		t.Errorf("a hidden text shows itself: %+v", v)
	}
	if _, err := NewText("hosts", []byte("a\n\xff"), false); err == nil || !strings.Contains(err.Error(), "hosts:2: the file is not UTF-8") {
		t.Errorf("got %v", err)
	}
}

func TestJSONIsPlaced(t *testing.T) {
	v, err := ParseJSON("out", []byte("{\n\t\"a\": [1, 2.5, \"\\ud83d\\ude00\", null, true],\n\t\"b\": {}, \"n\": 99999999999999999999}"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"a": []any{1, 2.5, "\U0001F600", nil, true}, "b": map[string]any{}, "n": "99999999999999999999"}
	if diff := cmp.Diff(want, v.Plain()); diff != "" {
		t.Error(diff)
	}
	a, _ := v.Get("a")
	if a.KeyPos != (Pos{"out", 2, 2}) || a.Value.Items[1].Pos != (Pos{"out", 2, 11}) {
		t.Errorf("a is at %v, its second item at %v", a.KeyPos, a.Value.Items[1].Pos)
	}
}

func TestBrokenJSONIsPlaced(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "out:1:1: this is not valid JSON: it ends too early",
		"{\n  \"a\" 1}":          "out:2:7: this is not valid JSON: invalid character '1' after object key",
		"[1,]":                   "out:1:4: this is not valid JSON: invalid character ']'",
		"{} x":                   "out:1:4: this is not valid JSON",
		"{\"a\": 1, \"a\": 2}":   `out:1:10: the key "a" stands here a second time; the first is on line 1`,
		strings.Repeat("[", 2e3): "stand more than 1000 deep",
	} {
		if _, err := ParseJSON("out", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q gives %v, want %s", text, err, want)
		}
	}
}

func TestSealHidesAllThatIsInside(t *testing.T) {
	v, err := ParseYAML("f", []byte("a: [pw]"))
	if err != nil {
		t.Fatal(err)
	}
	sealed := v.Seal()
	a, _ := sealed.Get("a")
	if inner := a.Value.Items[0]; !inner.Secret || inner.Errorf("", "bad").Line != "" {
		t.Errorf("%+v is not sealed", inner)
	}
	if b, _ := v.Get("a"); b.Value.Items[0].Secret {
		t.Error("sealing changed the original")
	}
}

func TestExcerptsAreShortAndTame(t *testing.T) {
	long := strings.Repeat("a", 5000) + "\x1b[2J" + strings.Repeat("b", 5000)
	for col, want := range map[int]string{
		0:     "f:1: x\n    1 | " + strings.Repeat("a", 200),
		5001:  "f:1:5001: x\n    1 | " + strings.Repeat("a", 99) + " [2J" + strings.Repeat("b", 97) + "\n      | " + strings.Repeat(" ", 99) + "^",
		10004: "f:1:10004: x\n    1 | " + strings.Repeat("b", 200) + "\n      | " + strings.Repeat(" ", 199) + "^",
	} {
		e := &Error{Pos: Pos{"f", 1, col}, Msg: "x", Line: long}
		if got := e.Error(); got != want {
			t.Errorf("%d: got\n%q\nwant\n%q", col, got, want)
		}
	}
}
