// Package secret keeps secret values out of everything a person or a file may
// see. It works by value: whoever learns a secret adds it, and every sink
// writes through the same Redactor.
package secret

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
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

// Redactor masks the values it was told, also in base64, URL and shell-quoted
// form, and any PEM private key. The zero Redactor is ready; it may be used by
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
	return []string{
		value,
		base64.StdEncoding.EncodeToString([]byte(value)),
		base64.RawStdEncoding.EncodeToString([]byte(value)),
		base64.URLEncoding.EncodeToString([]byte(value)),
		url.QueryEscape(value),
		url.PathEscape(value),
		shellescape.Quote(value),
		strings.ReplaceAll(value, `"`, `\"`),
	}
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
