package inventory

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
)

// FuzzYAML, FuzzINI and FuzzParse look for panics, for errors without a place,
// and for inventories that contradict themselves. FuzzParse finds out the format
// by itself.
func FuzzYAML(f *testing.F) { fuzzAs(f, "hosts.yml") }

// FuzzINI reads everything as INI.
func FuzzINI(f *testing.F) { fuzzAs(f, "hosts.ini") }

func fuzzAs(f *testing.F, name string) {
	eachCaseFile(f, func(_ string, data []byte) { f.Add(data) })
	f.Fuzz(func(t *testing.T, data []byte) { judgeParse(t, name, data) })
}

func FuzzParse(f *testing.F) {
	eachCaseFile(f, func(name string, data []byte) { f.Add(name, data) })
	f.Fuzz(func(t *testing.T, name string, data []byte) { judgeParse(t, name, data) })
}

func eachCaseFile(f *testing.F, add func(name string, data []byte)) {
	cases, _ := filepath.Glob("testdata/*/*.txtar")
	for _, path := range cases {
		for _, file := range readArchive(f, path).files {
			add(file.name, []byte(file.data))
		}
	}
}

func judgeParse(t *testing.T, name string, data []byte) {
	b := newBuilder(context.Background(), Options{})
	b.room = 1000 // what ranges unfold to is bounded anyway; here it would only take time
	inv, err := b.parseFile(name, data)
	if err != nil {
		for _, problem := range multierror.Append(nil, err).Errors {
			if e, ok := problem.(*source.Error); !ok || e.Pos.File != name {
				t.Errorf("%#v has no place in the file", problem)
			}
		}
		return
	}
	inv.Graph(inv.groupOf[everyone], true)
	inv.List()
	for _, h := range inv.Hosts() {
		if found, ok := inv.Host(h.Name); !ok || found != h {
			t.Errorf("host %q is not found by its name", h.Name)
		}
		if len(h.groups) == 0 {
			t.Errorf("host %q is in no group", h.Name)
		}
		if len(inv.hosts) < 100 {
			_, _ = h.Connection(h.Vars(), nil)
		}
	}
	if len(inv.hosts) > 0 {
		if all, err := inv.Match("all"); err != nil || !slices.Equal(all, inv.hosts) {
			t.Errorf("all is %d of %d hosts, %v", len(all), len(inv.hosts), err)
		}
	}
}

// FuzzLiteral looks for panics, and for literals that JSON cannot show.
func FuzzLiteral(f *testing.F) {
	for text := range literals() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, ok, err := literal(text)
		if s, isText := v.(string); err == nil && !ok && (!isText || s != text) {
			t.Errorf("literal(%q) is no literal and yet %#v", text, v)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Error(err)
		}
	})
}

// FuzzPattern looks for panics, for answers that are empty and no error, and
// for hosts out of the inventory's order.
func FuzzPattern(f *testing.F) {
	inv := parsed(f, cluster)
	for _, p := range []string{"all", "a:b", "pxc:&mariadb:!db1", "db[!1]*", "pxc[0]", "galera[-1]:mariadb[0:9]", "~x", "~(a|b){1,3}[:,]:c", "@f", "fd00::7,!lone", "[", "!", "\\"} {
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
