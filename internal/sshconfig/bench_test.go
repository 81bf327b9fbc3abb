package sshconfig

import (
	"fmt"
	"testing"
)

// BenchmarkHost is what one more host of an inventory costs.
func BenchmarkHost(b *testing.B) {
	c := New(Options{File: "testdata/plain.conf", Home: "/home/joe", User: "joe"})
	for i := range b.N {
		if _, err := c.Host(b.Context(), Query{Alias: fmt.Sprint("db", i)}); err != nil {
			b.Fatal(err)
		}
	}
}
