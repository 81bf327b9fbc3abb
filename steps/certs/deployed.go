package certs

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/pki"
	"lockstep/steps"
)

// deployed is a file on a host that says which authorities its programs trust.
type deployed struct {
	host, path string
	cas        []*x509.Certificate
	err        error // it is there, and holds no certificates
}

func (d deployed) place() string { return d.host + ":" + d.path }

// readDeployed reads the files of all hosts at the same time, in order of hosts
// and paths. Those that do not exist are left out.
func (s *step) readDeployed(ctx context.Context, hosts []steps.Reader) ([]deployed, error) {
	found, errs := make([][]deployed, len(hosts)), make([]error, len(hosts))
	var wg sync.WaitGroup
	for i, h := range hosts {
		wg.Go(func() { found[i], errs[i] = s.readHost(ctx, h) })
	}
	wg.Wait()
	var problems *multierror.Error
	for i, err := range errs {
		if err != nil {
			problems = multierror.Append(problems, fmt.Errorf("%s: %w", hosts[i].Name(), err))
		}
	}
	return slices.Concat(found...), problems.ErrorOrNil()
}

func (s *step) readHost(ctx context.Context, h steps.Reader) ([]deployed, error) {
	var found []deployed
	for _, path := range s.deployed {
		at, stat, err := steps.Follow(ctx, h, path)
		if err != nil {
			return nil, err
		}
		if stat.Kind == steps.Absent {
			continue
		}
		data, err := h.ReadFile(ctx, at)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		d := deployed{host: h.Name(), path: path}
		d.cas, d.err = pki.ParseCerts(data)
		found = append(found, d)
	}
	return found, nil
}

// agrees refuses an authority, found or about to be made, when hosts already
// trust another one: its certificates would be strange to them, and theirs to
// the hosts that get the new ones first.
func (s *step) agrees(cas []*x509.Certificate, found []deployed) error {
	if len(cas) == 0 {
		return s.nothingDeployed(found)
	}
	var others []string
	for _, d := range found {
		if d.err != nil {
			return &steps.Problem{What: d.place() + " cannot be read as certificates", Why: d.err.Error(), Err: d.err,
				Do: "repair it, or remove it if nothing uses it; then run again"}
		}
		if !slices.ContainsFunc(cas, func(ca *x509.Certificate) bool { return slices.ContainsFunc(d.cas, ca.Equal) }) {
			others = append(others, fmt.Sprintf("%s (%s)", d.place(), pki.DescribeCert(d.cas[0])))
		}
	}
	if len(others) == 0 {
		return nil
	}
	return &steps.Problem{What: fmt.Sprintf("the authority in %s is not the one that hosts trust: %s", s.dir, strings.Join(others, ", ")),
		Why: "certificates of one are refused where only the other is trusted, so a node with new files could not join",
		Do:  s.putBack() + "; or, if these hosts are in the middle of a rotation, run the plan that rotates: ca_renew_before and ca_since let them hold a former authority that was kept in dir"}
}

// ours are the authorities that hosts may hold: that in dir and, in a plan that
// rotates, those that it took the place of.
func (s *step) ours(ca authority, found set) []*x509.Certificate {
	if ca.pair == nil {
		return nil
	}
	ours := []*x509.Certificate{ca.pair.Cert}
	if s.rotates() {
		ours = append(ours, found.former...)
	}
	return ours
}

// nothingDeployed refuses to make an authority beside one that is in use.
func (s *step) nothingDeployed(found []deployed) error {
	if len(found) == 0 {
		return nil
	}
	var places []string
	for _, d := range found {
		places = append(places, d.place())
	}
	return &steps.Problem{What: fmt.Sprintf("there is no authority in %s, but one is deployed: %s", s.dir, strings.Join(places, ", ")),
		Why: "these hosts trust an authority whose key is not here; a new one would replace that of a running cluster",
		Do:  s.putBack() + "; or remove these files from the hosts, if nothing uses them"}
}

func (s *step) putBack() string {
	return fmt.Sprintf("put the ca.pem and ca-key.pem that belong to the hosts back into %s", s.dir)
}
