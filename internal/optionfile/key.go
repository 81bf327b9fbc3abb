package optionfile

import (
	"errors"
	"fmt"
	"strings"
)

// canonical is the name by which the server finds an option: lower case, "-"
// for "_", without "loose-", however often it stands there (MySQL Reference
// Manual, "Program Option Modifiers").
func canonical(key string) string {
	return strings.ReplaceAll(lower(tight(key)), "_", "-")
}

// tight is a name without any "loose-" before it.
func tight(key string) string {
	const loose = "loose-"
	for len(key) >= len(loose) && equal(key[:len(loose)], loose, inName) {
		key = key[len(loose):]
	}
	return key
}

// root is canonical without the prefix that turns an option off or on or sets
// its greatest value: "skip-ssl" is about the same option as "ssl". The server
// looks for the whole name first, so an option whose own name begins so keeps
// it there; here it only has no namesake.
func root(key string) string {
	name := canonical(key)
	for _, prefix := range []string{"skip-", "disable-", "enable-", "maximum-"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			return rest
		}
	}
	return name
}

func sameKey(a, b string) bool { return equal(tight(a), tight(b), inName) }

func sameGroup(a, b string) bool { return equal(a, b, folded) }

// equal compares two texts byte by byte, as fold sees them.
func equal(a, b string, fold func(byte) byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && fold(a[i]) != fold(b[i]) {
			return false
		}
	}
	return true
}

// folded is a letter of ASCII in lower case, and every other byte as it is.
func folded(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// inName is a byte as the server compares the names of options.
func inName(c byte) byte {
	if c == '_' {
		return '-'
	}
	return folded(c)
}

func inGroups(group string, groups []string) bool {
	for _, g := range groups {
		if sameGroup(group, g) {
			return true
		}
	}
	return len(groups) == 0
}

// lower folds the letters of ASCII and leaves every other byte alone.
func lower(s string) string {
	for i := range len(s) {
		if folded(s[i]) != s[i] {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = folded(b[i])
			}
			return string(b)
		}
	}
	return s
}

// checkKey says why a text cannot be written as the name of an option.
func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("the option has no name")
	case strings.HasPrefix(key, "-"):
		return fmt.Errorf("%q begins with a dash; in an option file the name stands without: %q", key, strings.TrimLeft(key, "-"))
	}
	if bad := strings.IndexFunc(key, notInName); bad >= 0 {
		return fmt.Errorf("%q is no option name: only letters, digits and . _ - may be in it", key)
	}
	return nil
}

func notInName(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
}

// checkGroup says why a text cannot be written as the name of a group.
func checkGroup(group string) error {
	if group == "" {
		return errors.New("the group has no name")
	}
	if strings.IndexFunc(group, notInName) >= 0 {
		return fmt.Errorf("%q is no group name: only letters, digits and . _ - may be in it", group)
	}
	return nil
}
