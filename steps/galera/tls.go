package galera

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

	tlsRemovable = "removable" // the cluster can be taken back to plain text node by node
	tlsOptional  = "optional"  // every member takes plain text
	tlsNone      = "none"      // no member takes TLS
)

func tlsWords() []string {
	return []string{tlsPossible, tlsOffered, tlsOnly, tlsRemovable, tlsOptional, tlsNone}
}

// ahead reports whether tls is judged before anything is changed.
func (s *step) ahead() bool { return s.tls == tlsPossible || s.tls == tlsRemovable }

// facts are what is known of one host for the judgement of its encryption.
type facts struct {
	name string
	wsrep.Member
	files wsrep.Files
	far   wsrep.Distance
}

func (s *step) judgeTLS(ctx context.Context, v steps.View) error {
	switch {
	case s.tls == "":
		return nil
	case s.ahead():
		_, err := s.canRoll(ctx, v)
		return err
	}
	all, err := s.allMembers(ctx, v)
	if err != nil {
		return err
	}
	return talks(all, s.tls)
}

// canRoll judges self, and its peers as far as self must agree with them: each
// host of the stage does. The notes are what could not be judged.
func (s *step) canRoll(ctx context.Context, v steps.View) (notes []string, err error) {
	all, err := s.allMembers(ctx, v)
	if err != nil {
		return nil, err
	}
	if s.tls == tlsPossible && !anyTalks(all, wsrep.Plaintext) || s.tls == tlsRemovable && !anyTalks(all, wsrep.Both, wsrep.TLS) {
		return nil, nil // it is so already
	}
	for i, r := range append([]steps.Reader{v.Self}, v.Peers()...) {
		if all[i].files, err = wsrep.ReadFiles(ctx, r, all[i].Flavour); err != nil {
			return nil, fmt.Errorf("%s: %w", all[i].name, err)
		}
	}
	if all[0].far, err = s.distance(ctx, v.Self); err != nil {
		return nil, err
	}
	if !all[0].far.Known && len(all) > 1 {
		notes = []string{fmt.Sprintf("how far away the other nodes are is not known (ss tells nothing); it must be less than %s", wsrep.MaxDistance)}
	}
	if s.tls == tlsPossible {
		return notes, rollable(all)
	}
	manifest, err := wsrep.Manifest(ctx, v.Self, all[0].DataDir)
	if err != nil {
		return nil, err
	}
	if err := noKeys(all[0], manifest); err != nil {
		return nil, err
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
	for _, r := range append([]steps.Reader{v.Self}, v.Peers()...) {
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

func anyTalks(all []facts, how ...wsrep.Talk) bool {
	return slices.ContainsFunc(all, func(f facts) bool { return slices.Contains(how, f.Replication()) })
}

// talks judges whether all members that run replicate as tls wants it.
func talks(all []facts, tls string) error {
	who := func(how wsrep.Talk) string {
		var names []string
		for _, f := range all {
			if f.Replication() == how {
				names = append(names, f.name)
			}
		}
		return strings.Join(names, ", ")
	}
	plain, both, only := who(wsrep.Plaintext), who(wsrep.Both), who(wsrep.TLS)
	switch {
	case plain != "" && (tls == tlsOffered || tls == tlsOnly):
		return &steps.Problem{What: plain + " replicates in plain text and does not understand TLS",
			Why: "a node that insists on TLS could not talk with it",
			Do:  "set socket.ssl, socket.ssl_ca, socket.ssl_cert, socket.ssl_key and socket.dynamic there and restart it first"}
	case both != "" && tls == tlsOnly:
		return &steps.Problem{What: both + " still takes plain text (socket.dynamic is on)",
			Why: "whoever does not ask for TLS gets none", Do: "take socket.dynamic out of wsrep_provider_options and restart it"}
	case only != "" && (tls == tlsOptional || tls == tlsNone):
		return &steps.Problem{What: only + " insists on TLS", Why: "a node without TLS could not talk with it",
			Do: "set socket.dynamic there and restart it first"}
	case both != "" && tls == tlsNone:
		return &steps.Problem{What: both + " still takes TLS", Do: "take all socket.ssl* and socket.dynamic out of wsrep_provider_options and restart it"}
	}
	return nil
}

// noKeys refuses to take encryption away where tables are encrypted: a full
// transfer would carry what their keys protect in plain text. Percona's cluster
// only warns of it.
func noKeys(f facts, manifest string) error {
	kept := f.Keyrings
	if manifest != "" {
		kept = append(kept[:len(kept):len(kept)], manifest)
	}
	if len(kept) == 0 {
		return nil
	}
	return &steps.Problem{What: fmt.Sprintf("%s keeps keys of encrypted tables (%s)", f.name, strings.Join(kept, ", ")),
		Why: "without encryption a full state transfer would send those tables, and with some methods their keys, in plain text",
		Do:  "leave the cluster encrypted, or decrypt the tables and unload the keyring on all nodes first"}
}

// rollable tells all that keeps self, the first of all, from being taken to TLS or
// back while the cluster runs.
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
const fullStop = "or change the cluster by a full stop (examples/galera-tls, examples/galera-tls-off), which costs some seconds without a database"

func versionKnows(f facts) error {
	if !f.Running {
		return &steps.Problem{What: f.name + ": no server answers, so nobody knows what it can do", Do: "start it, then run again"}
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
		Do:  "change the cluster by a full stop (examples/galera-tls, examples/galera-tls-off)"}
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
