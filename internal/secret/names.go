package secret

import "regexp"

// setting finds `name: value` and `name = value` where the name is one that
// people give to secrets, also in the middle of a line such as a flow map.
var setting = regexp.MustCompile(`(?i)([\w.-]*(?:password|passwd|passphrase|pass|pwd|secret|token|api[_-]?key|credentials?|sst[_-]auth)(?:[_-](?:env|value))?["']?[ \t]*[:=][ \t]*)("(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?|[^\s,}\]#'"][^,}\]\n]*)`)

// MaskSettings masks the values of settings whose name says that they are
// secret, in a text of which nobody knows the secrets. It is the last resort of
// diffs and excerpts: what is known to be secret is masked by value.
func MaskSettings(text string) string { return setting.ReplaceAllString(text, "${1}"+Mask) }

// IsName reports whether a setting by this name likely holds a secret.
func IsName(name string) bool { return MaskSettings(name+": value") != name+": value" }
