package view_test

import (
	"encoding/json"
	"strings"
	"testing"

	"lockstep/cmd/lockstep/view"
	"lockstep/executor"
	"lockstep/internal/secret"
)

// A secret may be a word of JSON itself, or of our own.
func TestSecretsCannotBreakALine(t *testing.T) {
	var out strings.Builder
	r := &secret.Redactor{}
	for _, s := range []string{"true", "null", `":"`, "step", "event"} {
		r.Add(s)
	}
	v := view.JSON(&out, r)
	v.Event(executor.Event{Type: executor.EventStart, DryRun: true, Name: "true or false"})
	v.Event(executor.Event{Type: executor.EventStep, Host: "db1", Message: `is "null"`})
	v.Exit(0, "true")
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, want := range []string{`"event":"start","dry_run":true,"name":"<secret> or false"`, `"event":"step"`, `"message":"is \"<secret>\""`, `"reason":"<secret>"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}
