package unit

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"lockstep/steps"
)

// evidence is one file that a service reads at start.
type evidence struct {
	path string
	stat steps.Stat
}

// The bounds of what gather looks at, so that a service whose files are said
// to be /var ends soon.
const (
	maxDepth    = 8
	maxEvidence = 2000
)

type gatherer struct {
	r     steps.Reader
	of    State
	found []evidence
	seen  map[string]bool
}

func newGatherer(r steps.Reader, s State) *gatherer {
	return &gatherer{r: r, of: s, seen: map[string]bool{}}
}

func gather(ctx context.Context, r steps.Reader, s State, files []string) ([]evidence, error) {
	g := newGatherer(r, s)
	if err := g.own(ctx); err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := g.named(ctx, f); err != nil {
			return nil, err
		}
	}
	return g.found, nil
}

// own adds the unit's own files, those too that systemd has not read yet. An
// alias that `systemctl enable` made is a link and no such file.
func (g *gatherer) own(ctx context.Context) error {
	if !g.of.Systemd {
		return nil
	}
	local := g.of.localFile()
	files := append([]string{local + ".d"}, g.of.Files...)
	s, err := g.r.Stat(ctx, local)
	if err != nil && !g.passes(err) {
		return err
	}
	if s.Kind != steps.Link {
		files = append(files, local)
	}
	for _, f := range files {
		if err := g.add(ctx, f, 0); err != nil {
			return err
		}
	}
	return nil
}

// passes reports whether err is no obstacle. After a start that a dry run
// foresees, what an act before may have touched has been read by that start.
func (g *gatherer) passes(err error) bool {
	_, unforeseen := steps.IsUnforeseen(err)
	return unforeseen && g.of.Foreseen()
}

func (g *gatherer) named(ctx context.Context, f string) error {
	if strings.ContainsAny(f, "*?[") {
		return g.glob(ctx, f)
	}
	if err := g.add(ctx, f, 0); err != nil {
		return err
	}
	if !g.seen[f] {
		return &steps.Problem{What: fmt.Sprintf("%s does not exist on %s", f, g.r.Name()),
			Why: "it is named among the files that the service reads", Do: "correct the path, or name its directory"}
	}
	return nil
}

// glob takes patterns in the last part of a path only.
func (g *gatherer) glob(ctx context.Context, pattern string) error {
	dir, base := path.Split(pattern)
	if strings.ContainsAny(dir, "*?[") {
		return fmt.Errorf("%s: only the last part of a path may be a pattern", pattern)
	}
	s, err := g.r.Stat(ctx, path.Clean(dir))
	if g.passes(err) {
		return nil
	}
	if err != nil || s.Kind == steps.Absent {
		return err
	}
	names, err := g.r.ReadDir(ctx, path.Clean(dir))
	if g.passes(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, n := range names {
		if ok, err := path.Match(base, n); err != nil {
			return fmt.Errorf("%s: %w", pattern, err)
		} else if ok {
			if err := g.add(ctx, path.Join(dir, n), 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// add takes what is at p, and what a link there leads to or a directory holds.
func (g *gatherer) add(ctx context.Context, p string, depth int) error {
	if depth > maxDepth || len(g.found) >= maxEvidence {
		return fmt.Errorf("%s: there are more than %d files, or they lie more than %d directories deep: name those that the service reads",
			p, maxEvidence, maxDepth)
	}
	s, err := g.r.Stat(ctx, p)
	if g.passes(err) {
		g.seen[p] = true
		return nil
	}
	if err != nil || g.seen[p] || s.Kind == steps.Absent && !s.Pending {
		return err
	}
	g.seen[p] = true
	g.found = append(g.found, evidence{p, s})
	switch s.Kind {
	case steps.Link:
		return g.link(ctx, p, depth)
	case steps.Directory:
		return g.all(ctx, p, depth)
	}
	return nil
}

// link adds what a link leads to. One that leads nowhere is evidence only by
// itself: services pass it over.
func (g *gatherer) link(ctx context.Context, p string, depth int) error {
	to, _, err := steps.Follow(ctx, g.r, p)
	var problem *steps.Problem
	if errors.As(err, &problem) {
		return nil
	}
	if g.passes(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return g.add(ctx, to, depth+1)
}

func (g *gatherer) all(ctx context.Context, dir string, depth int) error {
	names, err := g.r.ReadDir(ctx, dir)
	if g.passes(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := g.add(ctx, path.Join(dir, n), depth+1); err != nil {
			return err
		}
	}
	return nil
}
