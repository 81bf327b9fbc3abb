package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// openssl runs the installed tool with files in a directory of their own; it
// is what decides in doubt.
func openssl(t *testing.T, files map[string][]byte, args ...string) (string, bool) {
	t.Helper()
	bin, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not installed, and CI needs it")
		}
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bin, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func certsPEM(cs []*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range cs {
		b.Write(EncodeCert(c))
	}
	return b.Bytes()
}

var testNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newCA(t *testing.T, a Algorithm) *Pair {
	t.Helper()
	ca, err := NewCA(rand.Reader, testNow, CARequest{Name: "prod", Algorithm: a})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func issue(t *testing.T, ca *Pair, r LeafRequest) *Pair {
	t.Helper()
	leaf, err := ca.Issue(rand.Reader, testNow, r)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func key(t *testing.T) crypto.Signer {
	t.Helper()
	k, err := GenerateKey(rand.Reader, ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func keyPEM(t *testing.T, p *Pair) []byte {
	t.Helper()
	b, err := p.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// runScript runs a few openssl commands in a directory of their own and reads
// the files they made.
func runScript(t *testing.T, script string, names ...string) map[string][]byte {
	t.Helper()
	openssl(t, nil, "version") // skips where there is none
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files := map[string][]byte{}
	for _, n := range names {
		data, err := os.ReadFile(filepath.Join(cmd.Dir, n))
		if err != nil {
			t.Fatal(err)
		}
		files[n] = data
	}
	return files
}
