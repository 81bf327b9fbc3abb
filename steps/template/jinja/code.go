package jinja

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"

	"al.essio.dev/pkg/shellescape"
)

// codeFilters write a text in the spelling that something else wants.
func codeFilters() map[string]routine {
	plain := func(f func(string) (string, error)) routine {
		return routine{run: func(c *invocation) (any, error) {
			s, err := c.inText()
			if err != nil {
				return nil, err
			}
			if s, err = f(s); err != nil {
				return nil, err
			}
			return c.made(s)
		}}
	}
	hash := func(name string) routine {
		return plain(func(s string) (string, error) { return digest(name, s) })
	}
	return map[string]routine{
		"b64encode": plain(func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }),
		"b64decode": plain(decode64),
		"quote":     plain(func(s string) (string, error) { return shellescape.Quote(s), nil }),
		"urlencode": plain(func(s string) (string, error) { return encodeURL(s), nil }),
		"basename":  plain(func(s string) (string, error) { return s[strings.LastIndexByte(s, '/')+1:], nil }),
		"dirname":   plain(func(s string) (string, error) { return dirname(s), nil }),
		"md5":       hash("md5"), "sha1": hash("sha1"),
		"checksum": hash("sha1"),
		"hash": {params: "| hashtype", run: func(c *invocation) (any, error) {
			name, err := c.word("hashtype", "sha1")
			if err != nil {
				return nil, err
			}
			return hash(name).run(c)
		}},
	}
}

func decode64(s string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return "", errors.New("the text is not base64")
	}
	if !utf8.Valid(data) {
		return "", errors.New("what it holds is not UTF-8 text")
	}
	return string(data), nil
}

// encodeURL is Python's quote: a slash stays.
func encodeURL(s string) string {
	s = strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	return strings.ReplaceAll(s, "%2F", "/")
}

// dirname is Python's os.path.dirname, which keeps no slash at the end.
func dirname(s string) string {
	head := s[:strings.LastIndexByte(s, '/')+1]
	if strings.Trim(head, "/") == "" {
		return head
	}
	return strings.TrimRight(head, "/")
}

func digest(name, s string) (string, error) {
	switch name {
	case "md5":
		sum := md5.Sum([]byte(s))
		return hex.EncodeToString(sum[:]), nil
	case "sha1":
		sum := sha1.Sum([]byte(s))
		return hex.EncodeToString(sum[:]), nil
	case "sha256":
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:]), nil
	case "sha512":
		sum := sha512.Sum512([]byte(s))
		return hex.EncodeToString(sum[:]), nil
	}
	return "", errors.New("the hash must be md5, sha1, sha256 or sha512")
}
