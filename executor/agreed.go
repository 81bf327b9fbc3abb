package executor

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/plan"
	"lockstep/steps"
)

// ErrUnapproved is returned, wrapped, for a change that nobody has agreed to.
var ErrUnapproved = fmt.Errorf("not what was approved: %w", steps.ErrRefused)

// approved returns an error if the change is not part of what was approved. What
// follows a failure on the host, which the plan takes up, no dry run shows: it is
// done, and told where it is no rescue.
func (w *worker) approved(t *plan.Task, step steps.Step, c steps.Change) error {
	if !w.live || w.agreed == nil || w.rescues > 0 {
		return nil
	}
	now := ApprovedStep{Host: w.shown, Step: t.ID, Name: t.Called(w.host), Edits: c.Edits}.masked(w.Redactor)
	if len(w.agreed.drifts(now)) == 0 {
		return nil
	}
	agreed := w.agreed.masked(w.Redactor) // as now, also of what the run has learned to be secret
	all := agreed.drifts(now)
	if len(all) == 0 || agreed.elsewhere(now, t.Once, settledByRank(step)) {
		return nil
	}
	if before := w.strayed(); before != "" {
		w.say(Event{Type: EventNote, Hosts: []string{w.shown}, Message: fmt.Sprintf("%s: %s: not shown before, because step %s failed", actor(t), all[0].Subject, before)})
		return nil
	}
	return &steps.Problem{
		What: "it would now do something else than was approved: " + all[0].Subject,
		Why:  fmt.Sprintf("planned: %s; now: %s; wanted: %s", all[0].Planned, all[0].Now, all[0].Wanted),
		Do:   "somebody or something has changed the host since: look at it, and run lockstep again to see and approve the change as it is now",
		Err:  ErrUnapproved,
	}
}

// settledByRank reports whether only the run settles which host does which part
// of a step: the most advanced node bootstraps.
func settledByRank(step steps.Step) bool {
	_, ranked := step.(steps.Ranker)
	return ranked
}

// elsewhere reports whether each edit was shown of another host, for a step that
// one host does for all, or whose parts hosts take by rank. A host that was to
// have no part in a ranked step gets none.
func (m approvals) elsewhere(now ApprovedStep, once, ranked bool) bool {
	own, _ := m.find(now.Host, now.Step)
	if !once && (!ranked || len(own.Edits) == 0) {
		return false
	}
	for _, e := range now.Edits {
		if ranked && e.Op != steps.Run || !m.anywhere(now.Step, e) {
			return false
		}
	}
	return true
}

// anywhere reports whether an edit of a step was shown of any host.
func (m approvals) anywhere(step string, e steps.Edit) bool {
	for at, s := range m {
		if at[1] == step && slices.ContainsFunc(s.Edits, func(o steps.Edit) bool { return sameEdit(o, e) }) {
			return true
		}
	}
	return false
}

// stray notes that a step failed and the plan goes on: what the host does from
// now on was not shown.
func (w *worker) stray(t *plan.Task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.strays[w.host] = cmp.Or(w.strays[w.host], label(t))
}

// strayed is the first step that failed on the host, or the one that is tried
// again; empty for none.
func (w *worker) strayed() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return cmp.Or(w.strays[w.host], w.retried)
}
