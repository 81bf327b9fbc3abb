package waitfor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lockstep/steps"
	"lockstep/steps/stepstest"
)

func TestConformance(t *testing.T) {
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "a path", YAML: `{path: /run/db.sock}`, Holds: true,
			Build: func(w *stepstest.World) { w.Self.PutFile("/run/db.sock", "") }},
	)
}

func TestWait(t *testing.T) {
	for _, row := range []struct {
		yaml, want string
		code       int
	}{
		{`{path: /run/none}`, "/run/none does not exist", 0},
		{`{path: /run/db.sock}`, "", 0},
		{`{command: [ready, now]}`, "", 0},
		{`{command: [ready, now]}`, "ready now ended with code 1", 1},
	} {
		t.Run(row.yaml, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			w.Self.PutFile("/run/db.sock", "")
			v := w.View()
			v.Self = answering{w.Self, row.code}
			s := stepstest.Decode(t, Kind(), row.yaml).(*step)
			err := s.Wait(t.Context(), v)
			var notYet *steps.NotYet
			if got := errors.As(err, &notYet); got != (row.want != "") || got && notYet.What != row.want {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
	s := stepstest.Decode(t, Kind(), `{command: [nope]}`).(*step)
	var notYet *steps.NotYet
	if err := s.Wait(t.Context(), steps.View{Self: answering{nil, 127}}); err == nil || errors.As(err, &notYet) {
		t.Errorf("a command that is not there: got %v, want no patience", err)
	}
	if limit, every := s.Patience(); limit != 5*time.Minute || every != time.Second {
		t.Errorf("patience is %s every %s", limit, every)
	}
}

// answering is a host whose commands end with one code.
type answering struct {
	steps.Reader
	code int
}

func (a answering) Query(context.Context, steps.Command) (steps.Output, error) {
	return steps.Output{Code: a.code}, nil
}

func TestRefuses(t *testing.T) {
	for yaml, want := range map[string]string{
		`{}`:                    "exactly one thing",
		`{port: 1, path: /a}`:   "exactly one thing",
		`{port: 70000}`:         "ports go from 1 to 65535",
		`{path: /a, every: 0s}`: "longer than nothing",
	} {
		if _, err := stepstest.TryDecode(Kind(), yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", yaml, err, want)
		}
	}
}
