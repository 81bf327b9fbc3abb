package remote

import (
	"context"
	"errors"
	"slices"

	"lockstep/steps"
)

// Survey implements executor.Surveyor: all that is asked goes out as one text and
// is answered in order. What a lost sh did not answer is asked again, alone.
func (c *Conn) Survey(ctx context.Context, paths []string, queries []steps.Command,
	found func(i int, st steps.Stat, data []byte, err error), answers func(i int, out steps.Output, err error),
) {
	looks := make([]*request, len(paths))
	for i, p := range paths {
		looks[i] = lookup{p, peekLimit}.request()
	}
	questions := make([]*request, len(queries))
	for i, q := range queries {
		script, err := commandScript(q)
		if err != nil { // it is not run, and this is its answer
			script = ":"
		}
		questions[i] = &request{script: script, failed: err}
	}
	_, s, err := c.shell(ctx, (*link).readShell)
	if err == nil {
		err = s.send(slices.Concat(looks, questions)...)
	}
	hear := func(r *request) (answer, error) {
		if err != nil {
			return answer{}, err
		}
		return s.await(ctx, r)
	}
	for i, p := range paths {
		a, err := hear(looks[i])
		st, data, err := lookup{path: p}.seen(a, err)
		if errors.Is(err, errShellGone) {
			st, data, err = c.Peek(ctx, p)
		}
		found(i, st, c.network.shared.of(p, data), err)
	}
	for i, q := range queries {
		a, err := hear(questions[i])
		out, err := answered(q, a, err)
		if errors.Is(err, errShellGone) {
			out, err = c.Query(ctx, q)
		}
		answers(i, out, err)
	}
}
