package mycnf

import (
	"slices"
	"strings"

	"lockstep/internal/optionfile"
)

// secretsIn returns the secret values in the texts of option files, also those
// in lines that were commented out.
func secretsIn(texts ...[]byte) []string {
	var out []string
	add := func(value string) {
		if value != "" && !slices.Contains(out, value) {
			out = append(out, value)
		}
	}
	for _, text := range texts {
		for _, o := range uncommented(text) {
			if !optionfile.IsSecret(o.Key) {
				continue
			}
			add(o.Value)
			if _, password, ok := strings.Cut(o.Value, ":"); ok && o.Is("wsrep_sst_auth") {
				add(password)
			}
		}
	}
	return out
}

// uncommented returns all options of a text, and those that would be some
// without the mark of a comment.
func uncommented(text []byte) []optionfile.Option {
	var b strings.Builder
	b.WriteString("[any]\n")
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimLeft(line, "#; \t"); !strings.HasPrefix(line, "[") && !strings.HasPrefix(line, "!") {
			b.WriteString(line)
		}
	}
	f, err := optionfile.Parse("", []byte(b.String()))
	if err != nil {
		return nil
	}
	return f.Options()
}
