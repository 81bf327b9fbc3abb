package executor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"slices"
	"strings"
	"sync"

	"lockstep/steps"
)

// overlay is the host that steps see: reads fall through to the machine,
// writes stay in memory, and later steps see what earlier ones wrote. In a live
// run the writes are committed together at the next barrier; in a dry run they
// never are, and acts are only remembered together with what they foresee.
//
// It may be used by many goroutines; writes and acts come from one at a time.
type overlay struct {
	base *cache
	live bool

	mu      sync.Mutex
	files   map[string]*pending
	order   []string // the paths of files, as first written
	answers map[string]foreseenAnswer
	acts    []act
	actor   string // who acts now, for texts
}

// pending is a path as it will be.
type pending struct {
	op       WriteOp
	was      steps.Stat
	stat     steps.Stat
	attrs    steps.Attrs
	data     []byte
	hasData  bool
	foreseen bool // the effect of an act, not a write of ours
}

type foreseenAnswer struct {
	reads  []string
	output steps.Output
}

// act is a command of a dry run, with what it may change.
type act struct {
	by     string
	writes []string
}

func newOverlay(base *cache, live bool) *overlay {
	return &overlay{base: base, live: live, files: map[string]*pending{}, answers: map[string]foreseenAnswer{}}
}

// as says in whose name the next acts happen.
func (o *overlay) as(actor string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.actor = actor
}

// Name is the host's name.
func (o *overlay) Name() string { return o.base.Name() }

// Address is the host's address.
func (o *overlay) Address() string { return o.base.Address() }

// untouched reports whether nothing was written and no act happened.
func (o *overlay) untouched() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.files) == 0 && len(o.acts) == 0
}

// pendingAt returns what is pending at exactly path.
func (o *overlay) pendingAt(path string) *pending {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.files[path]
}

// unforeseen returns an error if an act of this dry run may have changed one of
// resources.
func (o *overlay) unforeseen(what string, resources ...string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range slices.Backward(o.acts) {
		if intersects(resources, a.writes) {
			return &steps.Unforeseen{Resource: what, By: a.by}
		}
	}
	return nil
}

// Stat tells what is or will be at p.
func (o *overlay) Stat(ctx context.Context, p string) (steps.Stat, error) {
	p = path.Clean(p)
	if f := o.pendingAt(p); f != nil {
		return f.stat, nil
	}
	if err := o.unforeseen(p, p); err != nil {
		return steps.Stat{}, err
	}
	return o.base.Stat(ctx, p)
}

// maxLinks is how many symbolic links in a row are followed, as in Linux.
const maxLinks = 40

// resolve follows links at the end of p and returns the path they lead to,
// with what is there.
func (o *overlay) resolve(ctx context.Context, p string) (string, steps.Stat, error) {
	at := path.Clean(p)
	for range maxLinks {
		st, err := o.Stat(ctx, at)
		if err != nil || st.Kind != steps.Link {
			return at, st, err
		}
		target := st.Target
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(at), target)
		}
		at = path.Clean(target)
	}
	return "", steps.Stat{}, fmt.Errorf("%s: more than %d symbolic links in a row", p, maxLinks)
}

// ReadFile returns the content that is or will be at p.
func (o *overlay) ReadFile(ctx context.Context, p string) ([]byte, error) {
	at, st, err := o.resolve(ctx, p)
	if err != nil {
		return nil, err
	}
	if st.Kind == steps.Absent {
		return nil, fmt.Errorf("%s: %w", p, fs.ErrNotExist)
	}
	if f := o.pendingAt(at); f != nil && f.hasData {
		return slices.Clone(f.data), nil
	}
	return o.base.ReadFile(ctx, at)
}

// ReadDir returns the names that are or will be in p.
func (o *overlay) ReadDir(ctx context.Context, p string) ([]string, error) {
	at, st, err := o.resolve(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := o.unforeseen(p, at); err != nil {
		return nil, err
	}
	var names []string
	if f := o.pendingAt(at); f == nil || f.was.Kind != steps.Absent {
		if names, err = o.base.ReadDir(ctx, at); err != nil {
			return nil, err
		}
	} else if st.Kind != steps.Directory {
		return nil, fmt.Errorf("%s: %w", p, fs.ErrNotExist)
	}
	return o.withPending(at, names), nil
}

func (o *overlay) withPending(dir string, names []string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	names = slices.Clone(names)
	for p, f := range o.files {
		if path.Dir(p) != dir || p == dir {
			continue
		}
		name := path.Base(p)
		names = slices.DeleteFunc(names, func(n string) bool { return n == name })
		if f.stat.Kind != steps.Absent {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Query answers from what was foreseen, or asks the machine when nothing that
// the answer rests on has been changed.
func (o *overlay) Query(ctx context.Context, c steps.Command) (steps.Output, error) {
	o.mu.Lock()
	known, ok := o.answers[foreseenKey(c)]
	o.mu.Unlock()
	if ok {
		return known.output, nil
	}
	if err := o.unforeseen("the answer of "+c.String(), c.Reads...); err != nil {
		return steps.Output{}, err
	}
	if changed := o.pendingRead(c.Reads); changed != "" {
		if !o.live {
			return steps.Output{}, &steps.Unforeseen{Resource: "the answer of " + c.String(), By: "the change of " + changed}
		}
		if err := o.flush(ctx); err != nil {
			return steps.Output{}, err
		}
	}
	return o.base.Query(ctx, c)
}

// pendingRead returns a pending path that reads cover, or "".
func (o *overlay) pendingRead(reads []string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.order {
		if f := o.files[p]; !f.foreseen && intersects(reads, []string{p}) {
			return p
		}
	}
	return ""
}

// Dial connects as the host sees it. After an act of a dry run nobody can say
// who would answer.
func (o *overlay) Dial(ctx context.Context, address string) (net.Conn, error) {
	if err := o.unforeseen("what listens on "+address, "*"); err != nil {
		return nil, err
	}
	return o.base.Dial(ctx, address)
}

// Exec commits what is pending and runs the command, or remembers it.
func (o *overlay) Exec(ctx context.Context, c steps.Command) (steps.Output, error) {
	if o.live {
		if err := o.flush(ctx); err != nil {
			return steps.Output{}, err
		}
		defer o.base.forget()
		return o.base.Run(ctx, c)
	}
	o.foresee(c)
	return steps.Output{}, nil
}

// foresee takes the effects of a command into the overlay.
func (o *overlay) foresee(c steps.Command) {
	o.mu.Lock()
	defer o.mu.Unlock()
	writes := c.Writes
	if writes == nil {
		writes = []string{"*"}
	}
	for key, a := range o.answers {
		if intersects(a.reads, writes) {
			delete(o.answers, key)
		}
	}
	for p, f := range o.files {
		if f.foreseen && intersects([]string{p}, writes) {
			delete(o.files, p)
		}
	}
	o.acts = append(o.acts, act{o.actor, writes})
	for _, f := range c.Foresees {
		if f.Path == "" {
			o.answers[foreseenKey(f.Query)] = foreseenAnswer{f.Query.Reads, f.Output}
			continue
		}
		st := steps.Stat{Kind: steps.Regular, Size: int64(len(f.Data)), Pending: true}
		if f.Data == nil {
			st.Kind = steps.Absent
		}
		o.files[path.Clean(f.Path)] = &pending{stat: st, data: f.Data, hasData: f.Data != nil, foreseen: true}
	}
}

// WriteFile keeps the new content of p until the next barrier.
func (o *overlay) WriteFile(ctx context.Context, p string, data []byte, a steps.Attrs) error {
	at, was, err := o.resolve(ctx, p)
	if err != nil {
		return err
	}
	if was.Kind == steps.Directory || was.Kind == steps.Special {
		return fmt.Errorf("%s is a %s, so no file can be put there", at, was.Kind)
	}
	if err := errors.Join(o.checkParent(ctx, at), o.checkOwners(ctx, a)); err != nil {
		return err
	}
	st := after(was, a, steps.Regular)
	st.Size, st.Unsettled = int64(len(data)), a.Unsettled
	return o.put(ctx, at, was, pending{op: PutFile, stat: st, attrs: a, data: slices.Clone(data), hasData: true})
}

// SetAttrs keeps the new attributes of p until the next barrier.
func (o *overlay) SetAttrs(ctx context.Context, p string, a steps.Attrs) error {
	at, was, err := o.resolve(ctx, p)
	if err != nil {
		return err
	}
	if was.Kind == steps.Absent {
		return fmt.Errorf("%s: %w", at, fs.ErrNotExist)
	}
	if err := o.checkOwners(ctx, a); err != nil {
		return err
	}
	st := after(was, a, was.Kind)
	return o.put(ctx, at, was, pending{op: PutAttrs, stat: st, attrs: a})
}

// Mkdir keeps a new directory until the next barrier.
func (o *overlay) Mkdir(ctx context.Context, p string, a steps.Attrs) error {
	at, was, err := o.resolve(ctx, p)
	if err != nil {
		return err
	}
	if was.Kind != steps.Absent && was.Kind != steps.Directory {
		return fmt.Errorf("%s is a %s, so no directory can be made there", at, was.Kind)
	}
	if err := errors.Join(o.checkParent(ctx, at), o.checkOwners(ctx, a)); err != nil {
		return err
	}
	return o.put(ctx, at, was, pending{op: PutDir, stat: after(was, a, steps.Directory), attrs: a})
}

// Remove forgets p at the next barrier.
func (o *overlay) Remove(ctx context.Context, p string) error {
	at := path.Clean(p)
	was, err := o.Stat(ctx, at)
	if err != nil || was.Kind == steps.Absent {
		return err
	}
	if was.Kind == steps.Directory {
		if names, err := o.ReadDir(ctx, at); err != nil || len(names) > 0 {
			return errors.Join(err, fmt.Errorf("%s is not empty: it holds %s", at, strings.Join(names, ", ")))
		}
	}
	return o.put(ctx, at, was, pending{op: PutGone, stat: steps.Stat{Kind: steps.Absent, Pending: true}})
}

// after is what a path will be when a is set on it.
func after(was steps.Stat, a steps.Attrs, kind steps.FileKind) steps.Stat {
	st := was
	if was.Kind == steps.Absent {
		st = steps.Stat{Mode: 0o600}
		if kind == steps.Directory {
			st.Mode = 0o700
		}
	}
	st.Kind, st.Pending, st.Version = kind, true, ""
	if a.Owner != "" {
		st.Owner = a.Owner
	}
	if a.Group != "" {
		st.Group = a.Group
	}
	if a.Mode != nil {
		st.Mode = *a.Mode
	}
	return st
}

// put records f at p, on top of what is pending there.
func (o *overlay) put(ctx context.Context, p string, was steps.Stat, f pending) error {
	o.mu.Lock()
	old := o.files[p]
	o.mu.Unlock()
	if old != nil && !old.foreseen && (old.stat.Kind == steps.Absent) != (f.stat.Kind == steps.Absent) && o.live {
		if err := o.flush(ctx); err != nil { // removing and making again are two batches
			return err
		}
		var err error
		if was, err = o.base.Stat(ctx, p); err != nil {
			return err
		}
		old = nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if old == nil || old.foreseen {
		f.was = was
		if old == nil {
			o.order = append(o.order, p)
		}
	} else {
		f = merge(*old, f)
	}
	o.files[p] = &f
	return nil
}

// merge joins two writes of one path into one.
func merge(old, next pending) pending {
	next.was = old.was
	if next.op == PutAttrs && old.op != PutGone {
		next.op, next.data, next.hasData = old.op, old.data, old.hasData
		next.stat.Size, next.stat.Unsettled = old.stat.Size, old.stat.Unsettled
	}
	if next.attrs.Owner == "" {
		next.attrs.Owner = old.attrs.Owner
	}
	if next.attrs.Group == "" {
		next.attrs.Group = old.attrs.Group
	}
	if next.attrs.Mode == nil {
		next.attrs.Mode = old.attrs.Mode
	}
	return next
}

// checkParent makes sure that the directory of p is or will be there.
func (o *overlay) checkParent(ctx context.Context, p string) error {
	_, st, err := o.resolve(ctx, path.Dir(p))
	if err != nil {
		return err
	}
	if st.Kind != steps.Directory {
		return &steps.Problem{
			What: fmt.Sprintf("%s cannot be made: %s is %s", p, path.Dir(p), st.Kind),
			Do:   "add a directory step before it", Err: fs.ErrNotExist,
		}
	}
	return nil
}

// checkOwners makes sure that the host knows the owner and group of a.
func (o *overlay) checkOwners(ctx context.Context, a steps.Attrs) error {
	var problems []error
	check := func(what, name string, argv ...string) {
		if name == "" || strings.Trim(name, "0123456789") == "" {
			return
		}
		out, err := o.base.Query(ctx, steps.Command{Argv: argv})
		if err == nil && out.Code != 0 && o.unforeseen(what, "*") == nil {
			err = &steps.Problem{
				What: fmt.Sprintf("the %s %q does not exist on %s", what, name, o.Name()),
				Do:   "install the package that makes it, or name another in the plan",
			}
		}
		problems = append(problems, err)
	}
	check("user", a.Owner, "id", "-u", "--", a.Owner)
	check("group", a.Group, "getent", "group", a.Group)
	return errors.Join(problems...)
}

// flush commits all pending writes of a live run in one batch.
func (o *overlay) flush(ctx context.Context) error {
	o.mu.Lock()
	batch := make([]Write, 0, len(o.order))
	for _, p := range o.order {
		f := o.files[p]
		batch = append(batch, Write{Op: f.op, Path: p, Data: f.data, Attrs: f.attrs, Was: f.was})
	}
	o.files, o.order = map[string]*pending{}, nil
	o.mu.Unlock()
	if len(batch) == 0 || !o.live {
		return nil
	}
	defer o.base.forget()
	return o.base.Commit(ctx, batch)
}
