package vaultpki

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func serve(t *testing.T, h http.HandlerFunc) Mount {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return Mount{Address: s.URL, Mount: "team/pki", Token: "s.geheim", Namespace: "db", Client: s.Client()}
}

func TestSign(t *testing.T) {
	var got map[string]string
	m := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/team/pki/sign/nodes" || r.Header.Get("X-Vault-Token") != "s.geheim" || r.Header.Get("X-Vault-Namespace") != "db" {
			t.Errorf("asked %s %s with %v", r.Method, r.URL.Path, r.Header)
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte(`{"data":{"certificate":"LEAF","issuing_ca":"MID\n","ca_chain":["MID\n","ROOT"]}}`))
	})
	out, err := m.Sign(t.Context(), Request{Role: "nodes", CSR: []byte("CSR"), CommonName: "prod server", DNS: []string{"db1", "db2"}, IPs: []string{"10.0.0.1"}, Lifetime: 90 * time.Minute})
	if err != nil || string(out) != "LEAF\nMID\nROOT\n" {
		t.Errorf("got %q, %v", out, err)
	}
	for key, want := range map[string]string{"csr": "CSR", "common_name": "prod server", "alt_names": "db1,db2", "ip_sans": "10.0.0.1", "ttl": "5400s", "exclude_cn_from_sans": "true"} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
}

func TestSignRefused(t *testing.T) {
	for _, row := range []struct {
		status       int
		answer, want string
	}{
		{403, `{"errors":["permission denied"]}`, "403 Forbidden: permission denied"},
		{400, `{"errors":["common name prod server not allowed by this role"]}`, "not allowed by this role"},
		{502, "<html>", "502"},
		{200, "<html>", "holds no certificate"},
		{200, `{"data":{}}`, "holds no certificate"},
	} {
		m := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(row.status)
			_, _ = w.Write([]byte(row.answer))
		})
		_, err := m.Sign(t.Context(), Request{Role: "nodes"})
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("got %v, want an error with %q", err, row.want)
		}
	}
	if _, err := (Mount{Address: "vault:8200"}).Sign(t.Context(), Request{}); err == nil || !strings.Contains(err.Error(), "https://vault:8200") {
		t.Errorf("an address without scheme: %v", err)
	}
}

func TestCA(t *testing.T) {
	for chain, want := range map[string]string{"MID\nROOT": "MID\nROOT\n", "": "ROOT\n"} {
		m := serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/v1/team/pki/ca_chain":
				_, _ = w.Write([]byte(chain))
			case "/v1/team/pki/ca/pem":
				_, _ = w.Write([]byte("ROOT"))
			default:
				t.Errorf("asked for %s", r.URL.Path)
			}
		})
		if out, err := m.CA(t.Context()); err != nil || string(out) != want {
			t.Errorf("got %q, %v, want %q", out, err, want)
		}
	}
}
