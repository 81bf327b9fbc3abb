package inventory

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
)

// FuzzParse looks for panics, for errors without a place, and for inventories
// that contradict themselves.
func FuzzParse(f *testing.F) {
	cases, _ := filepath.Glob("testdata/*/*.txtar")
	for _, path := range cases {
		for _, file := range readArchive(f, path).files {
			f.Add(file.name, []byte(file.data))
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		inv, err := Parse(name, data)
		if err != nil {
			for _, problem := range multierror.Append(nil, err).Errors {
				if e, ok := problem.(*source.Error); !ok || e.Pos.File != name {
					t.Errorf("%#v has no place in the file", problem)
				}
			}
			return
		}
		inv.Graph(inv.groupOf[everyone], false)
		inv.List()
		for _, h := range inv.Hosts() {
			if found, ok := inv.Host(h.Name); !ok || found != h {
				t.Errorf("host %q is not found by its name", h.Name)
			}
			if len(h.groups) == 0 {
				t.Errorf("host %q is in no group", h.Name)
			}
			if len(inv.hosts) < 100 {
				_, _ = h.Connection()
			}
		}
		if len(inv.hosts) > 0 {
			if all, err := inv.Match("all"); err != nil || !slices.Equal(all, inv.hosts) && inv.groupOf["all"] != nil {
				t.Errorf("all is %d of %d hosts, %v", len(all), len(inv.hosts), err)
			}
		}
	})
}

// FuzzPattern looks for panics, for answers that are empty and no error, and
// for hosts out of the inventory's order.
func FuzzPattern(f *testing.F) {
	inv := parsed(f, cluster)
	for _, p := range []string{"all", "a:b", "pxc:&mariadb:!db1", "db[!1]*", "pxc[0]", "~x", "fd00::7,!lone", "[", "!", "\\"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		hosts, err := inv.Match(pattern)
		if (err == nil) != (len(hosts) > 0) {
			t.Fatalf("%d hosts and the error %v", len(hosts), err)
		}
		last := -1
		for _, h := range hosts {
			at := slices.Index(inv.hosts, h)
			if at <= last {
				t.Fatalf("%s is out of order", h.Name)
			}
			last = at
		}
	})
}
