package optionfile

import (
	"fmt"
	"strings"
	"testing"
)

// hardened is a my.cnf of some length, and settings of which each one differs.
func hardened() (text []byte, want []Setting) {
	var b strings.Builder
	for _, group := range []string{"mysqld", "client", "sst"} {
		fmt.Fprintf(&b, "\n[%s]\n# what stands here is read when the server starts\nport = 3306\n", group)
		for i := range 10 {
			fmt.Fprintf(&b, "# one of many\nssl_option_%d = /etc/mysql/old-%d.pem\n", i, i)
		}
		for i := range 4 {
			want = append(want, Setting{Group: group, Key: fmt.Sprintf("ssl-option-%d", i), Value: "/etc/mysql/certs/new.pem"})
		}
	}
	return []byte(b.String()), want
}

// BenchmarkApply reads an option file and makes twelve edits in it.
func BenchmarkApply(b *testing.B) {
	text, want := hardened()
	b.ReportAllocs()
	for b.Loop() {
		f, err := Parse("my.cnf", text)
		if err != nil {
			b.Fatal(err)
		}
		if _, edits, err := Apply(f, want); err != nil || len(edits) != len(want) {
			b.Fatal(edits, err)
		}
	}
}
