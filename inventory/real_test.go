package inventory

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
)

// difference is a value that is another here than in Ansible, by design.
type difference struct {
	ours, reason string // ours as JSON
}

// byDesign lists every difference between the inventories of testdata/real as
// read here and as ansible-inventory reads them, by case, host and variable, or
// by case, @group and what the group has.
// Groups and hosts may stand in another order, since here they keep that of the
// files. In all else both must agree.
func byDesign() map[string]difference {
	const yaml12 = "YAML 1.2: only true and false are truth values, so that a country code no is a text"
	const asWritten = "it stays as it was written, since it is a mode or a time more often than a number"
	const closer = "closer to the host wins, whatever file it stands in; a warning tells"
	return map[string]difference{
		"yaml-types db1 yes_word": {`"yes"`, yaml12},
		"yaml-types db1 off_word": {`"Off"`, yaml12},
		"yaml-types db1 mode":     {`"0644"`, asWritten},
		"yaml-types db1 minutes":  {`"1:30"`, asWritten},
		"yaml-types db1 exp":      {`1000`, "YAML 1.2: a number needs no dot before its exponent"},
		"closer-wins db1 port":    {`3306`, closer},
		"closer-wins db1 size":    {`3`, closer},
		"closer-wins db1 plan":    {`"beside inventory"`, closer},
		"quirks db3 ansible_port": {`2222`, "Ansible forgets the port of a host that was named before; dropping it could reach another machine"},
		"quirks @hollow hosts":    {`null`, "an empty group of a program is empty; Ansible makes a host of its name"},
		"vault db1 inline":        {`"hunter22"`, "Ansible shows the envelope; here it is opened, and masked where it is shown"},
	}
}

// TestRealInventoriesAreReadAsAnsibleDoes runs both over testdata/real.
func TestRealInventoriesAreReadAsAnsibleDoes(t *testing.T) {
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		skipUnlessCI(t, "ansible-inventory is not installed")
	}
	cases, err := filepath.Glob("testdata/real/*.txtar")
	if err != nil || len(cases) < 16 {
		t.Fatalf("found %d cases, error %v", len(cases), err)
	}
	met := map[string]bool{}
	for _, path := range cases {
		path, _ := filepath.Abs(path)
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			archive := readArchive(t, path)
			t.Chdir(t.TempDir())
			args := unpack(t, archive)
			theirs := ansibleList(t, program, args)
			ours := ourList(t, args)
			for _, d := range explain(name, ours, theirs) {
				met[d] = true
			}
			if diff := cmp.Diff(theirs, ours); diff != "" {
				t.Errorf("-Ansible +here:\n%s", diff)
			}
		})
	}
	for d := range byDesign() {
		if !met[d] {
			t.Errorf("%s is listed as a difference, but there is none", d)
		}
	}
}

// explain takes the listed differences out of both lists, if they are there.
func explain(name string, ours, theirs map[string]any) (met []string) {
	for key, d := range byDesign() {
		fields := strings.Fields(key)
		if fields[0] != name {
			continue
		}
		mine, its := hostvars(ours)[fields[1]], hostvars(theirs)[fields[1]]
		if group, ok := strings.CutPrefix(fields[1], "@"); ok {
			mine, its = groupIn(ours, group), groupIn(theirs, group)
		}
		got, _ := json.Marshal(mine[fields[2]])
		if string(got) == d.ours && !cmp.Equal(mine[fields[2]], its[fields[2]]) {
			met = append(met, key)
			delete(mine, fields[2])
			delete(its, fields[2])
		}
	}
	return met
}

// groupIn is a group of a list; Ansible and we leave out those without anything.
func groupIn(list map[string]any, name string) map[string]any {
	group, ok := list[name].(map[string]any)
	if !ok {
		group = map[string]any{}
		list[name] = group
	}
	return group
}

func hostvars(list map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	meta, _ := list["_meta"].(map[string]any)
	all, _ := meta["hostvars"].(map[string]any)
	for host, vars := range all {
		out[host], _ = vars.(map[string]any)
	}
	return out
}

// ourList is what List gives, without masks.
func ourList(t *testing.T, args []string) map[string]any {
	t.Helper()
	inv, err := load(args...)
	if err != nil {
		t.Fatalf("%d problems: %v", len(multierror.Append(nil, err).Errors), err)
	}
	plain := func(_ string, v source.Value) any { return v.Plain() }
	list, _ := throughJSON(t, inv.list(false, plain)).(map[string]any)
	return ordered(list)
}

// ordered sorts hosts and children.
func ordered(list map[string]any) map[string]any {
	for _, group := range list {
		group, _ := group.(map[string]any)
		for _, key := range []string{"hosts", "children"} {
			if names, ok := group[key].([]any); ok {
				slices.SortFunc(names, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			}
		}
	}
	return list
}

func ansibleList(t *testing.T, program string, args []string) map[string]any {
	t.Helper()
	argv := []string{"--list"}
	for _, arg := range args {
		if folder, ok := strings.CutPrefix(arg, "plan="); ok {
			argv = append(argv, "--playbook-dir", folder)
		} else if id, ok := strings.CutPrefix(arg, "vault="); ok {
			argv = append(argv, "--vault-id", id)
		} else {
			argv = append(argv, "-i", arg)
		}
	}
	var complaint strings.Builder
	cmd := exec.Command(program, argv...)
	home := t.TempDir()
	config := filepath.Join(home, "ansible.cfg")
	if err := os.WriteFile(config, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	mine := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ANSIBLE_") })
	cmd.Env = append(mine, "HOME="+home, "ANSIBLE_CONFIG="+config, "LC_ALL=C.UTF-8", "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=true")
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ansible-inventory: %v\n%s", err, complaint.String())
	}
	var list map[string]any
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	return ordered(list)
}

// TestPatternsChooseAsAnsibleDoes asks ansible itself, about hosts whose order in
// their group is not that of the inventory.
func TestPatternsChooseAsAnsibleDoes(t *testing.T) {
	program, err := exec.LookPath("ansible")
	if err != nil {
		skipUnlessCI(t, "ansible is not installed")
	}
	t.Chdir(t.TempDir())
	hosts := "[web]\nb1\na1\n[pxc]\ndb3\ndb1\nb1\ndb2\n[galera:children]\npxc\nweb\n"
	if err := os.WriteFile("hosts", []byte(hosts), 0o644); err != nil {
		t.Fatal(err)
	}
	inv, err := load("hosts")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"pxc[0]", "pxc[1:2]", "galera[4]", "db*[-1]", "web,pxc,!db*", "galera:&web:!a1", "~(db|a)[12]"} {
		out, err := exec.Command(program, "-i", "hosts", pattern, "--list-hosts").Output()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Fields(string(out))[2:] // after "hosts (N):"
		found, err := inv.Match(pattern)
		got := namesOf(found, func(h *Host) string { return h.Name })
		slices.Sort(want)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; Ansible chooses %q", pattern, got, err, want)
		}
	}
}
