package secret

import (
	"bytes"
	"encoding/base64"
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

func TestPrivateKeyIsMaskedUnasked(t *testing.T) {
	var r Redactor
	key := "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----"
	for _, text := range []string{key, key[:40]} {
		if got := r.String("x " + text); strings.Contains(got, "MII") || !strings.Contains(got, "<RSA PRIVATE KEY>") {
			t.Errorf("got %q", got)
		}
	}
}

func TestWriterFindsSecretCutByWrites(t *testing.T) {
	var r Redactor
	r.Add("hunter22")
	var out bytes.Buffer
	w := r.Writer(&out)
	for _, part := range []string{"a hun", "ter2", "2 b\nrest ", "-----BEGIN PRIVATE KEY-----\nMII", "abc\n-----END PRIVATE KEY-----\n"} {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "a <secret> b\nrest <PRIVATE KEY>\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
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
