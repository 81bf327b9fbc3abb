package spell

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"section", "option", "state", "owner", "group"}
	for name, want := range map[string]string{
		"sectoin": "section", "Section": "section", "stat": "state", "onwer": "owner", "gruop": "group",
		"path": "", "": "", "sectionsectionsection": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	huge := strings.Repeat("x", 1<<22)
	for _, row := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"same", "same", 0}, {"state", "stat", 1}, {"onwer", "owner", 1},
		{"ca", "abc", 3}, {"ł", "l", 1}, {huge, "get", 1 << 22}, {huge, huge, 0},
	} {
		if got := Distance(row.a, row.b); got != row.want {
			t.Errorf("%.20q, %.20q: got %d, want %d", row.a, row.b, got, row.want)
		}
	}
}
