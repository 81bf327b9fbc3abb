package galera

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/steps"
	"lockstep/steps/wsrep"
)

// What tls can ask for.
const (
	tlsPossible = "possible" // the cluster can be encrypted node by node
	tlsOffered  = "offered"  // every member understands TLS
	tlsOnly     = "only"     // every member refuses plain text
)

// facts are what is known of one host for the judgement of its encryption.
type facts struct {
	name string
	wsrep.Member
	files wsrep.Files
	far   wsrep.Distance
}

func (s *step) judgeTLS(ctx context.Context, v steps.View) error {
	switch s.tls {
	case tlsPossible:
		_, err := s.canEncrypt(ctx, v)
		return err
	case tlsOffered, tlsOnly:
		all, err := s.allMembers(ctx, v)
		if err != nil {
			return err
		}
		return talks(all, s.tls == tlsOnly)
	}
	return nil
}

// canEncrypt judges self, and its peers as far as self must agree with them:
// each host of the stage does. The notes are what could not be judged.
func (s *step) canEncrypt(ctx context.Context, v steps.View) (notes []string, err error) {
	all, err := s.allMembers(ctx, v)
	if err != nil || !anyPlaintext(all) {
		return nil, err
	}
	for i, r := range append([]steps.Reader{v.Self}, v.Peers...) {
		if all[i].files, err = wsrep.ReadFiles(ctx, r); err != nil {
			return nil, fmt.Errorf("%s: %w", all[i].name, err)
		}
	}
	if all[0].far, err = s.distance(ctx, v.Self); err != nil {
		return nil, err
	}
	if !all[0].far.Known && len(all) > 1 {
		notes = []string{fmt.Sprintf("how far away the other nodes are is not known (ss tells nothing); it must be less than %s", wsrep.MaxDistance)}
	}
	return notes, rollable(all)
}

func (s *step) distance(ctx context.Context, r steps.Reader) (wsrep.Distance, error) {
	service, err := s.findService(ctx, r)
	if err != nil {
		return wsrep.Distance{}, err
	}
	c := wsrep.DistanceQuery(service.Name)
	out, err := r.Query(ctx, c)
	return wsrep.ParseDistance(string(out.Stdout)), steps.Succeed(c, out, err)
}

// allMembers asks the servers of all hosts, self first.
func (s *step) allMembers(ctx context.Context, v steps.View) ([]facts, error) {
	var all []facts
	for _, r := range append([]steps.Reader{v.Self}, v.Peers...) {
		service, err := s.findService(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name(), err)
		}
		m, err := wsrep.Read(ctx, r, service.Name, s.login)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name(), err)
		}
		all = append(all, facts{name: r.Name(), Member: m})
	}
	return all, nil
}

func anyPlaintext(all []facts) bool {
	for _, f := range all {
		if f.Replication() == wsrep.Plaintext {
			return true
		}
	}
	return false
}

// talks judges whether all members that run understand TLS, and with only
// whether they insist on it.
func talks(all []facts, only bool) error {
	var deaf, open []string
	for _, f := range all {
		switch f.Replication() {
		case wsrep.Plaintext:
			deaf = append(deaf, f.name)
		case wsrep.Both:
			open = append(open, f.name)
		case wsrep.TLS, wsrep.Unknown:
		}
	}
	switch {
	case len(deaf) > 0:
		return &steps.Problem{What: strings.Join(deaf, ", ") + " replicates in plain text and does not understand TLS",
			Why: "a node that insists on TLS could not talk with it",
			Do:  "set socket.ssl, socket.ssl_ca, socket.ssl_cert, socket.ssl_key and socket.dynamic there and restart it first"}
	case only && len(open) > 0:
		return &steps.Problem{What: strings.Join(open, ", ") + " still takes plain text (socket.dynamic is on)",
			Why: "whoever does not ask for TLS gets none", Do: "take socket.dynamic out of wsrep_provider_options and restart it"}
	}
	return nil
}

// rollable tells all that keeps self, the first of all, from being taken to TLS
// while the cluster runs.
func rollable(all []facts) error {
	var problems *multierror.Error
	self := all[0]
	for _, check := range []func(facts) error{versionKnows, notAutomatic, nothingTied, nearEnough} {
		if err := check(self); err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	for _, peer := range all[1:] {
		if err := sameTransfers(self, peer); err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	if problems != nil && len(problems.Errors) == 1 {
		return problems.Errors[0]
	}
	return problems.ErrorOrNil()
}

// fullStop is what is left where a rolling change is refused.
const fullStop = "or encrypt the cluster by a full stop (examples/galera-tls), which costs some seconds without a database"

func versionKnows(f facts) error {
	if !f.Running {
		return &steps.Problem{What: f.name + ": no server answers, so nobody knows whether it can be encrypted", Do: "start it, then run again"}
	}
	if f.Galera.AtLeast(wsrep.Dynamic()) {
		return nil
	}
	return &steps.Problem{What: fmt.Sprintf("%s runs Galera %s, which does not know socket.dynamic", f.name, f.Galera),
		Why: "a node with TLS and one without can talk since 26.4.8 only, and before that on neither side",
		Do:  "update Galera on all nodes first, " + fullStop}
}

func notAutomatic(f facts) error {
	if !f.Auto {
		return nil
	}
	return &steps.Problem{What: f.name + " runs with pxc_encrypt_cluster_traffic = ON",
		Why: "it takes its TLS from ssl-ca, ssl-cert and ssl-key and overrides socket.ssl*, so that this plan would do nothing",
		Do:  "check the files of ssl-ca, ssl-cert and ssl-key there, " + fullStop}
}

func nothingTied(f facts) error {
	tied := wsrep.Tied(f.files.Options)
	if len(tied) == 0 {
		return nil
	}
	return &steps.Problem{What: fmt.Sprintf("%s: %s in wsrep_provider_options", f.name, strings.Join(tied, ", ")),
		Why: "tcp:// ties the port to plain text, whatever socket.ssl says", Do: "take tcp:// away from it"}
}

func nearEnough(f facts) error {
	if f.far.Longest <= wsrep.MaxDistance {
		return nil
	}
	return &steps.Problem{What: fmt.Sprintf("%s is %s away from another node (round trip)", f.name, f.far.Longest),
		Why: fmt.Sprintf("with socket.dynamic a node guesses within %s whether the other side speaks TLS", wsrep.MaxDistance),
		Do:  "encrypt the cluster by a full stop (examples/galera-tls)"}
}

// sameTransfers compares what the scripts of a state transfer will find on the
// two ends. They read their files each time, so files that differ break the
// next transfer, whatever the servers run with.
func sameTransfers(self, peer facts) error {
	a, b := self.files.SST, peer.files.SST
	var problems []error
	if a.Talk() != b.Talk() || a.Encrypt != b.Encrypt {
		problems = append(problems, &steps.Problem{
			What: fmt.Sprintf("[sst] encrypt is %s on %s and %s on %s", a.Encrypt, self.name, b.Encrypt, peer.name),
			Why:  "a node that joins while they differ hangs or is refused, also when it only needs what it missed (IST)",
			Do:   "give all nodes the same [sst]"})
	}
	if self.Running && peer.Running && self.SSTMethod != peer.SSTMethod {
		problems = append(problems, &steps.Problem{
			What: fmt.Sprintf("wsrep_sst_method is %s on %s and %s on %s", self.SSTMethod, self.name, peer.SSTMethod, peer.name),
			Why:  "the joining node decides, and the other side may not be set up for it", Do: "set the same on all nodes"})
	}
	return errors.Join(problems...)
}
