package survey

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"sync"
	"time"

	"lockstep/internal/pki"
	"lockstep/internal/tlsprobe"
	"lockstep/steps"
	"lockstep/steps/wsrep"
)

// found is what is known of one host, and of its neighbours as far as it
// matters for it.
type found struct {
	name     string
	hosts    []string // addresses of all hosts of the stage
	self     wsrep.Member
	peers    map[string]wsrep.Member // by name
	order    []string                // of the names of peers
	files    wsrep.Files
	manifest string // a keyring component of MySQL 8

	serverFile, groupFile           certificate // by the option files
	looked                          bool        // at the wire
	presentsClients, presentsMember string      // fingerprints from there
}

// certificate is what a file of them holds: fingerprints, the leaf's first.
type certificate struct {
	leaf        string
	authorities []string
}

func (s *step) look(ctx context.Context, v steps.View) (found, error) {
	f := found{name: v.Self.Name(), hosts: []string{v.Self.Address()}, peers: map[string]wsrep.Member{}}
	var err error
	if f.self, err = s.member(ctx, v.Self); err != nil {
		return f, err
	}
	if f.files, err = wsrep.ReadFiles(ctx, v.Self, f.self.Flavour); err != nil {
		return f, err
	}
	if f.files, err = f.self.Found(ctx, v.Self, f.files); err != nil {
		return f, err
	}
	if f.manifest, err = wsrep.Manifest(ctx, v.Self, f.self.DataDir); err != nil {
		return f, err
	}
	if err := s.neighbours(ctx, v, &f); err != nil {
		return f, err
	}
	for _, c := range []struct {
		into     *certificate
		cert, ca string
	}{
		{&f.serverFile, f.files.Cert, f.files.CA},
		{&f.groupFile, value(f.files, "socket.ssl_cert"), value(f.files, "socket.ssl_ca")},
	} {
		if c.into == &f.groupFile && f.self.AutoAfter(f.files) {
			c.cert, c.ca = f.files.Cert, f.files.CA
		}
		c.cert, c.ca = f.self.Path(c.cert), f.self.Path(c.ca)
		if *c.into, err = certificates(ctx, v.Self, c.cert, c.ca); err != nil {
			return f, err
		}
	}
	if s.handshakes && f.self.Running {
		f.looked = true
		f.presentsClients = presented(ctx, v.Self, tlsprobe.MySQL, "3306")
		f.presentsMember = presented(ctx, v.Self, tlsprobe.TLS, "4567")
	}
	return f, ctx.Err()
}

func value(f wsrep.Files, key string) string {
	for _, o := range f.Options {
		if o.Key == key {
			return o.Value
		}
	}
	return ""
}

func (s *step) neighbours(ctx context.Context, v steps.View, f *found) error {
	peers := v.Peers()
	all, errs := make([]wsrep.Member, len(peers)), make([]error, len(peers))
	var wg sync.WaitGroup
	for i, r := range peers {
		wg.Go(func() { all[i], errs[i] = s.member(ctx, r) })
	}
	wg.Wait()
	for i, r := range peers {
		if errs[i] != nil {
			return fmt.Errorf("%s: %w", r.Name(), errs[i])
		}
		f.hosts = append(f.hosts, r.Address())
		f.order = append(f.order, r.Name())
		f.peers[r.Name()] = all[i]
	}
	return nil
}

// certificates reads what two files hold. A file that is named and not there is
// nothing; whether the server would start is for others to judge.
func certificates(ctx context.Context, r steps.Reader, cert, ca string) (certificate, error) {
	var c certificate
	leaves, err := fingerprints(ctx, r, cert)
	if err != nil {
		return c, err
	}
	if len(leaves) > 0 {
		c.leaf = leaves[0]
	}
	c.authorities, err = fingerprints(ctx, r, ca)
	return c, err
}

func fingerprints(ctx context.Context, r steps.Reader, file string) ([]string, error) {
	if file == "" {
		return nil, nil
	}
	data, err := r.ReadFile(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	certs, err := pki.ParseCerts(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var all []string
	for _, c := range certs {
		all = append(all, pki.Fingerprint(c))
	}
	return all, nil
}

// presented is the fingerprint of what a port of the host presents, or "": a
// port that speaks no TLS, or does not answer, presents nothing.
func presented(ctx context.Context, r steps.Reader, probe func(context.Context, net.Conn, tlsprobe.Options) (tlsprobe.Result, error), port string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := r.Dial(ctx, net.JoinHostPort(r.Address(), port))
	if err != nil {
		return ""
	}
	seen, err := probe(ctx, conn, tlsprobe.Options{Settle: 1})
	if err != nil || len(seen.Chain) == 0 {
		return ""
	}
	return pki.Fingerprint(seen.Chain[0])
}
