package inventory

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestListMasksSecrets(t *testing.T) {
	inv := parsed(t, `
all:
  children:
    pxc:
      vars: {ansible_become_pass: hunter22, n: 1, root_password: "{{ vaulted }}"}
      hosts:
        db1: {users: [{name: app, password: hunter22}]}
        db2:
    hollow:
  hosts: {lone: }
`)
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(inv.List()); err != nil {
		t.Fatal(err)
	}
	want := `{"_meta":{"hostvars":{` +
		`"db1":{"ansible_become_pass":"<secret>","n":1,"root_password":"{{ vaulted }}","users":[{"name":"app","password":"<secret>"}]},` +
		`"db2":{"ansible_become_pass":"<secret>","n":1,"root_password":"{{ vaulted }}"}}},` +
		`"all":{"children":["ungrouped","pxc","hollow"]},"pxc":{"hosts":["db1","db2"]},"ungrouped":{"hosts":["lone"]}}` + "\n"
	if b.String() != want {
		t.Errorf("got  %s\nwant %s", b.String(), want)
	}
}

func TestGraphOfManyPathsEnds(t *testing.T) {
	var text strings.Builder
	for i := range 60 {
		level, next := strings.Repeat("a", i+1), strings.Repeat("a", i+2)
		text.WriteString("x" + level + ": {children: {x" + next + ": , y" + next + ": }}\n")
		text.WriteString("y" + level + ": {children: {x" + next + ": , y" + next + ": }}\n")
	}
	inv := parsed(t, text.String())
	if got := inv.Graph(inv.groupOf[everyone], false); len(got) < maxGraph || !strings.HasSuffix(got, "\n...\n") {
		t.Errorf("the graph has %d bytes", len(got))
	}
}

func TestFloatsAreShownAsFloats(t *testing.T) {
	inv := parsed(t, "all: {hosts: {db1: {version: 8.0, all: [1, 2.0]}}}")
	text, err := json.Marshal(inv.List()["_meta"])
	if want := `{"hostvars":{"db1":{"all":[1,2.0],"version":8.0}}}`; err != nil || string(text) != want {
		t.Errorf("%v, got %s, want %s", err, text, want)
	}
	if got := inv.Graph(inv.groupOf[everyone], true); !strings.Contains(got, "{version = 8.0}") {
		t.Errorf("got %s", got)
	}
}
