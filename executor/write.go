package executor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"lockstep/steps"
)

// WriteFile keeps the new content of p until the next barrier.
func (o *overlay) WriteFile(ctx context.Context, p string, data []byte, a steps.Attrs) error {
	return o.write(ctx, p, pending{data: slices.Clip(data), hasData: true, stat: steps.Stat{Size: int64(len(data))}}, a)
}

// WriteContent keeps where the new content of p comes from until the next
// barrier.
func (o *overlay) WriteContent(ctx context.Context, p string, from *steps.Content, a steps.Attrs) error {
	return o.write(ctx, p, pending{from: from, hasData: true, stat: steps.Stat{Size: from.Size}}, a)
}

func (o *overlay) write(ctx context.Context, p string, f pending, a steps.Attrs) error {
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
	st := o.made(ctx, was, a, steps.Regular)
	st.Size, st.Unsettled = f.stat.Size, a.Unsettled
	f.op, f.stat, f.attrs = PutFile, st, a
	return o.put(ctx, at, was, f)
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
	return o.put(ctx, at, was, pending{op: PutDir, stat: o.made(ctx, was, a, steps.Directory), attrs: a})
}

// made is what a path will be when it is written; what is new belongs to the
// user who makes it.
func (o *overlay) made(ctx context.Context, was steps.Stat, a steps.Attrs, kind steps.FileKind) steps.Stat {
	st := after(was, a, kind)
	if st.Owner == "" {
		st.Owner = o.self(ctx, "-un")
	}
	if st.Group == "" {
		st.Group = o.self(ctx, "-gn")
	}
	return st
}

// self returns the name of the acting user or group, or "" when the host does
// not tell.
func (o *overlay) self(ctx context.Context, flag string) string {
	out, err := o.base.Query(ctx, steps.Command{Argv: []string{"id", flag}})
	if err != nil || out.Code != 0 {
		return ""
	}
	return strings.TrimSpace(string(out.Stdout))
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
	if was.Kind == steps.Absent || was.Kind == "" {
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
	} else {
		f = merge(*old, f)
	}
	if !slices.Contains(o.order, p) {
		o.order = append(o.order, p)
	}
	f.since, f.step = len(o.acts), o.step
	o.files[p], o.writers[p] = &f, o.actor
	maps.DeleteFunc(o.answers, func(_ string, a foreseenAnswer) bool { return intersects(a.reads, []string{p}) })
	return nil
}

// merge joins two writes of one path into one.
func merge(old, next pending) pending {
	next.was = old.was
	if next.op == PutAttrs && old.op != PutGone {
		next.op, next.data, next.hasData, next.from = old.op, old.data, old.hasData, old.from
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

// flush commits all pending writes of a live run in one batch.
func (o *overlay) flush(ctx context.Context) error {
	o.mu.Lock()
	batch, wrote := make([]Write, 0, len(o.order)), make([]Wrote, 0, len(o.order))
	for _, p := range o.order {
		f := o.files[p]
		batch, wrote = append(batch, o.batched(p, f)), append(wrote, o.wrote(p, f))
	}
	o.files, o.order = map[string]*pending{}, nil
	o.mu.Unlock()
	if len(batch) == 0 || !o.live {
		return nil
	}
	defer o.base.forget()
	err := o.commit(ctx, batch, wrote)
	if err == nil {
		o.mu.Lock()
		o.commits++
		o.mu.Unlock()
	}
	return err
}

// batched is a pending write as the machine takes it.
func (o *overlay) batched(p string, f *pending) Write {
	w := Write{Op: f.op, Path: p, Data: f.data, Attrs: f.attrs, Was: f.was}
	if f.from != nil {
		w.From, w.Sent = f.from, func(bytes int64) { o.sent(p, bytes, f.from.Size) }
	}
	return w
}

// untouched reports whether a commit failed in a way that changed nothing.
func untouched(err error) bool {
	var ce *CommitError
	return errors.As(err, &ce) && len(ce.Done) == 0 && !errors.Is(err, steps.ErrUnreachable)
}
