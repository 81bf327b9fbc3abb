package remote

import (
	"strings"
	"testing"
	"time"

	"lockstep/steps"
)

func TestExamineARealHost(t *testing.T) {
	for _, row := range []struct {
		limit string
		want  int
	}{{"", SessionsWanted}, {"MaxSessions 3", 3}} {
		t.Run(row.limit, func(t *testing.T) {
			target := sshd(t, row.limit)
			h, err := network(t).Examine(t.Context(), target, []string{"/", "/etc"})
			if err != nil {
				t.Fatal(err)
			}
			if h.Login <= h.RoundTrip || h.RoundTrip <= 0 || h.Become != 0 || h.SFTPServer == "" || len(h.Rooms) == 0 {
				t.Errorf("got %+v", h)
			}
			if h.Sessions != row.want || h.Skew.Abs() > h.SkewError+time.Second {
				t.Errorf("got %d sessions, want %d; skew %s within %s", h.Sessions, row.want, h.Skew, h.SkewError)
			}
			low := strings.Contains(strings.Join(h.Advice(target), "\n"), "MaxSessions")
			if low != (row.want == 3) {
				t.Errorf("advice: %q", h.Advice(target))
			}
		})
	}
}

func TestExamineARefusal(t *testing.T) {
	target := sshd(t, "ForceCommand echo only backups here; exit 1")
	_, err := network(t).Examine(t.Context(), target, nil)
	if err == nil || !strings.Contains(err.Error(), "no sh comes up") {
		t.Errorf("got %v", err)
	}
	target.Port = freePort(t)
	if _, err = network(t).Examine(t.Context(), target, nil); !strings.Contains(err.Error(), "no connection") {
		t.Errorf("got %v, want %v", err, steps.ErrUnreachable)
	}
}

func TestAdviceNamesWhatIsWrong(t *testing.T) {
	fine := Health{Sessions: 10, SFTPServer: "/x", Rooms: []Room{{"/", 1 << 40}}}
	if got := fine.Advice(Target{}); len(got) > 0 {
		t.Errorf("got %q for a host that is fine", got)
	}
	for want, spoil := range map[string]func(*Health){
		"rc files":       func(h *Health) { h.Shell = 300 * time.Millisecond },
		"sudo takes":     func(h *Health) { h.Become = time.Second },
		"no sftp-server": func(h *Health) { h.SFTPServer = "" },
		"MaxSessions 10": func(h *Health) { h.Sessions = 1 },
		"5s behind ours": func(h *Health) { h.Skew = -5 * time.Second },
		"3s ahead":       func(h *Health) { h.Skew, h.SkewError = 3*time.Second, 500*time.Millisecond },
		"1 MiB are free": func(h *Health) { h.Rooms = []Room{{"/", 1 << 40}, {"/run", 1 << 20}} },
	} {
		h := fine
		spoil(&h)
		if got := h.Advice(Target{User: "dba"}); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSkewTakesTheMiddle(t *testing.T) {
	at := time.Unix(1000, 0)
	skew, within := skew(at, at.Add(100*time.Millisecond), at.Add(2*time.Second), 0)
	if skew != 1950*time.Millisecond || within != 50*time.Millisecond {
		t.Errorf("got %s within %s", skew, within)
	}
	for line, want := range map[string]time.Duration{"1000.250000000\n": 0, "1000.%N\n": time.Second, "1000\n": time.Second} {
		if at, exact, err := parseClock(line); err != nil || at.Unix() != 1000 || exact != want {
			t.Errorf("%q: got %s, exact to %s, %v", line, at, exact, err)
		}
	}
	if _, _, err := parseClock("date: no\n"); err == nil {
		t.Error("words are no time")
	}
}
