// Package secret keeps secret values out of everything a person or a file may
// see. It works by value: whoever learns a secret adds it, and every sink
// writes through the same Redactor.
package secret

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"al.essio.dev/pkg/shellescape"
)

// Mask is what stands in place of a secret.
const Mask = "<secret>"

// shortest is the length below which a value is not masked by value: hiding
// every "no" of a text would make it unreadable and protect nothing.
const shortest = 4

var privateKey = regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?(-----END ([A-Z0-9 ]*PRIVATE KEY)-----|$)`)

// Redactor masks the values it was told, also in base64, URL, shell-quoted,
// quoted and JSON form and line by line, and any PEM private key. The zero Redactor is ready; it may be used by
// many goroutines.
type Redactor struct {
	mu     sync.RWMutex
	values []string // longest first, so that a value inside another is no leak
}

// Add makes value a secret. Values shorter than four bytes are ignored.
func (r *Redactor) Add(value string) {
	if len(value) < shortest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, form := range forms(value) {
		if len(form) >= shortest && !slices.Contains(r.values, form) {
			r.values = append(r.values, form)
		}
	}
	slices.SortFunc(r.values, func(a, b string) int { return len(b) - len(a) })
}

func forms(value string) []string {
	all := []string{
		value,
		base64.StdEncoding.EncodeToString([]byte(value)),
		base64.RawStdEncoding.EncodeToString([]byte(value)),
		base64.URLEncoding.EncodeToString([]byte(value)),
		url.QueryEscape(value),
		url.PathEscape(value),
		shellescape.Quote(value),
		strings.ReplaceAll(value, `"`, `\"`),
		inJSON(value),
		unquoted(strconv.Quote(value)),
	}
	return append(all, longLines(value)...)
}

func unquoted(s string) string { return s[1 : len(s)-1] }

func inJSON(value string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil { // no text is beyond JSON
		return value
	}
	return unquoted(strings.TrimSuffix(b.String(), "\n"))
}

// longLines are the lines of a value that has several, since a text is often
// shown with something in front of each line. Short ones say little and would
// hide too much.
func longLines(value string) []string {
	if !strings.Contains(value, "\n") {
		return nil
	}
	var out []string
	for line := range strings.Lines(value) {
		if line = strings.TrimSpace(line); len(line) >= 2*shortest {
			out = append(out, line, inJSON(line))
		}
	}
	return out
}

// String returns s with every secret masked.
func (r *Redactor) String(s string) string {
	if strings.Contains(s, "PRIVATE KEY-----") {
		s = privateKey.ReplaceAllString(s, "<$1>")
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, value := range r.values {
		s = strings.ReplaceAll(s, value, Mask)
	}
	return s
}
