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
		if got := r.String("before " + form + " after"); strings.Contains(got, form) {
			t.Errorf("form %q leaks: %q", form, got)
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
		fmt.Sprintf("%q", "p4ss\\word\u00a0\u2028\x1b<x"), inJSON("p4ss\\word\u00a0\u2028\x1b<x"),
		"+first line of it\n+  and the second\n+no", inJSON("first line of it\n  and the second\nno\n"),
	} {
		if got := r.String(text); strings.Contains(got, "ord") || strings.Contains(got, "line") || strings.Contains(got, "second") {
			t.Errorf("%q leaks: %q", text, got)
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
