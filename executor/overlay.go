package executor

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"path"
	"slices"
	"strings"
	"sync"

	"lockstep/plan"
	"lockstep/steps"
)

// overlay is the host that steps see: reads fall through to the machine,
// writes stay in memory, and later steps see what earlier ones wrote. In a live
// run the writes are committed together at the next barrier; in a dry run they
// never are, and acts are only remembered together with what they foresee.
//
// It may be used by many goroutines; writes and acts come from one at a time.
type overlay struct {
	base *cache // the machine, as who acts now
	own  *cache // the machine, as the host's own user
	live bool
	// touch is called when the host was changed or may have been.
	touch func()
	// sent is called when more of a big file is on the host.
	sent func(path string, done, size int64)
	// told makes what a long command of a step writes known while it runs.
	told func(step string, c steps.Command) (heard steps.Command, done func())
	// record announces an act before it happens.
	record func(Act) (ended func(Ending), err error)

	mu      sync.Mutex
	files   map[string]*pending
	order   []string // the paths of files, as first written
	answers map[string]foreseenAnswer
	acts    []act
	actor   string            // who acts now, for texts
	step    string            // its step's number
	who     *plan.Identity    // the user who acts now; nil is the host's own
	writers map[string]string // by path: who wrote it last
	commits int               // how many batches are on the host
	heard   []string          // remarks of its machines, each once
	passed  int               // how many of them were passed on

	looks *looks // of a probe ahead of its turn, else nil

	// What a dry run takes for written by now: at a barrier, the run would have.
	keptFiles map[string]*pending
	keptOrder []string
}

// pending is a path as it will be.
type pending struct {
	op       WriteOp
	was      steps.Stat
	stat     steps.Stat
	attrs    steps.Attrs
	data     []byte
	hasData  bool
	from     *steps.Content // in place of data
	foreseen bool           // the effect of an act, not a write of ours
	since    int            // how many acts came before it
	step     string         // the number of the step that wrote it last
}

func newOverlay(base *cache, live bool) *overlay {
	return &overlay{
		base: base, own: base, live: live, touch: func() {}, sent: func(string, int64, int64) {}, told: untold, record: unrecorded, writers: map[string]string{},
		files: map[string]*pending{}, answers: map[string]foreseenAnswer{},
	}
}

func untold(_ string, c steps.Command) (steps.Command, func()) { return c, func() {} }

// snapshot returns the host as others see it: in a dry run as it will be by
// now, in a live run as it is, since what is pending may never be written.
func (o *overlay) snapshot() *overlay {
	s := newOverlay(o.base, o.live)
	if o.live {
		return s
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s.files, s.order = maps.Clone(o.files), slices.Clone(o.order)
	s.answers, s.acts = maps.Clone(o.answers), slices.Clone(o.acts)
	return s
}

// discard drops what is pending: of a dry run, what no barrier has passed.
func (o *overlay) discard() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files, o.order = maps.Clone(o.keptFiles), slices.Clone(o.keptOrder)
	if o.files == nil {
		o.files = map[string]*pending{}
	}
}

// keep notes a barrier of a dry run.
func (o *overlay) keep() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keptFiles, o.keptOrder = maps.Clone(o.files), slices.Clone(o.order)
}

// committed tells how many batches are on the host, and whether something
// waits for the next.
func (o *overlay) committed() (batches int, waiting bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.commits, len(o.order) > 0
}

// hear takes up what the machine that acts now has to tell. As another user it
// may say the same again.
func (o *overlay) hear() {
	m, ok := o.base.Machine.(Remarker)
	if !ok {
		return
	}
	for _, text := range m.Remarks() {
		o.mu.Lock()
		if !slices.Contains(o.heard, text) {
			o.heard = append(o.heard, text)
		}
		o.mu.Unlock()
	}
}

// remarks are those that nobody was told yet.
func (o *overlay) remarks() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	fresh := slices.Clone(o.heard[o.passed:])
	o.passed = len(o.heard)
	return fresh
}

// writer says in whose name p was last written.
func (o *overlay) writer(p string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.writers[p]
}

// as says in whose name, and in which step, the next acts happen.
func (o *overlay) as(actor, step string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.actor, o.step = actor, step
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

// Stat tells what is or will be at p.
func (o *overlay) Stat(ctx context.Context, p string) (steps.Stat, error) {
	p = path.Clean(p)
	o.looks.at(p)
	if f := o.pendingAt(p); f != nil {
		return f.stat, o.unforeseenSince(f.since, p, p)
	}
	if err := o.unforeseen(p, p); err != nil {
		return steps.Stat{}, err
	}
	st, err := o.base.Stat(ctx, p)
	st.Pending = st.Kind == steps.Directory && o.entered(p)
	return st, err
}

// entered reports whether an entry of dir is to be put in or removed, which
// makes the directory newer than all that runs.
func (o *overlay) entered(dir string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for p, f := range o.files {
		if path.Dir(p) == dir && p != dir && (f.was.Kind == steps.Absent) != (f.stat.Kind == steps.Absent) {
			return true
		}
	}
	return false
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
		dir := path.Dir(at)
		if strings.Contains(st.Target, "..") { // what is above a link is not above where it leads
			if dir, err = o.real(ctx, dir); err != nil {
				return "", steps.Stat{}, err
			}
		}
		if at = path.Clean(st.Target); !path.IsAbs(at) {
			at = path.Join(dir, at)
		}
	}
	return "", steps.Stat{}, fmt.Errorf("%s: more than %d symbolic links in a row", p, maxLinks)
}

// real returns the path of a directory without any links in it.
func (o *overlay) real(ctx context.Context, dir string) (string, error) {
	if dir == "/" {
		return dir, nil
	}
	above, err := o.real(ctx, path.Dir(dir))
	if err != nil {
		return "", err
	}
	at, _, err := o.resolve(ctx, path.Join(above, path.Base(dir)))
	return at, err
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
	f := o.pendingAt(at)
	switch {
	case f != nil && f.from != nil:
		return nil, fmt.Errorf("%s: %w", p, steps.ErrTooBig)
	case f != nil && f.hasData:
		return slices.Clip(f.data), nil
	}
	return o.base.ReadFile(ctx, at)
}

// Describe tells size and hash of the content that is or will be at p.
func (o *overlay) Describe(ctx context.Context, p string) (*steps.Content, error) {
	at, st, err := o.resolve(ctx, p)
	if err != nil {
		return nil, err
	}
	if st.Kind == steps.Absent {
		return nil, fmt.Errorf("%s: %w", p, fs.ErrNotExist)
	}
	f := o.pendingAt(at)
	switch {
	case f != nil && f.from != nil:
		return f.from, nil
	case f != nil && f.hasData:
		return steps.NewContent(slices.Clip(f.data), st.Unsettled), nil
	}
	return o.base.Describe(ctx, at)
}

// ReadDir returns the names that are or will be in p.
func (o *overlay) ReadDir(ctx context.Context, p string) ([]string, error) {
	at, st, err := o.resolve(ctx, p)
	if err != nil {
		return nil, err
	}
	o.looks.in(at)
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
	o.looks.restOn(c.Reads)
	if output, ok := o.answered(c); ok {
		return output, nil
	}
	if by, ok := o.spoilt(0, c.Reads); ok {
		return steps.Output{}, &steps.Unforeseen{Resource: "the answer of " + c.String(), By: by}
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

// answered returns what was foreseen of a query.
func (o *overlay) answered(c steps.Command) (steps.Output, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.answers) == 0 {
		return steps.Output{}, false
	}
	known, ok := o.answers[foreseenKey(c)]
	return known.output, ok
}

// pendingRead returns a pending path that reads cover, or "".
func (o *overlay) pendingRead(reads []string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.order {
		if !o.files[p].foreseen && intersects(reads, []string{p}) {
			return p
		}
	}
	return ""
}

// Dial connects as the host sees it. After an act of a dry run nobody can say
// who would answer.
func (o *overlay) Dial(ctx context.Context, address string) (net.Conn, error) {
	o.looks.restOn([]string{"*"})
	if err := o.unforeseen("what listens on "+address, "*"); err != nil {
		return nil, err
	}
	return o.base.Dial(ctx, address)
}
