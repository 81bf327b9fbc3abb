// Package galera is the kind galera: the health of a MariaDB Galera or Percona
// XtraDB cluster as a gate, and its full stop and start as states. It knows
// when a node may be stopped and which one must be started first. It writes no
// option file and no certificate.
package galera

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"lockstep/internal/optionfile"
	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
	"lockstep/steps/serverfiles"
	"lockstep/steps/sqlclient"
	"lockstep/steps/unit"
)

//go:embed doc.md
var doc string

// Kind describes the kind.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "galera",
		Summary: "judge a Galera cluster's health, or stop and start its nodes in the right order",
		Doc:     doc,
		New:     func() steps.Step { return &step{patience: 2 * time.Minute} },
	}
}

const (
	stateStopped = "stopped"
	stateRunning = "running"
)

type step struct {
	state, only string
	service     string
	files       []string
	members     string
	tls         string
	force       bool
	dataDir     string
	login       sqlclient.Login

	unlessRunning source.Value
	options       []optionfile.SubOption // of unlessRunning, in its order

	// patience is how long Verify waits for what is only not yet healthy.
	patience time.Duration

	// The last Probe's findings, for what Apply foresees: the probe that
	// counts is the last one before it.
	seen nodes
	plan plan
}

// Params implements steps.Step.
func (s *step) Params(p *param.Set) {
	p.String(&s.state, "state", "stopped, or running; without it the step changes nothing and only judges", param.OneOf(stateStopped, stateRunning))
	p.String(&s.only, "only", "with state: stopped, stale leaves a node alone whose server already runs on its current files", param.OneOf("stale"))
	p.Raw(&s.unlessRunning, "unless_running", "map", "with state: stopped, leaves a node alone whose server runs with all these wsrep_provider_options, and without socket.dynamic")
	p.Paths(&s.files, "files", "the option files that the server reads when it starts, for only: stale; a directory stands for all below it, and the last part of a path may be a pattern")
	p.String(&s.members, "members", "how many members the cluster must have: as many as the stage has hosts (all), or as many as run now (running); the default is all for a gate and running for a state", param.OneOf("all", "running"))
	p.String(&s.tls, "tls", "how the members must be able to replicate: possible, offered and only on the way to TLS; removable, optional and none on the way back", param.OneOf(tlsWords()...))
	p.Bool(&s.force, "allow_force_bootstrap", "whether to bootstrap the node with the highest known position although Galera marked none, or another, as safe; writes may be lost")
	p.String(&s.service, "service", "the systemd unit of the server; without it mariadb or mysql, whichever the host has")
	p.Path(&s.dataDir, "datadir", "the directory of grastate.dat; without it the server or its option files are asked")
	s.login.Params(p)
}

// Check implements steps.Checker.
func (s *step) Check() error {
	var problems []error
	if s.only != "" && s.state != stateStopped {
		problems = append(problems, errors.New("only: stale goes with state: stopped"))
	}
	if s.only != "" && len(s.files) == 0 {
		problems = append(problems, errors.New("only: stale needs files: without them nothing tells whether the server is stale"))
	}
	if s.tls != "" && s.state != "" {
		problems = append(problems, errors.New("tls goes with no state: it only judges"))
	}
	if err := s.checkOptions(); err != nil {
		problems = append(problems, err)
	}
	if s.force && s.state != stateRunning {
		problems = append(problems, errors.New("allow_force_bootstrap goes with state: running"))
	}
	return errors.Join(problems...)
}

// Probe implements steps.Step.
func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	s.seen, s.plan = nil, plan{}
	switch s.state {
	case stateStopped:
		return s.probeStop(ctx, v)
	case stateRunning:
		return s.probeStart(ctx, v)
	}
	if s.ahead() {
		notes, err := s.canRoll(ctx, v)
		return steps.Change{Notes: notes}, err
	}
	return steps.Change{}, nil
}

func (s *step) probeStop(ctx context.Context, v steps.View) (steps.Change, error) {
	ns, err := s.look(ctx, v)
	if err != nil {
		return steps.Change{}, err
	}
	self := ns.self()
	if !self.running() && self.down() {
		return steps.Change{}, nil
	}
	why, stop, err := s.mustStop(ctx, v.Self, self)
	if err != nil || !stop {
		return steps.Change{}, err
	}
	if err := mayStop(ns); err != nil {
		return steps.Change{}, err
	}
	notes, err := s.comesBack(ctx, v.Self)
	if err != nil {
		return steps.Change{}, err
	}
	s.seen = ns
	return steps.Change{Notes: notes, Edits: []steps.Edit{{Op: steps.Run, Subject: subject(self.unit), Summary: summaryStop, Why: why,
		Disrupts: unit.Disruption(self.unit, steps.Stops)}}}, nil
}

// comesBack refuses to stop a node for other options, or for files that changed,
// while the server program does not take them: it would not start again. Whoever
// stops it without a condition may want just that, to correct them.
func (s *step) comesBack(ctx context.Context, r steps.Reader) (notes []string, err error) {
	if s.only == "" && len(s.options) == 0 {
		return nil, nil
	}
	started, err := serverfiles.StartedAs(ctx, r)
	if err != nil {
		return nil, err
	}
	files, err := started.As(started.Main).Read(ctx, r)
	if err != nil {
		return nil, err
	}
	note, err := serverfiles.Validate(ctx, r, files)
	switch {
	case err != nil:
		return nil, fmt.Errorf("not stopped: %w", err)
	case note != "":
		notes = []string{note}
	}
	return notes, nil
}

// mustStop decides whether a node that is not down is to be stopped. What its
// server runs with can only be asked while it answers; one that does not is
// refused later, with its reason.
func (s *step) mustStop(ctx context.Context, r steps.Reader, self node) (why string, stop bool, err error) {
	switch {
	case s.only != "":
		why, err = unit.Stale(ctx, r, self.service, s.files...)
		return why, why != "", err
	case len(s.options) > 0 && self.running():
		why, err = s.lacks(ctx, r, self)
		return why, why != "", err
	}
	return "", true, nil
}

func (s *step) probeStart(ctx context.Context, v steps.View) (steps.Change, error) {
	ns, err := s.look(ctx, v)
	if err != nil {
		return steps.Change{}, err
	}
	p, err := planStart(ns, s.force)
	if err != nil || p.how == nothing {
		return steps.Change{}, err
	}
	self := ns.self()
	var c steps.Change
	run := steps.Edit{Op: steps.Run, Subject: subject(self.unit), Summary: summaryStart, Why: p.reason,
		Disrupts: unit.Disruption(self.unit, steps.Starts)}
	if p.how == bootstrap {
		if err := s.noServerLeft(ctx, v); err != nil {
			return c, err
		}
		run.Summary = summaryBootstrap
		if p.force {
			c.Edits = append(c.Edits, forceEdit(self))
		}
	}
	s.seen, s.plan = ns, p
	c.Edits = append(c.Edits, run)
	return c, nil
}

func subject(unit string) string { return "service " + unit }

// forceEdit marks a node as safe to bootstrap, which a person has allowed.
func forceEdit(self node) steps.Edit {
	return steps.Edit{Op: steps.Update, Subject: self.grastatePath(), Why: "allow_force_bootstrap is true",
		Before: steps.NewContent(self.raw, false), After: steps.NewContent(withSafe(self.raw), false)}
}

// Apply implements steps.Step.
func (s *step) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	for _, e := range c.Edits {
		if err := s.applyEdit(ctx, h, e); err != nil {
			return err
		}
	}
	return nil
}

func (s *step) applyEdit(ctx context.Context, h steps.Host, e steps.Edit) error {
	if e.Op != steps.Run {
		return steps.ApplyFiles(ctx, h, steps.Change{Edits: []steps.Edit{e}})
	}
	return s.run(ctx, h, e)
}

// Verify implements steps.Verifier.
func (s *step) Verify(ctx context.Context, v steps.View) error {
	switch s.state {
	case stateStopped:
		return s.verifyStopped(ctx, v)
	case stateRunning:
		return s.wait(ctx, func() error { return s.verifyRunning(ctx, v) })
	}
	return s.wait(ctx, func() error { return s.Judge(ctx, v) })
}

func (s *step) verifyStopped(ctx context.Context, v steps.View) error {
	left, err := s.Probe(ctx, v)
	if err != nil {
		return err
	}
	if !left.Empty() {
		return &steps.Problem{What: "the server still runs", Do: "look at `journalctl -u` of its unit on " + v.Self.Name()}
	}
	n, err := s.lookAt(ctx, v.Self)
	if err != nil || n.running() { // left alone, as only or unless_running says
		return err
	}
	return noServer(ctx, v.Self, n.unit)
}

// verifyRunning judges the cluster with self as a member that must run.
func (s *step) verifyRunning(ctx context.Context, v steps.View) error {
	ns, err := s.look(ctx, v)
	if err != nil {
		return err
	}
	return proven(ns, want{all: s.members == "all", self: true})
}

// proven judges, but not while a node is only foreseen to run: in a dry run the
// others have not heard of it and never will.
func proven(ns nodes, w want) error {
	for _, n := range ns {
		if n.service.Foreseen() {
			return &steps.Unforeseen{Resource: "the health of the cluster", By: "the start of " + n.name}
		}
	}
	return judge(ns, w)
}

// wait repeats what while it is only not yet so.
func (s *step) wait(ctx context.Context, what func() error) error {
	until := time.Now().Add(s.patience)
	for {
		err := what()
		var notYet *steps.NotYet
		if !errors.As(err, &notYet) {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("still so after %s: %w", s.patience, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(time.Second):
		}
	}
}

// Rank implements steps.Ranker. Stopping follows the order of the stage.
func (s *step) Rank(ctx context.Context, v steps.View) (int, error) {
	if s.state != stateRunning {
		return 0, nil
	}
	ns, err := s.look(ctx, v)
	if err != nil {
		return 0, err
	}
	return rank(ns, s.force)
}

// Judge implements steps.Judge.
func (s *step) Judge(ctx context.Context, v steps.View) error {
	ns, err := s.look(ctx, v)
	if err != nil {
		return err
	}
	if err := proven(ns, want{all: s.members != "running"}); err != nil {
		return err
	}
	return s.judgeTLS(ctx, v)
}
