// Package secret keeps secret values out of everything a person or a file may
// see. It works by value: whoever learns a secret adds it, and every sink
// writes through the same Redactor.
package secret

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Mask is what stands in place of a secret.
const Mask = "<secret>"

// Shortest is the length in bytes below which a value is not masked by value:
// hiding every "no" of a text would make it unreadable and protect nothing.
const Shortest = 4

var privateKey = regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?(-----END ([A-Z0-9 ]*PRIVATE KEY)-----|$)`)

// Redactor masks the values it was told, also as people and programs write them
// (in base64, alone or inside a longer text, in URLs, quoted, in JSON) and line
// by line, and any PEM private key. The zero Redactor is ready; it may be used
// by many goroutines.
type Redactor struct {
	mu     sync.RWMutex
	known  map[string]bool
	forms  map[form]bool
	blocks [][]blockLine // the lines of values that have short ones
}

// Add makes value a secret. Values shorter than Shortest are ignored.
func (r *Redactor) Add(value string) {
	if len(value) < Shortest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[value] {
		return
	}
	if r.known == nil {
		r.known, r.forms = map[string]bool{}, map[form]bool{}
	}
	r.known[value] = true
	for _, f := range forms(value) {
		if len(f.text) >= Shortest {
			r.forms[f] = true
		}
	}
	if block := block(value); block != nil {
		r.blocks = append(r.blocks, block)
	}
}

// String returns s with every secret masked.
func (r *Redactor) String(s string) string {
	if strings.Contains(s, "PRIVATE KEY-----") {
		s = privateKey.ReplaceAllString(s, "<$1>")
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	var found []span
	for f := range r.forms {
		found = f.in(s, found)
	}
	for _, b := range r.blocks {
		found = spansOf(b, s, found)
	}
	return masked(s, found)
}

// span is a part of a text, from one byte to before another.
type span struct{ from, to int }

// masked replaces the spans of s, those that overlap as one.
func masked(s string, spans []span) string {
	if len(spans) == 0 {
		return s
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var out strings.Builder
	at := 0
	for i := 0; i < len(spans); {
		one := spans[i]
		for i++; i < len(spans) && (spans[i].from < one.to || spans[i].from == one.from); i++ {
			one.to = max(one.to, spans[i].to)
		}
		out.WriteString(s[at:one.from] + Mask)
		at = one.to
	}
	return out.String() + s[at:]
}
