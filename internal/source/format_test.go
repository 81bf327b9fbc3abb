package source

import "testing"

func TestFormatYAMLKeepsOrderAndTypes(t *testing.T) {
	const text = `zebra:
  - 1
  - 1.5
  - "1"
  - true
  - "true"
  - null
  - "yes"
  - "0644"
alpha: {}
text: |
  two
  lines
"5": []
version: 8.0
`
	v, err := ParseYAML("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := FormatYAML(v); err != nil || string(got) != text {
		t.Errorf("%v, got:\n%s\nwant:\n%s", err, got, text)
	}
}

func TestFloatsStayFloats(t *testing.T) {
	for f, want := range map[Float]string{8: "8.0", -0.5: "-0.5", 0: "0.0", 1e10: "10000000000.0", 1e20: "1e+20", 1e-7: "1e-07"} {
		if got, err := f.MarshalJSON(); err != nil || string(got) != want || f.String() != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}
