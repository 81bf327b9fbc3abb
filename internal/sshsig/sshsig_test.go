package sshsig

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keys are new private keys of each type.
func keys(t *testing.T) map[string]any {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	return map[string]any{"ed25519": ed, "ecdsa": ec, "rsa": rs}
}

func signerOf(t *testing.T, key any) ssh.Signer {
	t.Helper()
	s, err := ssh.NewSignerFromKey(key)
	must(t, err)
	return s
}

func TestAnotherContentIsNotSigned(t *testing.T) {
	for name, key := range keys(t) {
		t.Run(name, func(t *testing.T) {
			s := signerOf(t, key)
			sig, err := Sign(s, "plans", []byte("data"))
			must(t, err)
			got, err := Verify(sig, "plans", []byte("data"))
			if err != nil || string(got.Marshal()) != string(s.PublicKey().Marshal()) {
				t.Errorf("got %v, %v", got, err)
			}
			if _, err := Verify(sig, "plans", []byte("date")); err == nil {
				t.Error("another content passes")
			}
			if _, err := Verify(sig, "files", []byte("data")); err == nil {
				t.Error("another namespace passes")
			}
		})
	}
}

// TestSHA1IsRefused: the key itself would take it.
func TestSHA1IsRefused(t *testing.T) {
	s := signerOf(t, keys(t)["rsa"])
	digest, err := digest("sha512", []byte("data"))
	must(t, err)
	sig, err := s.Sign(rand.Reader, ssh.Marshal(signed{magic(), "plans", "", "sha512", digest}))
	must(t, err)
	if sig.Format != ssh.KeyAlgoRSA {
		t.Fatalf("the key signs with %s", sig.Format)
	}
	b := blob{magic(), version, s.PublicKey().Marshal(), "plans", "", "sha512", ssh.Marshal(sig)}
	armored := pem.EncodeToMemory(&pem.Block{Type: armor, Bytes: ssh.Marshal(b)})
	if _, err := Verify(armored, "plans", []byte("data")); err == nil || !strings.Contains(err.Error(), "SHA-1") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoSignature(t *testing.T) {
	sig, err := Sign(signerOf(t, keys(t)["ed25519"]), "plans", []byte("data"))
	must(t, err)
	block, _ := pem.Decode(sig)
	short := pem.EncodeToMemory(&pem.Block{Type: armor, Bytes: block.Bytes[:len(block.Bytes)-9]})
	for _, text := range [][]byte{nil, []byte("x"), pem.EncodeToMemory(&pem.Block{Type: "OTHER", Bytes: block.Bytes}), short, pem.EncodeToMemory(&pem.Block{Type: armor})} {
		if _, err := Verify(text, "plans", []byte("data")); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

// TestAsSSHKeygenDoes: it takes our signatures, and we take its.
func TestAsSSHKeygenDoes(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("there is no ssh-keygen here")
	}
	for name, key := range keys(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			at := func(name string) string { return filepath.Join(dir, name) }
			block, err := ssh.MarshalPrivateKey(key, "")
			must(t, err)
			s := signerOf(t, key)
			sig, err := Sign(s, "plans", []byte("data"))
			must(t, err)
			must(t, os.WriteFile(at("key"), pem.EncodeToMemory(block), 0o600))
			must(t, os.WriteFile(at("sig"), sig, 0o600))
			must(t, os.WriteFile(at("data"), []byte("data"), 0o600))
			must(t, os.WriteFile(at("signers"), append([]byte(`me@here namespaces="plans,x" `), ssh.MarshalAuthorizedKey(s.PublicKey())...), 0o600))
			cmd := exec.CommandContext(t.Context(), keygen, "-Y", "verify", "-f", at("signers"), "-I", "me@here", "-n", "plans", "-s", at("sig"))
			cmd.Stdin = strings.NewReader("data")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("ssh-keygen does not take it: %v: %s", err, out)
			}
			if out, err := exec.CommandContext(t.Context(), keygen, "-Y", "sign", "-f", at("key"), "-n", "plans", at("data")).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			theirs, err := os.ReadFile(at("data.sig"))
			must(t, err)
			got, err := Verify(theirs, "plans", []byte("data"))
			must(t, err)
			text, err := os.ReadFile(at("signers"))
			must(t, err)
			signers, err := ParseSigners("signers", text)
			must(t, err)
			if who, err := signers.Who(got, "plans", time.Now()); who != "me@here" || err != nil {
				t.Errorf("got %q, %v", who, err)
			}
		})
	}
}

func TestSigners(t *testing.T) {
	key := signerOf(t, keys(t)["ed25519"]).PublicKey()
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct{ text, want string }{
		"plain":                {"# those who may\n\nme " + line + " a comment\n", ""},
		"of the namespace":     {`me namespaces="git,pl*" ` + line, ""},
		"of another":           {`me namespaces="git" ` + line, "may not sign for plans"},
		"ruled out":            {`me namespaces="*,!plans" ` + line, "may not sign for plans"},
		"in time":              {`me valid-after="20260504Z",valid-before="202605041201Z" ` + line, ""},
		"too early":            {`me valid-after="20260505Z" ` + line, "may not sign at this time"},
		"too late":             {`me valid-before="20260504120000Z" ` + line, "may not sign at this time"},
		"the second fits":      {`old valid-before="20200101" ` + line + "\nme " + line, ""},
		"an authority":         {"me cert-authority " + line, "is not among the allowed signers"},
		"nobody":               {"", "is not among the allowed signers"},
		"an option of nobody":  {`me no-touch ` + line, `signers:1: "no-touch" is no option`},
		"no time":              {`me valid-after="2026" ` + line, "signers:1: \"2026\" is no time"},
		"no key":               {"\nme ssh-ed25519 AAAA", "signers:2: the key cannot be read"},
		"a pattern of writers": {"*,!me " + line, "signers:1: a line is"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParseSigners("signers", []byte(tt.text))
			who := ""
			if err == nil {
				who, err = s.Who(key, "plans", now)
			}
			switch {
			case tt.want == "" && (err != nil || who != "me"):
				t.Errorf("got %q, %v", who, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %q, %v, want %q", who, err, tt.want)
			}
		})
	}
}

func TestAnEncryptedKeyIsUnlocked(t *testing.T) {
	key := keys(t)["ed25519"]
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key.(ed25519.PrivateKey), "", []byte("open"))
	must(t, err)
	text := pem.EncodeToMemory(block)
	for word, good := range map[string]bool{"open": true, "shut": false} {
		s, err := ParseKey(text, func() (string, error) { return word, nil })
		if (err == nil) != good || good && string(s.PublicKey().Marshal()) != string(signerOf(t, key).PublicKey().Marshal()) {
			t.Errorf("%s: got %v, %v", word, s, err)
		}
	}
}
