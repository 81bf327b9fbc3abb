package executor

import "testing"

// remarking is a machine that says the same after each commit.
type remarking struct{ *machine }

func (m remarking) Remarks() []string { return []string{"files take the slow way"} }

func TestRemarksOfAMachineAreToldOnceAndInOrder(t *testing.T) {
	w := newWorld(t, 2, `
  - {name: a, plain: {do: a}}
  - {name: b, plain: {do: act}}
  - {name: c, plain: {do: c}}
`, map[string]deed{"a": file("/etc/a", "x"), "act": always("act"), "c": file("/etc/c", "x")})
	for name, m := range w.hosts {
		w.x.Machines[name] = remarking{m}
	}
	if _, err := w.apply(); err != nil {
		t.Fatal(err)
	}
	w.wantLog(`stage 1: db1 db2
	files take the slow way: db1
	db1 1.1 changed
	db1 1.2 changed
	db1 1.3 changed
	files take the slow way: db2
	db2 1.1 changed
	db2 1.2 changed
	db2 1.3 changed`)
	for _, e := range w.events {
		if e.Type == EventNote && e.Host != "" {
			t.Errorf("a note names its hosts in Hosts alone: got %+v", e)
		}
	}
}
