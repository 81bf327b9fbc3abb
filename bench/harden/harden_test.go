package harden

import (
	"os"
	"strings"
	"testing"
)

func TestEditChangesEachSectionsOwnLine(t *testing.T) {
	text := Edit(oldSettings("/d"), "/d")
	for _, want := range []string{
		"[mysqld]\n# what stands here is read when the server starts\nport = 3306\nssl-ca = /d/certs/ca.pem\nssl-cert = /d/certs/server-cert.pem\n",
		"[client]\n# what stands here is read when the server starts\nport = 3306\nssl-ca = /d/certs/ca.pem\nssl-cert = /d/certs/client-cert.pem\n",
		"tkey = /d/certs/server-key.pem\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "old") || Edit(text, "/d") != text {
		t.Errorf("the second edit is not the first:\n%s", text)
	}
}

func TestCheckSeesWhatIsMissing(t *testing.T) {
	j, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Reset(1); err != nil {
		t.Fatal(err)
	}
	if err := j.CheckUntouched(1); err != nil {
		t.Error(err)
	}
	if err := j.Check(1); err == nil {
		t.Error("a job that nobody did is taken for done")
	}
	if err := os.WriteFile(j.Dir(0)+"/restarts", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := j.CheckUntouched(1); err == nil {
		t.Error("a restart in a dry run is not seen")
	}
}
