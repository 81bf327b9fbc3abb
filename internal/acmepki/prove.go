package acmepki

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"
	"golang.org/x/crypto/acme"
)

// cleanupTime is what taking an answer away may take, also after the end of the
// context.
const cleanupTime = 30 * time.Second

// challenge is one that waits for its answer.
type challenge struct {
	name, at string // at: URL of the authorization
	proof    Proof
	asked    *acme.Challenge
}

// prove shows all names before the server looks at the first, since a DNS takes
// its time.
func prove(ctx context.Context, c *acme.Client, urls []string, proofs []Proof) (err error) {
	open, err := pending(ctx, c, urls, proofs)
	if err != nil {
		return err
	}
	for _, o := range open {
		remove, err := o.proof.Show(ctx, c, o.name, o.asked.Token)
		if remove != nil {
			defer func() {
				if left := o.takeAway(ctx, remove); left != nil {
					err = multierror.Append(err, left)
				}
			}()
		}
		if err != nil {
			return fmt.Errorf("%s: %s: %w", o.name, o.proof.Type(), err)
		}
	}
	for _, o := range open {
		if _, err := c.Accept(ctx, o.asked); err != nil {
			return fmt.Errorf("%s: %w", o.name, told(err))
		}
	}
	var problems *multierror.Error
	for _, o := range open {
		if _, err := c.WaitAuthorization(ctx, o.at); err != nil {
			problems = multierror.Append(problems, o.refused(err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return problems.ErrorOrNil()
}

func (o challenge) takeAway(ctx context.Context, remove func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if err := remove(ctx); err != nil {
		return fmt.Errorf("%s: %s: what was shown could not be taken away: %w", o.name, o.proof.Type(), err)
	}
	return nil
}

// pending are the challenges to answer. A name that was shown lately may need
// none.
func pending(ctx context.Context, c *acme.Client, urls []string, proofs []Proof) ([]challenge, error) {
	var open []challenge
	for _, at := range urls {
		a, err := c.GetAuthorization(ctx, at)
		if err != nil {
			return nil, fmt.Errorf("authorization: %w", told(err))
		}
		if a.Status == acme.StatusValid {
			continue
		}
		o, err := choose(a, proofs)
		if err != nil {
			return nil, err
		}
		o.at = at
		open = append(open, o)
	}
	return open, nil
}

func choose(a *acme.Authorization, proofs []Proof) (challenge, error) {
	for _, p := range proofs {
		if i := slices.IndexFunc(a.Challenges, func(c *acme.Challenge) bool { return c.Type == p.Type() }); i >= 0 {
			return challenge{name: a.Identifier.Value, proof: p, asked: a.Challenges[i]}, nil
		}
	}
	var offered, ours []string
	for _, c := range a.Challenges {
		offered = append(offered, c.Type)
	}
	slices.Sort(offered) // servers shuffle them
	for _, p := range proofs {
		ours = append(ours, p.Type())
	}
	return challenge{}, fmt.Errorf("%s: the server checks it by %s, and only %s is set up", a.Identifier.Value,
		strings.Join(offered, " or "), strings.Join(ours, " and "))
}

// refused tells which name the server did not take for ours, and why.
func (o challenge) refused(err error) error {
	var said *acme.AuthorizationError
	if !errors.As(err, &said) {
		return fmt.Errorf("%s: %w", o.name, told(err))
	}
	var why []string
	for _, e := range said.Errors {
		why = append(why, told(e).Error())
	}
	if doubt := o.proof.Doubt(o.asked.Token); doubt != "" {
		why = append(why, doubt)
	}
	return fmt.Errorf("%s: %s: the server does not take it for ours: %s", o.name, o.proof.Type(), strings.Join(why, "; "))
}
