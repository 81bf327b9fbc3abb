package sshsig

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Signers are the keys of a file of allowed signers.
type Signers struct{ list []signer }

// signer is one line of it.
type signer struct {
	who           string
	key           ssh.PublicKey
	namespaces    []string // patterns; nil for all
	after, before time.Time
}

// ParseSigners reads a file of allowed signers. Only its errors use name. Lines of
// certificate authorities are for signatures by certificates, and passed over.
func ParseSigners(name string, data []byte) (Signers, error) {
	var s Signers
	for n, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		one, err := parseSigner(line)
		if err != nil {
			return Signers{}, fmt.Errorf("%s:%d: %w", name, n+1, err)
		}
		if one != nil {
			s.list = append(s.list, *one)
		}
	}
	return s, nil
}

func parseSigner(line string) (*signer, error) {
	cut := strings.IndexAny(line, " \t")
	if cut < 0 || strings.ContainsAny(line[:cut], `"!`) {
		return nil, fmt.Errorf("a line is `who [options] type key`, who without quotes or ! in it, as ssh-keygen(1) has it")
	}
	who, rest := line[:cut], line[cut+1:]
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil {
		return nil, fmt.Errorf("the key cannot be read: %w", err)
	}
	s := &signer{who: who, key: key}
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "cert-authority":
			return nil, nil
		case "namespaces":
			s.namespaces = strings.Split(value, ",")
		case "valid-after":
			s.after, err = parseTime(value)
		case "valid-before":
			s.before, err = parseTime(value)
		default:
			err = fmt.Errorf("%q is no option of an allowed signer", name)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// parseTime reads YYYYMMDD[HHMM[SS]][Z]; without Z it is local time.
func parseTime(value string) (time.Time, error) {
	where := time.Local
	text, utc := strings.CutSuffix(value, "Z")
	if utc {
		where = time.UTC
	}
	for _, form := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.ParseInLocation(form, text, where); err == nil && len(text) == len(form) {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z for UTC", value)
}

// Who says whose key it is that may sign for a namespace at a time.
func (s Signers) Who(key ssh.PublicKey, namespace string, now time.Time) (string, error) {
	why := "is not among the allowed signers"
	for _, one := range s.list {
		if !bytes.Equal(one.key.Marshal(), key.Marshal()) {
			continue
		}
		switch {
		case !one.signsFor(namespace):
			why = "of " + one.who + " may not sign for " + namespace
		case !one.after.IsZero() && now.Before(one.after), !one.before.IsZero() && !now.Before(one.before):
			why = "of " + one.who + " may not sign at this time"
		default:
			return one.who, nil
		}
	}
	return "", fmt.Errorf("the key %s %s", ssh.FingerprintSHA256(key), why)
}

// signsFor matches the patterns as ssh does: one that begins with ! rules out.
func (s signer) signsFor(namespace string) bool {
	yes := s.namespaces == nil
	for _, pattern := range s.namespaces {
		pattern, not := strings.CutPrefix(strings.TrimSpace(pattern), "!")
		if fits, err := path.Match(pattern, namespace); err == nil && fits {
			if not {
				return false
			}
			yes = true
		}
	}
	return yes
}
