package plan

import (
	"slices"
	"strings"
	"sync"

	"lockstep/internal/secret"
)

// derived finds what expressions make of secrets: the secret itself is masked
// wherever it stands, but not its letters in another order or case. It may be
// used by many goroutines.
type derived struct {
	mu      sync.Mutex
	secrets []string
	tell    func(string) // learns what is to be masked; nil hears nothing
}

// add notes a secret, or a text that was made of one.
func (d *derived) add(v any) bool {
	text, ok := v.(string)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !ok || len(text) < secret.Shortest || slices.Contains(d.secrets, text) {
		return false
	}
	d.secrets = append(d.secrets, text)
	return true
}

// in reports whether a secret stands in one of texts.
func (d *derived) in(texts ...string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.secrets, func(s string) bool {
		return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, s) })
	})
}

// watch tells the texts of what e gave that were made of a secret. What was a
// text before, in the values or in the expression, is none.
func (d *derived) watch(e *expression, env map[string]any, out any) {
	if d.tell == nil || !d.any() {
		return
	}
	var used []string
	for name, fields := range e.fields {
		for _, f := range fields {
			v := env[name]
			if m, ok := v.(map[string]any); ok && f != "" {
				v = m[f]
			}
			used = leaves(v, used)
		}
	}
	if !d.in(used...) {
		return
	}
	for _, text := range leaves(out, nil) {
		if !slices.Contains(used, text) && !slices.Contains(e.literals, text) && !d.in(text) && d.add(text) {
			d.tell(text)
		}
	}
}

func (d *derived) any() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.secrets) > 0
}

// leaves appends the texts in v to out.
func leaves(v any, out []string) []string {
	switch x := v.(type) {
	case string:
		return append(out, x)
	case []any:
		for _, item := range x {
			out = leaves(item, out)
		}
	case map[string]any:
		for _, item := range x {
			out = leaves(item, out)
		}
	}
	return out
}
