package acmepki_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/internal/acmepki"
	"lockstep/internal/acmepki/acmetest"
	"lockstep/internal/pki"
)

const hmacKey = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"

func start(t *testing.T, o acmetest.Options) *acmetest.Server {
	t.Helper()
	s, err := acmetest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// account is a new one at s.
func account(t *testing.T, s *acmetest.Server) acmepki.Server {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA)
	return acmepki.Server{Directory: s.URL, Key: newKey(t), AgreeTerms: true, Contact: []string{"dba@example.net"},
		Client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}}
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := pki.GenerateKey(rand.Reader, pki.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func request(t *testing.T, key crypto.Signer, cn string, names ...string) *x509.CertificateRequest {
	t.Helper()
	text, err := pki.NewRequest(rand.Reader, key, pki.LeafRequest{CommonName: cn, Names: names})
	if err != nil {
		t.Fatal(err)
	}
	r, err := pki.ParseRequest(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hook is a program that keeps records in zone. When told to fail, it says
// why, halfway.
func hook(t *testing.T, zone string) acmepki.DNS {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hook")
	const text = `#!/bin/sh
echo "$2 $3" >>"$1/calls"
case $2 in
present) echo "$4" >>"$1/$3"; case $3 in *broken*) echo the zone is locked >&2; exit 3;; esac;;
cleanup) rm -f "$1/$3";;
esac
`
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return acmepki.DNS{Argv: []string{file, zone}}
}

func sound(t *testing.T, answer []byte, key crypto.Signer, root []byte, names ...string) {
	t.Helper()
	chain, err := pki.Chain(answer, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	private, err := pki.EncodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range pki.Check(pki.Set{Cert: chain, Key: private, CA: root}, pki.CheckOptions{Now: time.Now().Add(time.Second), Names: names}) {
		t.Errorf("%s", f)
	}
}

func TestSignByDNS(t *testing.T) {
	t.Parallel()
	zone := t.TempDir()
	s := start(t, acmetest.Options{Zone: zone})
	a, key := account(t, s), newKey(t)
	names := []string{"db1.example.net", "db2.example.net", "*.example.net"}
	for range 2 { // with a new account, and with one that is there
		answer, err := a.Sign(t.Context(), request(t, key, "", names...), hook(t, zone))
		if err != nil {
			t.Fatal(err)
		}
		sound(t, answer, key, s.Root, "db1.example.net", "db2.example.net", "db3.example.net")
	}
	left, err := filepath.Glob(filepath.Join(zone, "_acme*"))
	if err != nil || len(left) > 0 {
		t.Errorf("records stay behind: %v, %v", left, err)
	}
	calls, err := os.ReadFile(filepath.Join(zone, "calls"))
	if err != nil || !strings.HasPrefix(string(calls), "present _acme-challenge.") || strings.Count(string(calls), "present") != strings.Count(string(calls), "cleanup") {
		t.Errorf("the program was called as\n%s%v", calls, err)
	}
}

func TestSignByHTTP(t *testing.T) {
	t.Parallel()
	s := start(t, acmetest.Options{Zone: t.TempDir()})
	h, err := acmepki.Listen(t.Context(), s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	key := newKey(t)
	// An address is never checked by dns-01, so the second proof counts for it.
	answer, err := account(t, s).Sign(t.Context(), request(t, key, "", "127.0.0.1"), acmepki.DNS{Argv: []string{"false"}}, h)
	if err != nil {
		t.Fatal(err)
	}
	sound(t, answer, key, s.Root, "127.0.0.1")
	answer, err = account(t, s).Sign(t.Context(), request(t, key, "db1.example.net", "db1.example.net"), h)
	if err != nil {
		t.Fatal(err)
	}
	sound(t, answer, key, s.Root, "db1.example.net")
}

func TestBinding(t *testing.T) {
	t.Parallel()
	zone := t.TempDir()
	s := start(t, acmetest.Options{Zone: zone, Bindings: map[string]string{"kid-1": hmacKey}})
	a, key := account(t, s), newKey(t)
	refused := func(b *acmepki.Binding, want string) {
		t.Helper()
		a.Binding = b
		_, err := a.Sign(t.Context(), request(t, key, "", "db1.example.net"), hook(t, zone))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), hmacKey) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	refused(nil, "external account binding")
	refused(&acmepki.Binding{KeyID: "kid-1", Key: "?" + hmacKey}, "not base64url")
	refused(&acmepki.Binding{KeyID: "kid-2", Key: hmacKey}, "account: ")
	a.Binding = &acmepki.Binding{KeyID: "kid-1", Key: hmacKey}
	for range 2 {
		answer, err := a.Sign(t.Context(), request(t, key, "", "db1.example.net"), hook(t, zone))
		if err != nil {
			t.Fatal(err)
		}
		sound(t, answer, key, s.Root, "db1.example.net")
		a.Binding = nil // only a new account needs it
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	zone := t.TempDir()
	s := start(t, acmetest.Options{Zone: zone, Blocked: []string{"blocked.example"}})
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer other.Close()
	for _, row := range []struct {
		name, want string
		cn         string
		names      []string
		change     func(a *acmepki.Server)
		proof      acmepki.Proof
	}{
		{name: "no names", cn: "prod client", want: "has no names"},
		{name: "a common name of ours", cn: "prod server", names: []string{"db1.example.net"}, want: `common name "prod server" is none of its names`},
		{name: "terms", names: []string{"db1.example.net"}, change: func(a *acmepki.Server) { a.AgreeTerms = false }, want: "terms of service are agreed to: data:"},
		{name: "a server that nobody vouches for", names: []string{"db1.example.net"}, change: func(a *acmepki.Server) { a.Client = &http.Client{} }, want: "certificate"},
		{name: "not there", names: []string{"db1.example.net"}, change: func(a *acmepki.Server) { a.Directory += "/x" }, want: "/dir/x: 404 Not Found"},
		{name: "not a directory", names: []string{"db1.example.net"}, change: func(a *acmepki.Server) { a.Directory = other.URL; a.Client = other.Client() }, want: "does not support the RFC 8555 version of ACME"},
		{name: "blocked", names: []string{"db.blocked.example"}, want: "rejectedIdentifier: "},
		{name: "an address by DNS alone", names: []string{"127.0.0.1"}, want: "127.0.0.1: the server checks it by http-01 or tls-alpn-01, and only dns-01 is set up"},
		{name: "the program fails", names: []string{"broken.example.net"}, want: "exit status 3: the zone is locked"},
		{name: "no such program", names: []string{"db1.example.net"}, proof: acmepki.DNS{Argv: []string{"/no/such"}}, want: "no such file"},
		{name: "no record", names: []string{"db1.example.net", "db2.example.net"}, proof: acmepki.DNS{Argv: []string{"true"}}, want: "db1.example.net: dns-01: the server does not take it for ours: unauthorized: "},
		{name: "a profile that is not known", names: []string{"db1.example.net"}, change: func(a *acmepki.Server) { a.Profile = "tlsclient" }, want: "profile"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := account(t, s)
			if row.change != nil {
				row.change(&a)
			}
			proof := row.proof
			if proof == nil {
				proof = hook(t, zone)
			}
			out, err := a.Sign(t.Context(), request(t, newKey(t), row.cn, row.names...), proof)
			if err == nil || !strings.Contains(err.Error(), row.want) || out != nil {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
		})
	}
	if left, _ := filepath.Glob(filepath.Join(zone, "_acme*")); len(left) > 0 {
		t.Errorf("records stay behind: %v", left)
	}
}

func TestNobodyAsksHere(t *testing.T) {
	t.Parallel()
	s := start(t, acmetest.Options{Zone: t.TempDir()})
	h, err := acmepki.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	_, err = account(t, s).Sign(t.Context(), request(t, newKey(t), "", "db1.example.net"), h)
	if err == nil || !strings.Contains(err.Error(), "nobody asked here at 127.0.0.1:") {
		t.Errorf("got %v", err)
	}
	resp, err := http.Get("http://" + h.Addr().String() + "/.well-known/acme-challenge/other")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown token is answered with %s", resp.Status)
	}
}

// A program that hangs ends with the context, with all that it started, and its
// record is taken away all the same.
func TestCancelTakesAway(t *testing.T) {
	t.Parallel()
	zone := t.TempDir()
	s := start(t, acmetest.Options{Zone: zone})
	file := filepath.Join(t.TempDir(), "hook")
	const text = `#!/bin/sh
case $2 in
present) : >"$1/$3"; echo >"$1/started"; sleep 1000;;
cleanup) rm "$1/$3";;
esac
`
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	started := filepath.Join(zone, "started")
	if err := syscall.Mkfifo(started, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := account(t, s).Sign(ctx, request(t, newKey(t), "", "db1.example.net"), acmepki.DNS{Argv: []string{file, zone}})
		done <- err
	}()
	if _, err := os.ReadFile(started); err != nil { // waits for the program
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(zone, "_acme-challenge.db1.example.net.")); err == nil {
		t.Error("the record stays behind")
	}
}
