package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"lockstep/steps"
)

// event is a line of --json as docs/events.md describes it.
type event struct {
	Event   string   `json:"event"`
	DryRun  bool     `json:"dry_run"`
	Host    string   `json:"host"`
	Stage   int      `json:"stage"`
	Step    string   `json:"step"`
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Status  string   `json:"status"`
	Edits   []edit   `json:"edits"`
	Unknown string   `json:"unknown"`
	Message string   `json:"message"`
	Error   string   `json:"error"`
	Hosts   []string `json:"hosts"`
	Code    int      `json:"code"`
	Reason  string   `json:"reason"`
	Counts  *struct {
		OK, Changes, Unknown, Verified, Failed int
	} `json:"counts"`
}

type edit struct {
	steps.Edit
	Diff string `json:"diff"`
}

func parseEvent(t *testing.T, line string) event {
	t.Helper()
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatalf("not a line of JSON: %q: %v", line, err)
	}
	return e
}

func parseEvents(t *testing.T, out string) []event {
	t.Helper()
	var all []event
	for line := range strings.Lines(out) {
		all = append(all, parseEvent(t, line))
	}
	return all
}

// of keeps the events that are wanted, in order.
func of(all []event, wanted func(event) bool) []event {
	return slices.DeleteFunc(slices.Clone(all), func(e event) bool { return !wanted(e) })
}

// place names a step on a host.
type place struct{ Host, Step string }

// editsByPlace are the edits of steps with this status.
func editsByPlace(all []event, status string) map[place][]edit {
	found := map[place][]edit{}
	for _, e := range all {
		if e.Event == "step" && e.Status == status {
			found[place{e.Host, e.Step}] = e.Edits
		}
	}
	return found
}

// disruptions are the acts that interrupt a service, in order.
func disruptions(all []event, status string) []string {
	var acts []string
	for _, e := range all {
		for _, x := range e.Edits {
			if e.Event == "step" && e.Status == status && x.Disrupts != nil {
				acts = append(acts, e.Host+": "+x.Subject+": "+x.Summary)
			}
		}
	}
	return acts
}
