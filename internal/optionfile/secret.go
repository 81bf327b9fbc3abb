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
