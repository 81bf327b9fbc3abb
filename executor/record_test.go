package executor

import (
	"errors"
	"slices"
	"sync"
	"testing"
)

// upTo is a recorder that has room for some acts.
type upTo struct {
	room int

	mu   sync.Mutex
	acts []Act
	left map[int]bool // began, and did not end
}

func (u *upTo) Begins(a Act) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.acts) == u.room {
		return errors.New("the disk is full")
	}
	u.acts = append(u.acts, a)
	u.left[a.Number] = true
	return nil
}

func (u *upTo) Ended(a Act, _ Ending) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.left, a.Number)
}

// TestNoActHappensUnrecorded stops the record at each of its positions: what was
// announced has happened and nothing else has, and the next run ends as wanted.
func TestNoActHappensUnrecorded(t *testing.T) {
	for room := 0; ; room++ {
		w := newWorld(t, 2, chain, chainDeeds())
		for _, m := range w.hosts {
			m.PutFile("/etc/db.cnf", "old")
			runsService(m, "/etc/db.cnf")
		}
		u := &upTo{room: room, left: map[int]bool{}}
		w.x.Recorder = u
		r, err := w.apply()
		commits, runs := 0, 0
		for _, m := range w.hosts {
			commits, runs = commits+len(m.commits), runs+len(m.runs)
		}
		if commits+runs != len(u.acts) || len(u.left) != 0 {
			t.Errorf("room for %d: %d acts announced, %d commits and %d commands, %v did not end", room, len(u.acts), commits, runs, u.left)
		}
		full := len(r.Failures) > 0
		if full && !errors.Is(r.Failures[0], ErrUnrecorded) || full != (err != nil) {
			t.Errorf("room for %d: got %v, %v", room, r.Failures, err)
		}
		if full && room == 0 && r.Acted {
			t.Error("nothing happened, and something is told to have")
		}
		w.x.Recorder = nil
		_, err = w.apply()
		must(t, err)
		for name, m := range w.hosts {
			if m.Content("/etc/db.cnf")+m.Content("/etc/more.cnf")+m.Content("/etc/after") != "newnewx" {
				t.Errorf("room for %d: %s is not as wanted behind the next run", room, name)
			}
		}
		if !full {
			if len(u.acts) != 6 {
				t.Errorf("got %d acts, want 6", len(u.acts))
			}
			break
		}
	}
}

// Of a file, what was read of it is told, and what it will be.
func TestAnActSaysWhatItFindsAndLeaves(t *testing.T) {
	w := newWorld(t, 1, chain, chainDeeds())
	w.hosts["db1"].PutFile("/etc/db.cnf", "old")
	runsService(w.hosts["db1"], "/etc/db.cnf")
	u := &upTo{room: 100, left: map[int]bool{}}
	w.x.Recorder = u
	w.preview()
	if len(u.acts) != 0 {
		t.Errorf("a dry run announces %+v", u.acts)
	}
	_, err := w.apply()
	must(t, err)
	got := u.acts[0].Writes
	if len(got) != 2 || got[0].Step != "1.1" || got[1].Step != "1.2" || got[0].Before.SHA256 != hashOf([]byte("old")) || got[0].After.SHA256 != hashOf([]byte("new")) ||
		got[1].Before.Kind != "absent" || got[1].After.Owner == "" || got[1].After.Mode != 0o600 {
		t.Errorf("got %+v", got)
	}
	if !slices.ContainsFunc(u.acts, func(a Act) bool { return a.Run == "restart" && a.Step == "1.3" }) {
		t.Errorf("no act is the restart of step 1.3: %+v", u.acts)
	}
}
