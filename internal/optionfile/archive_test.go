package optionfile

import (
	"os"
	"strings"
	"testing"
)

// archive is a txtar file (golang.org/x/tools/txtar describes the format):
// prose, then parts under "-- name --".
type archive struct {
	comment string
	parts   []part
}

type part struct{ name, text string }

func readArchive(t *testing.T, file string) archive {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var a archive
	for _, l := range strings.SplitAfter(string(data), "\n") {
		name, isMark := strings.CutPrefix(strings.TrimSuffix(l, " --\n"), "-- ")
		switch {
		case isMark && strings.HasSuffix(l, " --\n"):
			a.parts = append(a.parts, part{name: name})
		case len(a.parts) == 0:
			a.comment += l
		default:
			a.parts[len(a.parts)-1].text += l
		}
	}
	return a
}

func (a archive) String() string {
	var b strings.Builder
	b.WriteString(a.comment)
	for _, p := range a.parts {
		b.WriteString("-- " + p.name + " --\n" + p.text)
	}
	return b.String()
}

func (a archive) get(name string) string {
	for _, p := range a.parts {
		if p.name == name {
			return p.text
		}
	}
	return ""
}
