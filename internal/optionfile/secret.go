package optionfile

import "strings"

// IsSecret reports whether an option by this name likely holds a secret, so
// that its value must not be shown. It errs on the side of secrecy, and knows
// that the client programs accept "pass" for "password".
func IsSecret(key string) bool {
	key = canonical(key)
	switch key {
	case "wsrep-sst-auth", "encrypt-key", "pass", "passw", "passwo", "passwor":
		return true
	}
	for _, harmless := range []string{
		"validate-password", "simple-password-check", "strict-password-validation", "default-password-lifetime",
		"disconnect-on-expired-password", "old-passwords", "password-history", "password-reuse", "password-require",
		"cracklib-password-check", "mysql-native-password", "sha256-password", "caching-sha2-password",
	} {
		if strings.HasPrefix(key, harmless) {
			return false
		}
	}
	if strings.HasSuffix(key, "password-file") {
		return false
	}
	for _, part := range []string{"password", "passwd", "passphrase", "secret"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}

// Redacted returns the file's text with mask in the place of every secret, for
// showing a diff. Comments are searched as well: a password that was commented
// out is still one. A secret that was exchanged for another does not show.
func (f *File) Redacted(mask string) []byte {
	var b strings.Builder
	for i := 0; i < len(f.lines); i++ {
		l := f.lines[i]
		text, hidden := l.redacted(mask)
		for hidden && i+1 < len(f.lines) && f.lines[i+1].no == l.no { // the rest of an overlong line
			i++
			text += f.lines[i].eol()
		}
		b.WriteString(text)
	}
	return []byte(b.String())
}

func (l line) redacted(mask string) (text string, hidden bool) {
	if l.kind == option && l.hasValue && IsSecret(l.keyText()) {
		if l.val.from == l.val.to {
			return l.raw, true
		}
		tail, _ := redactText(l.raw[l.val.to:], mask)
		return l.raw[:l.val.from] + mask + tail, true
	}
	if word, _, more := strings.Cut(l.keyText(), " "); l.kind == option && more && IsSecret(strings.TrimRight(word, ":")) {
		at := l.key.from + len(word)
		return l.raw[:at] + " " + mask + l.eol(), true
	}
	return redactText(l.raw, mask)
}

// redactText masks what follows the name of a secret and "=" or ":".
func redactText(text, mask string) (string, bool) {
	for i := 0; i < len(text); i++ {
		if text[i] != '=' && text[i] != ':' {
			continue
		}
		name := strings.TrimRight(text[:i], " \t")
		name = name[strings.LastIndexFunc(name, notInName)+1:]
		if IsSecret(name) {
			body := strings.TrimRight(text[i+1:], "\r\n")
			return text[:i+1] + mask + text[i+1+len(body):], true
		}
	}
	return text, false
}
