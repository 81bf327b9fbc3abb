package executor

import (
	"context"
	"maps"
	"slices"
	"strings"

	"lockstep/plan"
	"lockstep/steps"
)

// knowledge is what a run has learned by the names that steps register.
type knowledge struct {
	hosts  map[string]plan.Values
	shared plan.Values // of steps that run once for all hosts
	// parts are what loops are made up of, by host and name.
	parts map[[2]string][]part
}

func newKnowledge() knowledge {
	return knowledge{map[string]plan.Values{}, plan.Values{}, map[[2]string][]part{}}
}

// known is what the run knows on host, with its facts where t uses them.
func (w *worker) known(ctx context.Context, t *plan.Task) (plan.Values, error) {
	if !t.Later() && !t.HasUntil() {
		return nil, nil
	}
	w.mu.Lock()
	v := maps.Clone(w.learned.shared)
	maps.Copy(v, w.learned.hosts[w.host])
	w.mu.Unlock()
	if !t.NeedsFacts() {
		return v, nil
	}
	facts, err := w.facts(ctx)
	v["facts"] = plan.Known{Value: facts}
	return v, err
}

// learn keeps what a step reports. A step that runs once tells all hosts.
func (w *worker) learn(t *plan.Task, k plan.Known) {
	if t.Register == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	values := w.mine(t)
	if t.Element > 0 {
		k = w.joined(t, k)
	}
	values[t.Register] = k
}

// part is what one element of a loop reports.
type part struct {
	element int
	known   plan.Known
}

// joined is what a loop reports by now. An element that comes again, in another
// try or with the loop as a whole, takes back what it reported, and what those
// behind it did. The caller holds the lock.
func (w *worker) joined(t *plan.Task, k plan.Known) plan.Known {
	name := [2]string{w.host, t.Register}
	behind := func(p part) bool { return p.element >= t.Element }
	parts := append(slices.DeleteFunc(w.learned.parts[name], behind), part{t.Element, k})
	w.learned.parts[name] = parts
	return together(parts)
}

// mine are the values that t fills here; the caller holds the lock.
func (w *worker) mine(t *plan.Task) plan.Values {
	if w.stage.OnControl || t.Once {
		return w.learned.shared
	}
	if w.learned.hosts[w.host] == nil {
		w.learned.hosts[w.host] = plan.Values{}
	}
	return w.learned.hosts[w.host]
}

// noElements is what a loop over nothing reports.
func noElements() plan.Known { return together(nil) }

// together joins what the elements of a loop report.
func together(parts []part) plan.Known {
	sum := map[string]any{"changed": false, "failed": false, "skipped": true, "unknown": false}
	results, unknown := []any{}, map[string]string{}
	for _, p := range parts {
		one, _ := p.known.Value.(map[string]any)
		for _, field := range []string{"changed", "failed", "unknown"} {
			sum[field] = sum[field] == true || one[field] == true
		}
		sum["skipped"] = sum["skipped"] == true && one["skipped"] == true
		results = append(results, p.known.Value)
		for field, by := range p.known.Unknown {
			unknown["results"] = by
			if field == "changed" || field == "" {
				unknown["changed"] = by
			}
		}
	}
	sum["results"] = results
	return plan.Known{Value: sum, Unknown: unknown}
}

// reported is what a step tells that came to its end. A dry run knows what a
// step would tell only where nothing is to be done.
func (w *worker) reported(t *plan.Task, step steps.Step, c steps.Change, unknown string) plan.Known {
	value := map[string]any{"changed": !c.Empty(), "failed": false, "skipped": false, "unknown": unknown != "" && !w.live}
	k := plan.Known{Value: value}
	r, tells := step.(steps.Reporter)
	switch {
	case w.live || c.Empty():
		if tells {
			maps.Copy(value, r.Report())
		}
		return k
	case tells:
		for _, field := range r.Reports() {
			k = hidden(k, field, actor(t))
		}
	}
	if t.IgnoreErrors || w.nested > 0 { // something follows also when it fails
		k = hidden(k, "failed", actor(t))
	}
	if unknown != "" {
		k = hidden(k, "changed", actor(t))
	}
	return k
}

func hidden(k plan.Known, field, by string) plan.Known {
	k.Unknown = maps.Clone(k.Unknown)
	if k.Unknown == nil {
		k.Unknown = map[string]string{}
	}
	k.Unknown[field] = by
	return k
}

// broken is what is known of a step that failed.
func broken(step steps.Step) plan.Known {
	value := map[string]any{"changed": false, "failed": true, "skipped": false, "unknown": false}
	if r, ok := step.(steps.Reporter); ok {
		maps.Copy(value, r.Report())
	}
	return plan.Known{Value: value}
}

// obscure notes that nobody knows what a step would tell.
func (w *worker) obscure(t *plan.Task, by string) {
	k := plan.Known{Value: map[string]any{"unknown": true, "failed": false}, Unknown: map[string]string{"": by}}
	w.learn(t, k)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range t.Sets() {
		w.mine(t)[name] = k
	}
}

// set takes over the variables of a step that sets some.
func (w *worker) set(t *plan.Task, step steps.Step) {
	s, ok := step.(plan.Setter)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, v := range s.Sets() {
		w.mine(t)[name] = plan.Known{Value: v}
	}
}

// facts asks the host what it is, once.
func (w *worker) facts(ctx context.Context) (map[string]any, error) {
	c := steps.Command{Argv: []string{"sh", "-c", "# facts of the host\nuname -s; uname -m; uname -r; uname -n; cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release 2>/dev/null; true"}}
	out, err := w.overlay.base.Query(ctx, c)
	if err := steps.Succeed(c, out, err); err != nil {
		return nil, err
	}
	return parseFacts(string(out.Stdout)), nil
}

// parseFacts reads four lines of uname and the file os-release.
func parseFacts(text string) map[string]any {
	facts := map[string]any{}
	for _, name := range plan.Facts() {
		facts[name] = ""
	}
	lines := strings.Split(text, "\n")
	for i, name := range []string{"os", "arch", "kernel", "hostname"} {
		if i < len(lines) {
			facts[name] = strings.TrimSpace(lines[i])
		}
	}
	facts["os"] = strings.ToLower(facts["os"].(string))
	for _, line := range lines[min(4, len(lines)):] {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			facts["distribution"] = value
		case "VERSION_ID":
			facts["version"] = value
		case "ID_LIKE":
			facts["family"] = value
		}
	}
	if facts["family"] == "" {
		facts["family"] = facts["distribution"]
	}
	return facts
}
