package pki

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

func TestNeedsRenewal(t *testing.T) {
	ca, other := newCA(t, ECDSAP256), newCA(t, ECDSAP256)
	want := LeafRequest{CommonName: "db", Names: []string{"DB1", "10.0.0.1", "::1"}, Role: RoleServer, Algorithm: ECDSAP256}
	leaf := issue(t, ca, want)
	short := want
	short.Lifetime = 20 * day
	shortLeaf := issue(t, ca, short)
	long := want
	long.Lifetime = 100 * 365 * day
	clamped := issue(t, ca, long)
	with := func(f func(*LeafRequest)) LeafRequest { r := want; f(&r); return r }
	end := leaf.Cert.NotAfter

	tests := []struct {
		name     string
		leaf, ca *Pair
		want     LeafRequest
		now      time.Time
		reasons  string
	}{
		{"fresh", leaf, ca, want, testNow, ""},
		{"names in other order and case", leaf, ca, with(func(r *LeafRequest) { r.Names = []string{"0:0::1", "db1.", "10.0.0.1", "db1"} }), testNow, ""},
		{"not near", leaf, ca, want, end.Add(-31 * day), ""},
		{"near", leaf, ca, want, end.Add(-29 * day), "it ends 2029-02-25, in 29 days"},
		{"ended", leaf, ca, want, end.Add(day), "it ended 2029-02-25"},
		{"short life is not near at once", shortLeaf, ca, short, testNow.Add(10 * day), ""},
		{"short life near its end", shortLeaf, ca, short, testNow.Add(14 * day), "it ends 2026-12-13, in 6 days"},
		{"as long as its CA", clamped, ca, long, ca.Cert.NotAfter.Add(-5 * day), ""},
		{"clock was wrong", leaf, ca, want, testNow.Add(-2 * time.Hour), "it is valid from 2026-11-23T11:00:00Z only"},
		{"name added and dropped", leaf, ca, with(func(r *LeafRequest) { r.Names = []string{"db1", "db2", "::1"} }), testNow, "the names changed (new: db2; gone: 10.0.0.1)"},
		{"other CA", leaf, other, want, testNow, "the CA changed from"},
		{"role", leaf, ca, with(func(r *LeafRequest) { r.Role = RoleClient }), testNow, "its extended key usage is not that of a client"},
		{"common name", leaf, ca, with(func(r *LeafRequest) { r.CommonName = "db0" }), testNow, `the common name changed from "db" to "db0"`},
		{"algorithm", leaf, ca, with(func(r *LeafRequest) { r.Algorithm = RSA3072 }), testNow, "the key changed from ECDSA P-256 to RSA 3072"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(NeedsRenewal(tt.leaf.Cert, tt.ca.Cert, tt.want, tt.now, 30*day), "; ")
			if tt.reasons == "" && got != "" || !strings.HasPrefix(got, tt.reasons) {
				t.Errorf("got %q, want %q", got, tt.reasons)
			}
		})
	}
	if got := NeedsRenewal(nil, nil, want, testNow, 0); len(got) != 1 {
		t.Errorf("no leaf: %q", got)
	}
}

func TestNeedsNewCA(t *testing.T) {
	ca := newCA(t, ECDSAP256).Cert
	leaf := leafOf("x").make(t, nil).Cert
	tests := []struct {
		name string
		ca   *x509.Certificate
		now  time.Time
		want string
	}{
		{"none", nil, testNow, "there is no CA yet"},
		{"fresh", ca, testNow, ""},
		{"near", ca, ca.NotAfter.Add(-10 * day), "the CA ends 2036-11-20, in 10 days"},
		{"no CA", leaf, testNow, "its certificate may not sign others"},
	}
	for _, tt := range tests {
		if got := strings.Join(NeedsNewCA(tt.ca, tt.now, 30*day), "; "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
