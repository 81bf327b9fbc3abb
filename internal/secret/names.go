package secret

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// setting finds `name: value` and `name = value` where the name is one that
// people give to secrets, also in the middle of a line such as a flow map.
var setting = regexp.MustCompile(`(?i)([\w.-]*(?:password|passwd|passphrase|pass|pwd|secret|token|api[_-]?key|credentials?|sst[_-]auth)(?:[_-](?:env|value))?["']?[ \t]*[:=][ \t]*)("(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?|[^\s,}\]#'"][^,}\]\n]*)`)

// MaskSettings masks the values of settings whose name says that they are
// secret, in a text of which nobody knows the secrets. It is the last resort of
// diffs and excerpts: what is known to be secret is masked by value.
func MaskSettings(text string) string {
	if !mayName(text) {
		return text
	}
	return setting.ReplaceAllString(text, "${1}"+Mask)
}

// mayName reports whether the names of setting may stand in text: each has one of
// these words in it, unless a letter outside of ASCII counts as one of theirs.
// Most texts have none, and are not searched any further.
func mayName(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return true
		}
	}
	lower := strings.ToLower(text)
	for _, word := range []string{"pass", "pwd", "secret", "token", "api", "credential", "auth"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

// IsName reports whether a setting by this name likely holds a secret.
func IsName(name string) bool { return MaskSettings(name+": value") != name+": value" }
