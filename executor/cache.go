package executor

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"sync"

	"lockstep/steps"
)

// cache remembers what was read from a machine until it is told to forget.
// Equal reads that are under way at the same time are one. It may be used by
// many goroutines.
type cache struct {
	Machine
	mu    sync.Mutex
	known map[question]*answer
	age   int // how often all was forgotten
	// hashes are contents by path and version. They are not forgotten: a
	// version that is still there says that the content is.
	hashes map[string]*steps.Content
}

// question is a read as it is known again.
type question struct{ what, of string }

type answer struct {
	done  chan struct{}
	value any
	err   error
	// abandoned: the read failed because its caller gave up, which says
	// nothing to others.
	abandoned bool
}

func newCache(m Machine) *cache {
	return &cache{Machine: m, known: map[question]*answer{}, hashes: map[string]*steps.Content{}}
}

// forget drops all that was read.
func (c *cache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = map[question]*answer{}
	c.age++
}

func (c *cache) now() (age int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.age
}

// recall returns the value kept for q, or reads and keeps it. What failed
// because a caller gave up is neither kept nor told to the others who wait.
func recall[T any](ctx context.Context, c *cache, q question, read func() (T, error)) (T, error) {
	for {
		a, mine := c.claim(q)
		if mine {
			a.value, a.err = read()
			c.tell(ctx, q, a)
		}
		select {
		case <-a.done:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
		if a.abandoned && !mine {
			continue
		}
		value, _ := a.value.(T)
		return value, a.err
	}
}

// claim returns the answer to q; mine tells that the caller is to read it.
func (c *cache) claim(q question) (a *answer, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.known[q]; ok {
		return a, false
	}
	a = &answer{done: make(chan struct{})}
	c.known[q] = a
	return a, true
}

// tell passes a on to all who wait for it.
func (c *cache) tell(ctx context.Context, q question, a *answer) {
	a.abandoned = a.err != nil && ctx.Err() != nil
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.abandoned && c.known[q] == a {
		delete(c.known, q)
	}
	close(a.done)
}

// Peeker is implemented by a Machine that can bring a small file's content
// along with its description, in one round trip.
type Peeker interface {
	// Peek is Stat, with the content of a regular file that is small and may be
	// read; nil stands for no content.
	Peek(ctx context.Context, path string) (steps.Stat, []byte, error)
}

// Stat is Machine.Stat, remembered. Who looks at a file mostly reads it next, so
// a small content is remembered too.
func (c *cache) Stat(ctx context.Context, path string) (steps.Stat, error) {
	return recall(ctx, c, question{"stat", path}, func() (steps.Stat, error) {
		p, ok := c.Machine.(Peeker)
		if !ok {
			return c.Machine.Stat(ctx, path)
		}
		age := c.now()
		st, data, err := p.Peek(ctx, path)
		if err == nil && data != nil {
			c.keep(age, question{"read", path}, data)
		}
		return st, err
	})
}

// keep puts in an answer that came along with another, unless there is one, or
// all of its age was forgotten.
func (c *cache) keep(age int, q question, value any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.known[q]; there || age != c.age {
		return
	}
	a := &answer{done: make(chan struct{}), value: value}
	close(a.done)
	c.known[q] = a
}

// ReadFile is Machine.ReadFile, remembered. All callers get the same bytes.
func (c *cache) ReadFile(ctx context.Context, path string) ([]byte, error) {
	data, err := recall(ctx, c, question{"read", path}, func() ([]byte, error) { return c.Machine.ReadFile(ctx, path) })
	return slices.Clip(data), err
}

// Describe is Machine.Describe, done once for each version of the file.
func (c *cache) Describe(ctx context.Context, path string) (*steps.Content, error) {
	st, err := c.Stat(ctx, path)
	if err != nil {
		return nil, err
	}
	key := path + " " + st.Version
	if st.Version == "" { // nothing to know it again by
		return c.Machine.Describe(ctx, path)
	}
	return recall(ctx, c, question{"hash", key}, func() (*steps.Content, error) {
		c.mu.Lock()
		had := c.hashes[key]
		c.mu.Unlock()
		if had != nil {
			return had, nil
		}
		made, err := c.Machine.Describe(ctx, path)
		if err == nil {
			c.mu.Lock()
			c.hashes[key] = made
			c.mu.Unlock()
		}
		return made, err
	})
}

// ReadDir is Machine.ReadDir, remembered.
func (c *cache) ReadDir(ctx context.Context, path string) ([]string, error) {
	return recall(ctx, c, question{"list", path}, func() ([]string, error) { return c.Machine.ReadDir(ctx, path) })
}

// Query is Machine.Query, remembered.
func (c *cache) Query(ctx context.Context, q steps.Command) (steps.Output, error) {
	return recall(ctx, c, question{"query", queryKey(q)}, func() (steps.Output, error) { return c.Machine.Query(ctx, q) })
}

// queryKey tells queries apart by all that can change their answer: it is a
// hash, since a script and the text that it reads may be long.
func queryKey(c steps.Command) string {
	return sum(slices.Concat(c.Argv, []string{c.Dir}, c.Env), len(c.Argv), c.Stdin)
}

// foreseenKey tells queries apart as steps.Foreseen does.
func foreseenKey(c steps.Command) string { return sum(c.Argv, len(c.Argv), c.Stdin) }

// sum is a hash of words, of which the first n are of one kind, and of data.
func sum(words []string, n int, data []byte) string {
	text := binary.AppendUvarint(nil, uint64(n))
	for _, w := range words {
		text = append(binary.AppendUvarint(text, uint64(len(w))), w...)
	}
	hash := sha256.New()
	hash.Write(binary.AppendUvarint(text, uint64(len(data))))
	hash.Write(data)
	return string(hash.Sum(nil))
}

// intersects reports whether a change of one of writes may be seen by a read
// of one of reads. See steps.Command for what the words mean.
func intersects(reads, writes []string) bool {
	for _, r := range reads {
		for _, w := range writes {
			if r == "*" || w == "*" || r == w || below(r, w) || below(w, r) {
				return true
			}
		}
	}
	return false
}

// below reports whether path lies under dir.
func below(path, dir string) bool {
	return strings.HasPrefix(path, "/") && strings.HasPrefix(dir, "/") &&
		strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
