package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"lockstep/internal/secret"
	"lockstep/plan"
	"lockstep/steps"
)

// DefaultTimeout bounds what a step does on one host unless the plan says
// otherwise. It is long, because a restart may hold a state transfer.
const DefaultTimeout = 2 * time.Hour

// Executor runs one compiled plan over connected machines. All fields but
// Emit, Stop, Recorder and Log must be set. It may be used for one Preview or Apply
// after the other, not at the same time.
type Executor struct {
	Plan     *plan.Plan
	Machines map[string]Machine // all of Plan.Peers and Plan.Helpers, by name
	// As are the machines of Plan.Actings: connections as another user.
	As       map[plan.Acting]Machine
	Control  Machine
	Redactor *secret.Redactor

	// Emit receives the events, one at a time, hosts of a batch in order.
	Emit func(Event)
	// Stop asks the run to end before the next step or host when it is closed.
	Stop <-chan struct{}
	// Approve asks a person, for a plan that wants that, and returns nil for
	// yes. Nil refuses.
	Approve func(ctx context.Context, question string) error
	// Approval is what Apply may do, as a Preview reports it; nil for all that the
	// plan says.
	Approval *Approval
	// Eager tells that what a Preview finds will be applied soon, so that
	// connections get ready to write meanwhile.
	Eager bool
	// Lease is what Apply holds the machines with, those that are a Locker; none
	// are held without a Run.
	Lease Lease
	// Gone tells that another run, which holds a machine, is surely over although
	// it did not let go; nil for never.
	Gone func(Lease) bool
	// Recorder is told of each act of an Apply; nil for nobody.
	Recorder Recorder
	// Poll is how often a gate that is not healthy is asked again.
	Poll time.Duration
	Log  *slog.Logger
}

// Preview walks the plan without changing anything. The error is set when the
// walk itself broke off; what steps found is in the report.
func (x *Executor) Preview(ctx context.Context) (*Report, error) { return x.walk(ctx, preview) }

// Apply walks the plan and makes its changes, verifying each. It stops at the
// first failure that a stage does not allow.
func (x *Executor) Apply(ctx context.Context) (*Report, error) { return x.walk(ctx, apply) }

// walking is what a walk is for.
type walking int

const (
	preview walking = iota
	audit
	apply
)

// run is one walk over the plan.
type run struct {
	*Executor
	live     bool
	auditing bool // a dry walk that asks for findings, and that no failure of a step ends
	overlays map[string]*overlay
	peers    map[string]*overlay // overlays as the batch found them
	control  *overlay
	failed   map[string]bool
	// identities are the machines as other users, with what was read so.
	identities map[plan.Acting]*cache
	foreseen   bool // dry run: a gate was judged, or is past judging
	outlast    sync.Once
	grip       *hold // of a live run
	acts       int   // how many were announced
	agreed     approvals
	strays     map[string]string // by host: the step that failed, after which the plan went on

	mu      sync.Mutex
	report  Report
	learned knowledge
}

// ErrInterrupted is returned when a run ended early because it was asked to.
var ErrInterrupted = errors.New("interrupted")

func (x *Executor) walk(ctx context.Context, what walking) (*Report, error) {
	live := what == apply
	r := &run{Executor: x, live: live, auditing: what == audit, overlays: map[string]*overlay{}, failed: map[string]bool{}, strays: map[string]string{}, learned: newKnowledge(), identities: map[plan.Acting]*cache{}}
	for who, m := range x.As {
		r.identities[who] = newCache(m)
	}
	for name, m := range x.Machines {
		r.overlays[name] = newOverlay(newCache(m), live)
		r.overlays[name].touch = func() { r.touched(name) }
		r.overlays[name].sent, r.overlays[name].told = r.progress(name), r.told(name)
		r.overlays[name].record = r.record
	}
	r.control = newOverlay(newCache(x.Control), live)
	r.control.touch = func() { r.touched("") }
	r.control.sent, r.control.told = r.progress(x.Control.Name()), r.told(x.Control.Name())
	r.control.record = r.record
	r.emit(Event{Type: EventStart, Name: x.Plan.Name, Hosts: names(x.Plan.Hosts), Stages: len(x.Plan.Stages), DryRun: !live})
	if live {
		if x.Approval != nil {
			r.agreed = x.Approval.index()
		}
		r.grip = x.hold(ctx)
		defer r.grip.release(ctx)
	}
	err := r.stages(ctx)
	if err == nil && !live {
		err = r.space(ctx)
	}
	r.sum()
	counts := r.report.Counts
	end := Event{Type: EventEnd, DryRun: !live, Counts: &counts, Err: cmp.Or(err, r.report.Untold())}
	if what == preview {
		r.report.Shown = r.report.Shown.masked(x.Redactor)
		end.Fingerprint = r.report.Shown.Fingerprint()
	}
	r.emit(end)
	return &r.report, err
}

func (r *run) stages(ctx context.Context) error {
	for _, s := range r.Plan.Stages {
		if err := r.stopped(ctx); err != nil {
			return err
		}
		if err := r.stage(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) emit(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Change != nil {
		for _, s := range e.Change.Secrets {
			r.Redactor.Add(s)
		}
	}
	r.count(e)
	if !r.live {
		r.report.Shown.note(e)
	}
	if r.Emit != nil {
		if e.Time.IsZero() {
			e.Time = time.Now()
		}
		r.Emit(e)
	}
}

func (r *run) count(e Event) {
	if e.Type != EventStep {
		return
	}
	switch e.Status {
	case StatusOK:
		r.report.OK++
	case StatusChange:
		r.report.Changes++
	case StatusChanged:
		r.report.Changes++
		r.follow(e.Host, e.Change)
	case StatusUnknown:
		r.report.Unknown++
	case StatusVerified:
		r.report.Verified++
	case StatusFailed, StatusUnverified:
		r.report.Failed++
	case StatusIgnored, StatusRescued:
		r.report.Ignored++
	}
}

// fail records a host's failure; the host takes no further part.
func (r *run) fail(host, step string, err error, unverified bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed[host] = true
	r.report.Failures = append(r.report.Failures, HostError{
		Host: host, Step: step, Err: err, Unverified: unverified, Before: !r.report.Acted,
	})
}

// refuse records why a run could not begin; the dry run goes on.
func (r *run) refuse(host, step string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Failures = append(r.report.Failures, HostError{Host: host, Step: step, Err: err, Before: true})
}

// touched records that something was or may have been changed on a host, or
// on the control machine when host is empty.
func (r *run) touched(host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Acted = true
	if host != "" && !slices.Contains(r.report.Touched, host) {
		r.report.Touched = append(r.report.Touched, host)
	}
}

// sum puts the lists of the report into the inventory's order.
func (r *run) sum() {
	order := names(r.Plan.Peers)
	at := func(host string) int { return slices.Index(order, host) }
	slices.SortStableFunc(r.report.Failures, func(a, b HostError) int { return at(a.Host) - at(b.Host) })
	slices.SortStableFunc(r.report.Touched, func(a, b string) int { return at(a) - at(b) })
}

// look fixes what steps see of other hosts until it is called again: what
// those do meanwhile must not change an answer by chance. In a live run what
// was read is dropped too: another host's act may have changed it.
func (r *run) look() {
	r.peers = make(map[string]*overlay, len(r.overlays))
	for name, o := range r.overlays {
		r.peers[name] = o.snapshot()
	}
	if r.live {
		r.control.base.forget()
		for _, o := range r.overlays {
			o.base.forget()
			o.own.forget()
		}
	}
}

// view is what a step on host sees. An empty host is the control machine.
func (r *run) view(host string) steps.View {
	v := steps.View{Self: r.control, Control: r.control}
	if host != "" {
		v.Self = r.overlays[host]
	}
	peers := r.peers
	v.Others = func() []steps.Reader {
		return r.others(host, func(peer string) steps.Reader { return peers[peer] })
	}
	return v
}

// others are all hosts but one.
func (r *run) others(host string, reader func(peer string) steps.Reader) (all []steps.Reader) {
	for _, h := range r.Plan.Peers {
		if h.Name != host {
			all = append(all, reader(h.Name))
		}
	}
	return all
}

// liveView is the same without anything pending or remembered, for gates.
func (r *run) liveView(host string) steps.View {
	v := steps.View{Self: r.Control, Control: r.Control}
	if host != "" {
		v.Self = r.Machines[host]
	}
	v.Others = func() []steps.Reader {
		return r.others(host, func(peer string) steps.Reader { return r.Machines[peer] })
	}
	return v
}

func names(hosts []plan.Host) []string {
	out := make([]string, len(hosts))
	for i, h := range hosts {
		out[i] = h.Name
	}
	return out
}

func label(t *plan.Task) string { return fmt.Sprintf("%s %s", t.ID, t.Name) }
