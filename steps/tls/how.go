package tls

import (
	"context"
	"errors"
	"fmt"

	"lockstep/steps"
	"lockstep/steps/rotation"
)

// choose decides between a reload and a restart.
func (s *step) choose(server rotation.Server) (how string, err error) {
	_, why := server.Reload()
	switch {
	case s.how == restart, s.how == auto && why != "":
		return restart, nil
	case why != "":
		return "", &steps.Problem{What: "the server cannot reload its certificates: " + why, Do: "let it be restarted: how: auto, or how: restart"}
	}
	return reload, nil
}

// mayLoad refuses what would cut the host off: with a certificate that others do
// not let in, by a reload of other files, and by a restart while it would not be
// let in again.
func (s *step) mayLoad(ctx context.Context, v steps.View, f finding, how string) error {
	if how == reload {
		if err := s.samePaths(ctx, v.Self, f.self().Server); err != nil {
			return err
		}
	} else if err := s.mayRestart(f); err != nil {
		return err
	}
	if how == reload && len(exchanged(f)) == 0 {
		return nil // it goes on presenting what it presents
	}
	refused, err := s.strangers(ctx, f)
	if err != nil || len(refused) == 0 {
		return err
	}
	return rotation.CutOff(f.self(), f.members[1], refused[0], errors.New(refused[0]))
}

// mayRestart refuses to take a node away that could not come back: links that
// are up outlast the dates of certificates, new ones are not made.
func (s *step) mayRestart(f finding) error {
	self := f.self()
	check := func(who rotation.Member, l rotation.Leaf) error {
		err := rotation.Valid(l.Chain, self.Trusts, f.now)
		if err == nil {
			return nil
		}
		return &steps.Problem{What: fmt.Sprintf("%s must not be restarted: the certificate of %s (%s) is not valid: %v", self.Name, who.Name, l.Where, err), Err: err,
			Why: "connections that are up go on, but a node that was restarted could not join again",
			Do:  "exchange the certificates of all members by how: reload first; where the servers cannot do that, the whole cluster must be stopped and started"}
	}
	if own, ok := self.File(s.cert); ok {
		if err := check(self, own); err != nil {
			return err
		}
	}
	for _, peer := range f.members[1:] {
		for _, l := range peer.Presents {
			if err := check(peer, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// samePaths makes sure that the server would read the files that were judged:
// their paths cannot be changed while it runs.
func (s *step) samePaths(ctx context.Context, r steps.Reader, server rotation.Server) error {
	type file struct{ option, is, want string }
	var files []file
	if s.ports.MySQL != 0 {
		files = append(files, file{"ssl_ca", server.CA, s.ca}, file{"ssl_cert", server.Cert, s.cert}, file{"ssl_key", server.Key, s.key})
	}
	if s.ports.Galera != 0 {
		for _, f := range []file{{option: "socket.ssl_ca", want: s.ca}, {option: "socket.ssl_cert", want: s.cert}, {option: "socket.ssl_key", want: s.key}} {
			files = append(files, file{f.option, server.Socket[f.option], f.want})
		}
	}
	for _, f := range files {
		same, err := samePlace(ctx, r, f.is, f.want)
		if err != nil {
			return err
		}
		if !same {
			return &steps.Problem{What: fmt.Sprintf("the server runs with %s = %q, not with %s", f.option, f.is, f.want),
				Why: "a reload reads the files that the server was started with", Do: "name those here, or restart the server with the new paths first (how: restart)"}
		}
	}
	return nil
}

// samePlace reports whether two paths lead to one file.
func samePlace(ctx context.Context, r steps.Reader, a, b string) (bool, error) {
	if a == b || a == "" {
		return a == b, nil
	}
	atA, _, err := steps.Follow(ctx, r, a)
	if err != nil {
		return false, err
	}
	atB, _, err := steps.Follow(ctx, r, b)
	return atA == atB, err
}
