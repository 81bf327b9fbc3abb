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
`
	v, err := ParseYAML("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := FormatYAML(v); err != nil || string(got) != text {
		t.Errorf("%v, got:\n%s\nwant:\n%s", err, got, text)
	}
}
