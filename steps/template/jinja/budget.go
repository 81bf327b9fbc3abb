package jinja

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Bounds of one rendering. They count work and not time, so that the same
// template ends the same way on every machine; the context bounds the time.
const (
	maxWork   = 2_000_000 // about a second
	maxText   = 4 << 20   // bytes of one text, and of the result
	maxItems  = 100_000   // of one list or map
	maxMemory = 128 << 20 // bytes made altogether
	maxCalls  = 64        // macros that call each other
	maxWalk   = 100       // levels of a value
)

// ErrTooMuch is in the chain of the error of a template that asks for more
// work or memory than any configuration file needs.
var ErrTooMuch = errors.New("the template does too much")

func tooMuch(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrTooMuch, fmt.Sprintf(format, args...))
}

// budget counts what a rendering has used.
type budget struct {
	ctx          context.Context
	work, memory int
	checked      int
}

// spend counts n units of work.
func (b *budget) spend(n int) error {
	if n < 0 || n > maxWork {
		n = maxWork
	}
	b.work += n
	if b.work > maxWork {
		return tooMuch("more than %d operations", maxWork)
	}
	if b.work-b.checked > 10_000 {
		b.checked = b.work
		return b.ctx.Err()
	}
	return nil
}

// text allows a text of n bytes to be made.
func (b *budget) text(n int) error {
	if n < 0 || n > maxText {
		return tooMuch("a text over %d bytes", maxText)
	}
	if b.memory += n; b.memory > maxMemory {
		return tooMuch("more than %d bytes made", maxMemory)
	}
	return b.spend(1 + n/64)
}

// items allows a list or map of n entries to be made.
func (b *budget) items(n int) error {
	if n < 0 || n > maxItems {
		return tooMuch("a list over %d items", maxItems)
	}
	if b.memory += 16 * n; b.memory > maxMemory {
		return tooMuch("more than %d bytes made", maxMemory)
	}
	return b.spend(1 + n/4)
}

// walk counts all that is in v, before something goes through it.
func (b *budget) walk(v any) error { return b.walkDeep(v, 0) }

func (b *budget) walkDeep(v any, depth int) error {
	if depth > maxWalk {
		return tooMuch("a value of more than %d levels", maxWalk)
	}
	switch x := v.(type) {
	case string:
		return b.spend(1 + len(x)/64)
	case tuple:
		return b.walkDeep([]any(x), depth)
	case []any:
		for _, item := range x {
			if err := b.walkDeep(item, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, item := range x {
			if err := b.spend(1 + len(key)/64); err != nil {
				return err
			}
			if err := b.walkDeep(item, depth+1); err != nil {
				return err
			}
		}
	}
	return b.spend(1)
}

// output collects rendered text.
type output struct {
	to *strings.Builder
}

func (r *run) write(o *output, text string) error {
	if o.to.Len()+len(text) > maxText {
		return tooMuch("a result over %d bytes", maxText)
	}
	if err := r.text(len(text)); err != nil {
		return err
	}
	o.to.WriteString(text)
	return nil
}
