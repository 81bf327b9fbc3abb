package secret

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

func TestSecretIsMaskedInEveryForm(t *testing.T) {
	var r Redactor
	const value = "p4ss w'rd/+\"x"
	r.Add(value)
	for _, form := range forms(value) {
		if got := r.String("before " + form.text + " after"); strings.Contains(got, form.text) {
			t.Errorf("form %q leaks: %q", form.text, got)
		}
	}
	for _, text := range []string{`'p4ss w'\''rd/+"x'`, `'p4ss w'"'"'rd/+"x'`, `'p4ss w\'rd/+"x'`, `'p4ss w''rd/+"x'`, `p4ss%20w%27rd/%2B%22x`, `p4ss%20w%27rd%2F%2B%22x`} {
		if got := r.String(text); strings.Contains(got, "p4ss") || strings.Contains(got, "rd") {
			t.Errorf("%s leaks: %q", text, got)
		}
	}
	if got := r.String("before after"); got != "before after" {
		t.Errorf("innocent text changed: %q", got)
	}
}

func TestSecretIsMaskedWhereItIsShown(t *testing.T) {
	var r Redactor
	r.Add("p4ss\\word\u00a0\u2028\x1b<x")
	r.Add("first line of it\n  and the second\nno\n")
	for _, text := range []string{
		fmt.Sprintf("%q", "p4ss\\word\u00a0\u2028\x1b<x"), inJSON("p4ss\\word\u00a0\u2028\x1b<x", false),
		"+first line of it\n+  and the second\n+no", inJSON("first line of it\n  and the second\nno\n", false),
	} {
		if got := r.String(text); strings.Contains(got, "ord") || strings.Contains(got, "line") || strings.Contains(got, "second") {
			t.Errorf("%q leaks: %q", text, got)
		}
	}
}

func TestSecretIsMaskedInsideBase64(t *testing.T) {
	for _, value := range []string{"p4ss", "hunter2222", "pässwörd??>>~~"} {
		var r Redactor
		r.Add(value)
		for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			for front := range 4 {
				for back := range 4 {
					text := alphabet.EncodeToString([]byte("user:"[:front] + value + "@db1"[:back]))
					got := r.String("Basic " + text + "\n")
					mask := strings.Index(got, Mask)
					if mask < 0 {
						t.Errorf("%q leaks: %q", text, got)
						continue
					}
					// What is left holds no bit of the secret.
					left, right, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(got, "Basic "), "\n"), Mask)
					if len(left) > front*8/6 || len(strings.TrimRight(right, "=")) > (back*8+5)/6 {
						t.Errorf("%q leaks letters: %q", text, got)
					}
				}
			}
		}
	}
}

func TestSecretsThatOverlapAreMaskedWhole(t *testing.T) {
	var r Redactor
	r.Add("hunter22")
	r.Add("22-and-more")
	if got := r.String("x hunter22-and-more y"); got != "x "+Mask+" y" {
		t.Errorf("got %q", got)
	}
}

func TestShortLinesAreMaskedBesideTheirNeighbours(t *testing.T) {
	var r Redactor
	const value = "user=me\npw=abc\n\nlonger-line-of-it\n- x\nend\n"
	r.Add(value)
	for _, text := range []string{
		value,
		"@@\n context\n+user=me\n+pw=abc\n+\n+longer-line-of-it\n+- x\n+end\n end of file",
		" user=me\n-pw=old\n+pw=abc\n \n longer-line-of-it\n - x\n end",
		"  │ user=me\n  │ pw=abc\n",
		"   12 | user=me\n   13 | pw=abc",
		"user=me\r\npw=abc\r\n",
	} {
		got := r.String(text)
		if strings.Contains(got, "=me") || strings.Contains(got, "=abc") || strings.Contains(got, "longer") || strings.Contains(got, "- x") {
			t.Errorf("%q leaks: %q", text, got)
		}
		if strings.Contains(text, "context") && (!strings.Contains(got, "context") || !strings.Contains(got, " end of file")) {
			t.Errorf("innocent lines changed: %q", got)
		}
	}
	for _, text := range []string{"the end", "end\nuser=me", "\n\n\n"} {
		if got := r.String(text); got != text {
			t.Errorf("innocent text changed: %q", got)
		}
	}
}

func TestPrivateKeyIsMaskedUnasked(t *testing.T) {
	var r Redactor
	key := "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----"
	for _, text := range []string{key, key[:40]} {
		if got := r.String("x " + text); strings.Contains(got, "MII") || !strings.Contains(got, "<RSA PRIVATE KEY>") {
			t.Errorf("got %q", got)
		}
	}
}

func TestShortValuesAreLeftAlone(t *testing.T) {
	var r Redactor
	r.Add("no")
	if got := r.String("no news"); got != "no news" {
		t.Errorf("got %q", got)
	}
	r.Add(base64.StdEncoding.EncodeToString([]byte("long enough")))
	if got := r.String("bG9uZyBlbm91Z2g="); got != Mask {
		t.Errorf("got %q", got)
	}
}
