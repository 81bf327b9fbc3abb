package executor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"lockstep/plan"
	"lockstep/steps"
)

// Recorder keeps what a live run does to its hosts, so that it can be told, and
// undone, when the run is over. It may be called by many goroutines.
type Recorder interface {
	// Begins keeps for good that an act is about to happen. The act happens only
	// if it returns nil.
	Begins(a Act) error
	// Ended keeps how the act came out. What cannot be kept is the next act's
	// error.
	Ended(a Act, e Ending)
}

// ErrUnrecorded is returned, wrapped, for an act that did not happen because
// the Recorder could not keep it. The run ends: nothing else can be kept either.
var ErrUnrecorded = errors.New("not done, because it could not be written down")

// Act is what a run does to a machine in one go: a command, or the writes of a
// batch.
type Act struct {
	Number int    // from 1, over all machines of the run
	Host   string // the machine's name
	As     *plan.Identity
	Step   string  // of a command: the step that runs it
	Run    string  // of a command: its words, cut short
	Writes []Wrote // of a batch, in order
}

// Wrote is one write of a batch: what it finds, and what it leaves.
type Wrote struct {
	Op            WriteOp
	Path, Step    string
	Before, After Trace
}

// Trace is what is kept of a path. SHA256 is empty where nobody has read the
// content, or the write leaves it alone.
type Trace struct {
	Kind         steps.FileKind
	SHA256       string
	Size         int64
	Owner, Group string
	Mode         fs.FileMode
	Target       string
}

// Ending is how an act came out.
type Ending struct {
	Code int      // a command's exit code
	Done []string // of a batch that failed: the paths that it changed
	Err  error
}

// record announces an act and returns the function that is told how it came out.
func (r *run) record(a Act) (func(Ending), error) {
	if !r.live || r.Recorder == nil {
		return func(Ending) {}, nil
	}
	r.mu.Lock()
	r.acts++
	a.Number = r.acts
	r.mu.Unlock()
	if err := r.Recorder.Begins(a); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnrecorded, err)
	}
	return func(e Ending) { r.Recorder.Ended(a, e) }, nil
}

// unrecorded announces nothing.
func unrecorded(Act) (func(Ending), error) { return func(Ending) {}, nil }

// commit makes a batch, announced before.
func (o *overlay) commit(ctx context.Context, batch []Write, wrote []Wrote) error {
	ended, err := o.record(Act{Host: o.Name(), As: o.identity(), Writes: wrote})
	if err != nil {
		return err
	}
	err = o.base.Commit(ctx, batch)
	var ce *CommitError
	e := Ending{Err: err}
	if errors.As(err, &ce) {
		e.Done = ce.Done
	}
	ended(e)
	o.hear()
	if !untouched(err) {
		o.touch()
	}
	return err
}

// act runs a command, announced before.
func (o *overlay) act(ctx context.Context, c steps.Command) (steps.Output, error) {
	o.mu.Lock()
	step := o.step
	o.mu.Unlock()
	ended, err := o.record(Act{Host: o.Name(), As: o.identity(), Step: step, Run: c.String()})
	if err != nil {
		return steps.Output{}, err
	}
	defer o.base.forget()
	o.touch()
	out, err := o.run(ctx, c)
	ended(Ending{Code: out.Code, Err: err})
	return out, err
}

// identity is who acts now; nil is the host's own user.
func (o *overlay) identity() *plan.Identity {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.who
}

// wrote is what a pending write finds, as far as it was read, and leaves.
func (o *overlay) wrote(p string, f *pending) Wrote {
	w := Wrote{Op: f.op, Path: p, Step: f.step, Before: trace(f.was), After: trace(f.stat)}
	if f.was.Kind == steps.Regular {
		w.Before.SHA256 = o.base.hash(p, f.was.Version)
	}
	switch {
	case f.from != nil:
		w.After.SHA256 = f.from.SHA256
	case f.hasData:
		w.After.SHA256 = hashOf(f.data)
	}
	return w
}

func trace(st steps.Stat) Trace {
	if st.Kind == steps.Absent || st.Kind == "" {
		return Trace{Kind: steps.Absent}
	}
	return Trace{Kind: st.Kind, Size: st.Size, Owner: st.Owner, Group: st.Group, Mode: st.Mode, Target: st.Target}
}

// hash is that of a content that was read already, or empty.
func (c *cache) hash(path, version string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.hashes[path+" "+version]; known != nil {
		return known.SHA256
	}
	a := c.known[question{"read", path}]
	if a == nil {
		return ""
	}
	select {
	case <-a.done:
		if data, ok := a.value.([]byte); ok && a.err == nil {
			return hashOf(data)
		}
	default:
	}
	return ""
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
