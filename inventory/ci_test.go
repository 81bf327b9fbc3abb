package inventory

import (
	"os"
	"testing"
)

// skipUnlessCI skips a test that lacks something; where CI runs, that is a failure.
func skipUnlessCI(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason + ", and CI is true")
	}
	t.Skip(reason)
}
