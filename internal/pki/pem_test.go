package pki

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestReadPEMRefusesWhatOpenSSLWouldRefuseOrLose(t *testing.T) {
	a, b := string(newCA(t, ECDSAP256).CertPEM()), string(newCA(t, ECDSAP256).CertPEM())
	body := strings.Split(strings.TrimSpace(a), "\n")
	tests := []struct {
		name, in string
		blocks   int
		err      string // "" for none
	}{
		{"one", a, 1, ""},
		{"two", a + b, 2, ""},
		{"no final newline", a + strings.TrimSpace(b), 2, ""},
		{"CRLF", strings.ReplaceAll(a+b, "\n", "\r\n"), 2, ""},
		{"text around", "subject=CN = x\n\n" + a + "\nissuer: y\n" + b + "end\n", 2, ""},
		{"trailing blanks", strings.ReplaceAll(a, "\n", " \t\n"), 1, ""},
		{"empty", "", 0, ""},
		{"text only", "hello\n", 0, ""},
		{"glued", strings.TrimSpace(a) + b, 0, "bad end line"},
		{"cut off", strings.Join(body[:len(body)-1], "\n"), 0, "no END line"},
		{"cut off after a good one", b + strings.Join(body[:3], "\n"), 0, "no END line"},
		{"other END", strings.Replace(a, "END CERTIFICATE", "END RSA PRIVATE KEY", 1), 0, "bad end line"},
		{"END alone", "-----END CERTIFICATE-----\n" + a, 0, "line 1: this BEGIN or END line is not well formed"},
		{"indented", "  " + strings.ReplaceAll(a, "\n", "\n  "), 0, "not well formed"},
		{"four dashes", strings.Replace(a, "-----BEGIN", "----BEGIN", 1), 0, "not well formed"},
		{"byte order mark", "\ufeff" + a, 0, "byte order mark"},
		{"empty line inside", strings.Replace(a, "\n", "\n\n", 1), 0, "empty line inside"},
		{"not base64", strings.Replace(a, body[2], "%%%%", 1), 0, "line 3: inside a block stands something that is not base64"},
		{"bad padding", "-----BEGIN CERTIFICATE-----\nQUJ\n-----END CERTIFICATE-----\n", 0, "does not decode"},
		{"nothing inside", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", 0, "does not decode"},
		{"old Mac line ends", strings.ReplaceAll(a, "\n", "\r"), 0, "not well formed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadPEM([]byte(tt.in))
			switch {
			case tt.err == "" && err != nil:
				t.Fatalf("got error %v, wanted none", err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Fatalf("got error %v, wanted one with %q", err, tt.err)
			case len(got) != tt.blocks:
				t.Fatalf("got %d blocks, want %d", len(got), tt.blocks)
			}
			if tt.err == "" && tt.blocks > 0 {
				checkStoreCount(t, tt.in, tt.blocks)
			}
		})
	}
}

// checkStoreCount asks OpenSSL how many certificates it finds.
func checkStoreCount(t *testing.T, in string, want int) {
	t.Helper()
	out, ok := openssl(t, map[string][]byte{"f": []byte(in)}, "storeutl", "-noout", "-certs", "f")
	if !ok || !strings.Contains(out, fmt.Sprintf("Total found: %d", want)) {
		t.Errorf("openssl storeutl does not find %d certificates:\n%s", want, out)
	}
}

func TestBundle(t *testing.T) {
	a, b := newCA(t, ECDSAP256).CertPEM(), newCA(t, ECDSAP256).CertPEM()
	tests := []struct {
		name string
		in   [][]byte
		want []byte
		err  string
	}{
		{"old and new", [][]byte{a, b}, append(bytes.Clone(a), b...), ""},
		{"no final newline", [][]byte{bytes.TrimSpace(a), bytes.TrimSpace(b)}, append(bytes.Clone(a), b...), ""},
		{"duplicates", [][]byte{a, b, a, b}, append(bytes.Clone(a), b...), ""},
		{"CRLF and text", [][]byte{bytes.ReplaceAll(a, []byte("\n"), []byte("\r\n")), append([]byte("# new\n"), b...)}, append(bytes.Clone(a), b...), ""},
		{"glued", [][]byte{append(bytes.TrimSpace(a), b...)}, nil, "part 1 of 1 of the bundle: line"},
		{"empty part", [][]byte{a, nil}, nil, "part 2 of 2 of the bundle: no certificate in it"},
		{"nothing", nil, nil, "no certificates to join"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Bundle(tt.in...)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || !bytes.Equal(got, tt.want) {
				t.Errorf("got %q (%v)\nwant %q", got, err, tt.want)
			}
		})
	}
}

func TestParseKeyReadsWhatOpenSSLWrites(t *testing.T) {
	tests := []struct {
		name string
		args string
		err  string
	}{
		{"PKCS#8 RSA", "genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out k", ""},
		{"PKCS#1 RSA", "genrsa -traditional -out k 2048", ""},
		{"PKCS#8 EC", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k", ""},
		{"SEC1 EC with parameters", "ecparam -name prime256v1 -genkey -out k", ""},
		{"PKCS#8 encrypted", "genpkey -quiet -algorithm RSA -aes256 -pass pass:secret -out k", "line 1: private key is encrypted"},
		{"PKCS#1 encrypted", "genrsa -traditional -aes256 -passout pass:secret -out k 2048", "line 1: private key is encrypted"},
		{"Ed25519", "genpkey -algorithm ED25519 -out k", "neither RSA nor ECDSA (ed25519.PrivateKey)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := strings.Fields(tt.args)
			for i := range args {
				if args[i] == "k" {
					args[i] = "/dev/stdout"
				}
			}
			out, ok := openssl(t, nil, args...)
			if !ok {
				t.Fatal(out)
			}
			_, err := ParseKey([]byte(out))
			lines, secret := Describe([]byte(out))
			t.Log(lines)
			if !secret {
				t.Error("Describe does not see that it is a private key")
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
			if strings.Contains(tt.err, "encrypted") && !errors.Is(err, ErrEncryptedKey) {
				t.Errorf("%v is not ErrEncryptedKey", err)
			}
		})
	}
}

func TestParseKeyWantsExactlyOneKey(t *testing.T) {
	ca := newCA(t, ECDSAP256)
	k := string(keyPEM(t, ca))
	damaged := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("no such thing")}))
	tests := []struct{ name, in, err string }{
		{"none", "", "no private key in it"},
		{"two", k + k, "line 6: a second private key (the first is in line 1)"},
		{"with its certificate", string(ca.CertPEM()) + k, `line 1: found "CERTIFICATE"`},
		{"damaged", damaged, "RSA PRIVATE KEY is damaged"},
		{"unknown form", strings.ReplaceAll(k, "PRIVATE KEY", "OPENSSH PRIVATE KEY"), "OPENSSH PRIVATE KEY is damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ParseKey([]byte(tt.in)); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestKeysSurviveEncodeAndParse(t *testing.T) {
	for _, a := range []Algorithm{RSA2048, ECDSAP256} {
		p := newCA(t, a)
		back, err := LoadPair(p.CertPEM(), keyPEM(t, p))
		if err != nil || !sameKey(back.Key.Public(), p.Key.Public()) || !back.Cert.Equal(p.Cert) {
			t.Errorf("%s: LoadPair gave %v, %v", a, back, err)
		}
	}
	a, b := newCA(t, ECDSAP256), newCA(t, ECDSAP256)
	if _, err := LoadPair(a.CertPEM(), keyPEM(t, b)); err == nil || !strings.Contains(err.Error(), "does not belong") {
		t.Errorf("LoadPair of strangers: %v", err)
	}
}

func FuzzReadPEM(f *testing.F) {
	block := "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"
	for _, s := range []string{
		"", block, block + block, strings.TrimSpace(block) + block, strings.ReplaceAll(block, "\n", "\r\n"), "\ufeff" + block,
		"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nQUJD\n-----END RSA PRIVATE KEY-----\n",
		"-----BEGIN ", "-----BEGIN A-----", "-----BEGIN -----\n-----END -----", "-----BEGIN A-----\nx:\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, secret := Describe(data)
		if bytes.Contains(data, []byte("PRIVATE KEY")) && !secret {
			t.Fatal("Describe does not see the private key")
		}
		for _, l := range lines {
			if strings.ContainsAny(l, "\n\r\x1b\x00") {
				t.Fatalf("line %q has control characters", l)
			}
		}
		blocks, err := ReadPEM(data)
		if err != nil {
			if len(blocks) > 0 {
				t.Fatal("blocks beside an error")
			}
			return
		}
		if n := bytes.Count(data, []byte("-----BEGIN ")); n != len(blocks) {
			t.Fatalf("%d blocks of %d were read, the others were lost without a word", len(blocks), n)
		}
		for _, b := range blocks {
			back, err := ReadPEM(pem.EncodeToMemory(&pem.Block{Type: b.Type, Bytes: b.Bytes}))
			if err != nil || len(back) != 1 || !bytes.Equal(back[0].Bytes, b.Bytes) {
				t.Fatalf("%q written and read again: %v", b.Type, err)
			}
		}
	})
}
