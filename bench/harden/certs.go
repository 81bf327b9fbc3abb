package harden

import (
	"crypto/rand"
	"errors"
	"time"

	"lockstep/internal/pki"
)

// generation makes the five files of a cluster.
func generation(name string) ([]File, error) {
	now := time.Now()
	ca, err := pki.NewCA(rand.Reader, now, pki.CARequest{Name: name})
	if err != nil {
		return nil, err
	}
	server, err := ca.Issue(rand.Reader, now, pki.LeafRequest{CommonName: name + " server", Role: pki.RoleServer})
	if err != nil {
		return nil, err
	}
	client, err := ca.Issue(rand.Reader, now, pki.LeafRequest{CommonName: name + " client", Role: pki.RoleClient})
	if err != nil {
		return nil, err
	}
	serverKey, err1 := server.KeyPEM()
	clientKey, err2 := client.KeyPEM()
	return []File{
		{"ca.pem", ca.CertPEM(), 0o644},
		{"server-cert.pem", server.CertPEM(), 0o644},
		{"server-key.pem", serverKey, 0o600},
		{"client-cert.pem", client.CertPEM(), 0o644},
		{"client-key.pem", clientKey, 0o600},
	}, errors.Join(err1, err2)
}
