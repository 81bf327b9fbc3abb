package executor

import (
	"context"
	"sync"

	"lockstep/steps"
)

// Surveyor is implemented by a Machine that answers many reads in one round
// trip. Survey calls found once for each path, as Peek would answer, and
// answered once for each query, by their places in the lists.
type Surveyor interface {
	Survey(ctx context.Context, paths []string, queries []steps.Command,
		found func(i int, st steps.Stat, data []byte, err error), answered func(i int, out steps.Output, err error))
}

// asks are reads that are to be made together, each once.
type asks struct {
	paths   []string
	queries []steps.Command
	known   map[question]bool
}

func newAsks() *asks { return &asks{known: map[question]bool{}} }

func (a *asks) look(p string) {
	if q := (question{"stat", p}); !a.known[q] {
		a.known[q] = true
		a.paths = append(a.paths, p)
	}
}

func (a *asks) query(c steps.Command) {
	if q := (question{"query", queryKey(c)}); !a.known[q] {
		a.known[q] = true
		a.queries = append(a.queries, c)
	}
}

// ask begins to read what is not known yet. Who wants it meanwhile waits for
// that.
func (c *cache) ask(ctx context.Context, wg *sync.WaitGroup, a *asks) {
	m, ok := c.Machine.(Surveyor)
	if !ok {
		for _, p := range a.paths {
			wg.Go(func() { _, _ = c.Stat(ctx, p) })
		}
		for _, q := range a.queries {
			wg.Go(func() { _, _ = c.Query(ctx, q) })
		}
		return
	}
	age := c.now()
	var s survey
	for _, p := range a.paths {
		if to, mine := c.claim(question{"stat", p}); mine {
			s.paths, s.looks = append(s.paths, p), append(s.looks, to)
		}
	}
	for _, q := range a.queries {
		if to, mine := c.claim(question{"query", queryKey(q)}); mine {
			s.queries, s.answers = append(s.queries, q), append(s.answers, to)
		}
	}
	wg.Go(func() {
		m.Survey(ctx, s.paths, s.queries, func(i int, st steps.Stat, data []byte, err error) {
			if err == nil && data != nil {
				c.keep(age, question{"read", s.paths[i]}, data)
			}
			s.looks[i].value, s.looks[i].err = st, err
			c.tell(ctx, question{"stat", s.paths[i]}, s.looks[i])
		}, func(i int, out steps.Output, err error) {
			s.answers[i].value, s.answers[i].err = out, err
			c.tell(ctx, question{"query", queryKey(s.queries[i])}, s.answers[i])
		})
	})
}

// survey is what one flight asks, and where its answers belong.
type survey struct {
	paths   []string
	looks   []*answer
	queries []steps.Command
	answers []*answer
}
