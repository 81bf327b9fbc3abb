package pki

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestEveryCAGenerationHasItsOwnName(t *testing.T) {
	seen := map[string]bool{}
	for range 10 {
		cn := newCA(t, ECDSAP256).Cert.Subject.CommonName
		if !strings.HasPrefix(cn, "prod CA 20261123-") || seen[cn] {
			t.Fatalf("CA name %q: wanted prefix %q and never the same twice", cn, "prod CA 20261123-")
		}
		seen[cn] = true
	}
}

func TestNewCARefuses(t *testing.T) {
	tests := []struct {
		name string
		r    CARequest
		err  string
	}{
		{"no name", CARequest{}, "it is empty"},
		{"long name", CARequest{Name: strings.Repeat("x", 44)}, "it is 44 bytes long, at most 43 fit"},
		{"line break", CARequest{Name: "a\nb"}, "cannot be printed"},
		{"outer space", CARequest{Name: " a"}, "begins or ends with a space"},
		{"not UTF-8", CARequest{Name: "a\xff"}, "cannot be printed"},
		{"algorithm", CARequest{Name: "a", Algorithm: "rsa-1024"}, `key algorithm "rsa-1024" is unknown`},
		{"lifetime", CARequest{Name: "a", Lifetime: -time.Hour}, "lifetime -1h0m0s is negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewCA(rand.Reader, testNow, tt.r); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
		})
	}
	broken := iotest.ErrReader(errors.New("no entropy"))
	if _, err := NewCA(broken, testNow, CARequest{Name: "a"}); err == nil || !strings.Contains(err.Error(), "no entropy") {
		t.Errorf("broken randomness: %v", err)
	}
}

func TestIssueRefuses(t *testing.T) {
	ca := newCA(t, ECDSAP256)
	leaf := issue(t, ca, LeafRequest{CommonName: "n", Role: RoleServer, Algorithm: ECDSAP256})
	good := LeafRequest{CommonName: "db", Role: RoleServer, Algorithm: ECDSAP256}
	with := func(f func(*LeafRequest)) LeafRequest { r := good; f(&r); return r }
	tests := []struct {
		name string
		by   *Pair
		now  time.Time
		r    LeafRequest
		err  string
	}{
		{"CA's own name", ca, testNow, with(func(r *LeafRequest) { r.CommonName = strings.ToUpper(ca.Cert.Subject.CommonName) }), "take the certificate for self-signed"},
		{"long name", ca, testNow, with(func(r *LeafRequest) { r.CommonName = strings.Repeat("é", 33) }), "66 bytes long, at most 64"},
		{"no role", ca, testNow, with(func(r *LeafRequest) { r.Role = "" }), `role "" is unknown`},
		{"bad name", ca, testNow, with(func(r *LeafRequest) { r.Names = []string{"db1", "höst"} }), `name "höst": only letters`},
		{"address with zone", ca, testNow, with(func(r *LeafRequest) { r.Names = []string{"fe80::1%eth0"} }), "zone"},
		{"empty label", ca, testNow, with(func(r *LeafRequest) { r.Names = []string{"a..b"} }), "each part"},
		{"CA ended", ca, testNow.Add(11 * 365 * day), good, "make a new CA first"},
		{"CA not begun", ca, testNow.Add(-2 * time.Hour), good, "check this machine's clock"},
		{"a leaf as CA", leaf, testNow, good, "may not sign others"},
		{"another's key", &Pair{Cert: ca.Cert, Key: leaf.Key}, testNow, good, "their public keys differ"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.by.Issue(rand.Reader, tt.now, tt.r); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestLeafNeverOutlivesItsCA(t *testing.T) {
	ca := newCA(t, ECDSAP256)
	for _, life := range []time.Duration{0, day, 100 * 365 * day} {
		leaf := issue(t, ca, LeafRequest{CommonName: "db", Role: RoleServer, Algorithm: ECDSAP256, Lifetime: life})
		want := testNow.Add(life)
		if life == 0 {
			want = testNow.Add(DefaultLeafLife)
		}
		if want.After(ca.Cert.NotAfter) {
			want = ca.Cert.NotAfter
		}
		if !leaf.Cert.NotAfter.Equal(want) {
			t.Errorf("lifetime %s ends %s, want %s", life, leaf.Cert.NotAfter, want)
		}
	}
}

func TestPrintingAPairNeverShowsItsKey(t *testing.T) {
	p := newCA(t, RSA2048)
	js, err := json.Marshal(map[string]any{"pair": p, "value": *p})
	if err != nil {
		t.Fatal(err)
	}
	want := DescribeCert(p.Cert)
	for _, got := range []string{fmt.Sprint(p), fmt.Sprintf("%+v", *p), fmt.Sprintf("%#v", p), fmt.Sprintf("%x", *p)} {
		if got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
	}
	if bytes.Count(js, []byte(want)) != 2 || len(js) > 2*len(want)+40 {
		t.Errorf("JSON %s", js)
	}
	if got := fmt.Sprint(Pair{}); got != "no certificate" {
		t.Errorf("empty pair prints %q", got)
	}
}
