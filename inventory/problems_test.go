package inventory

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestErrorsShowNoPassword(t *testing.T) {
	cases, _ := filepath.Glob("testdata/broken/*.txtar")
	for _, path := range cases {
		if text, _ := readArchive(t, path).get("error"); strings.Contains(text, "hunter22") {
			t.Errorf("%s shows a password", path)
		}
	}
}
