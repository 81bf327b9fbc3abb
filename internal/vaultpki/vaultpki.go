// Package vaultpki asks the PKI secrets engine of HashiCorp Vault or OpenBao to
// sign requests. It knows two paths of their HTTP API and nothing of
// certificates: PEM goes in, PEM comes out. Private keys never travel.
package vaultpki

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Mount is a PKI engine on a server.
type Mount struct {
	Address   string // such as https://vault:8200
	Mount     string // where the engine is, such as pki
	Token     string // a secret
	Namespace string // empty: none
	Client    *http.Client
}

// Request is what the engine is asked to sign. The role at the engine decides
// what it may hold.
type Request struct {
	Role       string
	CSR        []byte // PEM
	CommonName string
	DNS, IPs   []string
	Lifetime   time.Duration // zero: the role's
}

// maxAnswer bounds an answer.
const maxAnswer = 1 << 20

// Sign returns the certificate and then its chain, PEM. Errors hold what the
// server says, and never the token.
func (m Mount) Sign(ctx context.Context, r Request) ([]byte, error) {
	body := map[string]string{"csr": string(r.CSR), "common_name": r.CommonName, "exclude_cn_from_sans": "true", "format": "pem",
		"alt_names": strings.Join(r.DNS, ","), "ip_sans": strings.Join(r.IPs, ",")}
	if r.Lifetime > 0 {
		body["ttl"] = fmt.Sprintf("%ds", int(r.Lifetime.Seconds()))
	}
	text, err := m.do(ctx, http.MethodPost, body, m.Mount, "sign", r.Role)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Certificate string   `json:"certificate"`
			IssuingCA   string   `json:"issuing_ca"`
			Chain       []string `json:"ca_chain"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Data.Certificate == "" {
		return nil, errors.New("the server's answer holds no certificate: is the address that of a Vault server?")
	}
	chain := answer.Data.Chain
	if len(chain) == 0 && answer.Data.IssuingCA != "" {
		chain = []string{answer.Data.IssuingCA}
	}
	return joined(append([]string{answer.Data.Certificate}, chain...)), nil
}

// CA returns the engine's authority and what is above it, PEM.
func (m Mount) CA(ctx context.Context) ([]byte, error) {
	text, err := m.do(ctx, http.MethodGet, nil, m.Mount, "ca_chain")
	if err == nil && len(bytes.TrimSpace(text)) == 0 { // a root's engine has no chain
		text, err = m.do(ctx, http.MethodGet, nil, m.Mount, "ca", "pem")
	}
	return joined([]string{string(text)}), err
}

func joined(blocks []string) []byte {
	var out strings.Builder
	for _, b := range blocks {
		out.WriteString(strings.TrimSpace(b) + "\n")
	}
	return []byte(out.String())
}

func (m Mount) do(ctx context.Context, method string, body any, path ...string) ([]byte, error) {
	at, err := url.Parse(m.Address)
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" {
		return nil, fmt.Errorf("the address %q is none such as https://vault:8200", m.Address)
	}
	at = at.JoinPath(append([]string{"v1"}, path...)...)
	var sent io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, at.String(), sent)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Vault-Request", "true")
	if m.Token != "" {
		req.Header.Set("X-Vault-Token", m.Token)
	}
	if m.Namespace != "" {
		req.Header.Set("X-Vault-Namespace", m.Namespace)
	}
	resp, err := m.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s%s", method, at, resp.Status, said(text))
	}
	return text, nil
}

// said is what Vault tells beside a status.
func said(text []byte) string {
	var answer struct {
		Errors []string `json:"errors"`
	}
	if json.Unmarshal(text, &answer) != nil || len(answer.Errors) == 0 {
		return ""
	}
	return ": " + strings.TrimSpace(strings.Join(answer.Errors, "; "))
}
