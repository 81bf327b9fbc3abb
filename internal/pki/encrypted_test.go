package pki

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestEncryptedKeyIsReadByOpenSSL(t *testing.T) {
	for _, a := range []Algorithm{RSA2048, ECDSAP256} {
		ca := newCA(t, a)
		data, err := EncryptKey(ca.Key, "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		if !IsEncryptedKey(data) || IsEncryptedKey(keyPEM(t, ca)) {
			t.Error("IsEncryptedKey cannot tell")
		}
		files := map[string][]byte{"k.pem": data, "c.pem": ca.CertPEM()}
		ofKey, ok := openssl(t, files, "pkey", "-in", "k.pem", "-passin", "pass:correct horse", "-pubout")
		ofCert, _ := openssl(t, files, "x509", "-in", "c.pem", "-noout", "-pubkey")
		if !ok || ofKey != ofCert {
			t.Errorf("openssl reads another key: %s", ofKey)
		}
		if _, ok := openssl(t, files, "pkey", "-in", "k.pem", "-passin", "pass:wrong", "-pubout"); ok {
			t.Error("openssl opens it with a wrong passphrase")
		}
		if got, err := OpenPair(ca.CertPEM(), data, "correct horse"); err != nil || !sameKey(got.Key.Public(), ca.Key.Public()) {
			t.Errorf("got %v, %v", got, err)
		}
		if _, err := OpenPair(ca.CertPEM(), data, "wrong"); !errors.Is(err, ErrPassphrase) {
			t.Errorf("wrong passphrase: %v", err)
		}
		if _, err := LoadPair(ca.CertPEM(), data); !errors.Is(err, ErrEncryptedKey) {
			t.Errorf("no passphrase: %v", err)
		}
		if _, err := OpenPair(ca.CertPEM(), keyPEM(t, ca), "not needed"); err != nil {
			t.Errorf("key without passphrase: %v", err)
		}
	}
}

// TestDecryptKeyReadsWhatOpenSSLWrites takes each form of current and old tools.
func TestDecryptKeyReadsWhatOpenSSLWrites(t *testing.T) {
	plain := keyPEM(t, newCA(t, RSA2048))
	for _, args := range [][]string{
		{"pkcs8", "-topk8"}, {"pkcs8", "-topk8", "-scrypt"}, {"pkcs8", "-topk8", "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"}, {"pkey", "-aes256"},
	} {
		out, ok := openssl(t, map[string][]byte{"k.pem": plain}, append(args, "-in", "k.pem", "-passout", "pass:x")...)
		if !ok {
			t.Fatal(out)
		}
		if _, err := DecryptKey([]byte(out), "x"); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
	old, ok := openssl(t, map[string][]byte{"k.pem": plain}, "rsa", "-traditional", "-aes256", "-in", "k.pem", "-passout", "pass:x")
	if _, err := DecryptKey([]byte(old)[strings.Index(old, "-----"):], "x"); !ok || err == nil || !strings.Contains(err.Error(), "pkcs8 -topk8") {
		t.Errorf("old form: %v\n%s", err, old)
	}
}

func TestEncryptKeyWantsAPassphrase(t *testing.T) {
	if data, err := EncryptKey(key(t), ""); err == nil || bytes.Contains(data, []byte("KEY")) {
		t.Error("encrypted with an empty passphrase")
	}
}
