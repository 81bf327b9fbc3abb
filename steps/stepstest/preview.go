package stepstest

import (
	"maps"
	"path"
	"slices"
	"strings"

	"lockstep/steps"
)

// act is a command that a preview did not run.
type act struct {
	name   string
	writes []string
}

// Preview returns a host that begins as f is now and only remembers what is
// done to it, as a dry run does: commands are not run, what they foresee is
// believed, and reads that rest on anything else they may have changed are
// *steps.Unforeseen. It is a small stand-in for the executor's overlay.
func (f *Fake) Preview() *Fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &Fake{name: f.name, address: f.address, files: map[string]*entry{}, gone: maps.Clone(f.gone), clock: f.clock, version: f.version,
		queries: slices.Clone(f.queries), other: f.other, execs: slices.Clone(f.execs), dial: f.dial, preview: true,
		foreseen: slices.Clone(f.foreseen), acts: slices.Clone(f.acts)}
	for at, e := range maps.All(f.files) {
		copied := *e
		p.files[at] = &copied
	}
	return p
}

// remember notes what c foresees and what it makes unknown.
func (f *Fake) remember(c steps.Command) {
	writes := c.Writes
	if len(writes) == 0 {
		writes = []string{"*"}
	}
	f.foreseen = slices.DeleteFunc(f.foreseen, func(old steps.Foreseen) bool { return overlap(old.Query.Reads, writes) })
	f.acts = append(f.acts, act{c.String(), writes})
	for at, e := range f.files {
		if covers(writes, at) {
			e.lost = c.String()
		}
	}
	for _, seen := range c.Foresees {
		if seen.Path == "" {
			f.foreseen = append(f.foreseen, seen)
			continue
		}
		delete(f.files, seen.Path)
		f.gone[seen.Path] = true
		if seen.Data != nil {
			e := &entry{stat: steps.Stat{Kind: steps.Regular, Mode: 0o600, Owner: "root", Group: "root", Size: int64(len(seen.Data))}, data: seen.Data}
			f.files[seen.Path] = e
			f.touch(e, true)
		}
	}
}

// foresee answers c where an act told the answer, and refuses where the answer
// rests on what an act or a write that is not on the host may have changed.
func (f *Fake) foresee(c steps.Command) (out steps.Output, known bool, err error) {
	for _, seen := range slices.Backward(f.foreseen) {
		if slices.Equal(seen.Query.Argv, c.Argv) && string(seen.Query.Stdin) == string(c.Stdin) {
			return seen.Output, true, nil
		}
	}
	if by := f.touchedBy(c.Reads); by != "" {
		return out, false, &steps.Unforeseen{Resource: c.String(), By: by}
	}
	return out, false, nil
}

func (f *Fake) touchedBy(reads []string) string {
	for _, a := range slices.Backward(f.acts) {
		if overlap(reads, a.writes) {
			return a.name
		}
	}
	for at, e := range f.files {
		if f.preview && e.stat.Pending && len(reads) > 0 && covers(reads, at) {
			return "writing " + at
		}
	}
	return ""
}

// actOn names the act that may have made something at p, where nothing was
// and no act foresaw that nothing is.
func (f *Fake) actOn(p string) string {
	for _, a := range slices.Backward(f.acts) {
		if !f.gone[p] && covers(a.writes, p) {
			return a.name
		}
	}
	return ""
}

func overlap(a, b []string) bool {
	for _, x := range a {
		if x == "*" || covers(b, x) {
			return true
		}
		for _, y := range b {
			if below(y, x) {
				return true
			}
		}
	}
	return false
}

// covers reports whether all stands for p, or for something above it.
func covers(all []string, p string) bool {
	return slices.ContainsFunc(all, func(w string) bool { return w == "*" || below(p, w) })
}

func below(p, dir string) bool {
	return p == dir || dir == "/" && path.IsAbs(p) || path.IsAbs(dir) && strings.HasPrefix(p, dir+"/")
}
