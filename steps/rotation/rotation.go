// Package rotation is what kinds share that change certificates while a cluster
// runs: what each member trusts and presents, in its files and in its process,
// which authorities are still needed, and whether a change is legal. It judges
// what it is shown and changes nothing.
package rotation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
)

// FormerName is the name, without an ending, under which an authority's files
// are kept aside when another takes its place: its date and its fingerprint
// tell its generation.
func FormerName(ca *x509.Certificate) string {
	return "ca-" + pki.MadeAt(ca).UTC().Format("20060102") + "-" + pki.Short(pki.Fingerprint(ca))
}

const (
	certEnd = ".pem"
	keyEnd  = "-key.pem"
)

// FormerFiles are the names of the certificate and the key that are kept aside.
func FormerFiles(ca *x509.Certificate) (cert, key string) {
	return FormerName(ca) + certEnd, FormerName(ca) + keyEnd
}

// Former reads the authorities that were kept aside in a directory of the
// control machine, and any that a person put there as ca-NAME.pem. A missing
// directory holds none.
func Former(ctx context.Context, r steps.Reader, dir string) ([]*x509.Certificate, error) {
	names, err := r.ReadDir(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for _, name := range names {
		if !strings.HasPrefix(name, "ca-") || !strings.HasSuffix(name, certEnd) || strings.HasSuffix(name, keyEnd) {
			continue
		}
		data, err := r.ReadFile(ctx, path.Join(dir, name))
		if err != nil {
			return nil, err
		}
		found, err := pki.ParseCerts(data)
		if err != nil {
			return nil, &steps.Problem{What: fmt.Sprintf("%s cannot be read as certificates", path.Join(dir, name)), Why: err.Error(), Err: err,
				Do: "repair it, or move it away: it is to hold an authority that was replaced"}
		}
		all = append(all, found...)
	}
	return all, nil
}

// Now asks a host for the time: its clock decides what is expired there.
func Now(ctx context.Context, r steps.Reader) (time.Time, error) {
	c := steps.Command{Argv: []string{"date", "+%s"}}
	out, err := r.Query(ctx, c)
	if err := steps.Succeed(c, out, err); err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out.Stdout)), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("date told %q, not the seconds since 1970", out.Stdout)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// ReadPair reads a certificate file with its key, for handshakes. The key stays
// in memory. It is nil where one of the files does not exist.
func ReadPair(ctx context.Context, r steps.Reader, cert, key string) (*tls.Certificate, error) {
	chain, err := readCerts(ctx, r, cert)
	if err != nil || len(chain) == 0 {
		return nil, err
	}
	data, err := r.ReadFile(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := pki.LoadPair(pki.EncodeCert(chain[0]), data)
	if err != nil {
		return nil, &steps.Problem{What: fmt.Sprintf("%s and %s on %s: %v", cert, key, r.Name(), err), Err: err,
			Do: "deploy the certificate and the key of the same set; no server was touched"}
	}
	pair := &tls.Certificate{PrivateKey: p.Key, Leaf: p.Cert}
	for _, c := range chain {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	return pair, nil
}
