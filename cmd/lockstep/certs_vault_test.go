package main

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/pki"
)

// vaultServer signs as a PKI engine does, over TLS. It returns its address and
// the file with the certificate of the server itself.
func vaultServer(t *testing.T, ca *pki.Pair) (address, caFile string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/pki/ca_chain" {
			_, _ = w.Write(ca.CertPEM())
			return
		}
		if r.URL.Path != "/v1/pki/sign/db" || r.Header.Get("X-Vault-Token") != "s.geheim" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"errors":["permission denied"]}`))
			return
		}
		var body map[string]string
		_ = json.NewDecoder(r.Body).Decode(&body)
		csr, err := pki.ParseRequest([]byte(body["csr"]))
		if err != nil {
			t.Error(err)
			return
		}
		cert, err := ca.IssueFor(rand.Reader, time.Now(), csr.PublicKey, pki.LeafRequest{CommonName: body["common_name"],
			Names: strings.Split(body["alt_names"], ","), Role: pki.RoleServer})
		if err != nil {
			t.Error(err)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"certificate": string(pki.EncodeCert(cert)), "ca_chain": []string{string(ca.CertPEM())}}})
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	caFile = filepath.Join(t.TempDir(), "vault-ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(caFile, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, caFile
}

// fileConsole is a console with files for its streams.
func fileConsole(t *testing.T, stdin []byte, env map[string]string) (c console, read func() (stdout, stderr string)) {
	t.Helper()
	dir := t.TempDir()
	open := func(name string, data []byte) *os.File {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	c = console{stdin: open("in", stdin), stdout: open("out", nil), stderr: open("err", nil), getenv: func(k string) string { return env[k] }}
	return c, func() (string, string) {
		out, _ := os.ReadFile(filepath.Join(dir, "out"))
		err, _ := os.ReadFile(filepath.Join(dir, "err"))
		return string(out), string(err)
	}
}

func TestCertsVault(t *testing.T) {
	ca, err := pki.NewCA(rand.Reader, time.Now(), pki.CARequest{Name: "vault", Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	address, caFile := vaultServer(t, ca)
	key, err := pki.GenerateKey(rand.Reader, pki.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := pki.NewRequest(rand.Reader, key, pki.LeafRequest{CommonName: "prod server", Names: []string{"db1", "db2"}})
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"VAULT_ADDR": address, "VAULT_CACERT": caFile, "VAULT_TOKEN": "s.geheim"}
	with := func(key, value string) map[string]string {
		out := map[string]string{}
		for k, v := range env {
			out[k] = v
		}
		out[key] = value
		return out
	}
	for _, row := range []struct {
		name  string
		args  []string
		env   map[string]string
		stdin []byte
		code  int
		want  string // on stderr
	}{
		{"sign", []string{"--role", "db"}, env, csr, exitDone, ""},
		{"authority", []string{"--print-ca"}, with("VAULT_TOKEN", ""), nil, exitDone, ""},
		{"wrong token", []string{"--role", "db"}, with("VAULT_TOKEN", "s.wrong1"), csr, exitFailed, "permission denied"},
		{"unknown server", []string{"--role", "db"}, with("VAULT_CACERT", ""), csr, exitFailed, "certificate"},
		{"no token", []string{"--role", "db"}, with("VAULT_TOKEN", ""), csr, exitUsage, "there is no token"},
		{"no request", []string{"--role", "db"}, env, []byte("x"), exitUsage, "CERTIFICATE REQUEST"},
		{"no role", nil, env, csr, exitUsage, "--role is missing"},
		{"no address", []string{"--role", "db"}, with("VAULT_ADDR", ""), csr, exitUsage, "--address is missing"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, read := fileConsole(t, row.stdin, row.env)
			code := run(t.Context(), append([]string{"certs", "vault"}, row.args...), c)
			stdout, stderr := read()
			if code != row.code || !strings.Contains(stderr, row.want) || strings.Contains(stdout+stderr, "s.geheim") || strings.Contains(stderr, "s.wrong1") {
				t.Fatalf("exit %d, want %d\n%s\n%s", code, row.code, stdout, stderr)
			}
			if code != exitDone {
				return
			}
			certs, err := pki.ParseCerts([]byte(stdout))
			if err != nil || !certs[len(certs)-1].Equal(ca.Cert) {
				t.Fatalf("got %v, %v; want the authority at the end", certs, err)
			}
			if row.stdin == nil {
				return
			}
			chain, err := pki.Chain([]byte(stdout), key.Public())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range pki.Check(pki.Set{Cert: chain, CA: ca.CertPEM()}, pki.CheckOptions{Now: time.Now(), Names: []string{"db1", "db2"}}) {
				t.Errorf("%s", f)
			}
		})
	}
}
