package inventory

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
)

const cluster = `
all:
  hosts: {lone: , "fd00::7": }
  children:
    galera:
      children:
        pxc: {hosts: {db1: , db2: , db3: }}
        mariadb: {hosts: {ma1: , db3: }}
    arbiter: {hosts: {arb.example.com: }}
    hollow:
`

func parsed(t testing.TB, text string) *Inventory {
	t.Helper()
	inv, err := Parse("inv.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func TestMatchChoosesInInventoryOrder(t *testing.T) {
	inv := parsed(t, cluster)
	const everything = "lone fd00::7 db1 db2 db3 ma1 arb.example.com"
	for pattern, want := range map[string]string{
		"all":                 everything,
		"*":                   everything,
		"ungrouped":           "lone fd00::7",
		"pxc":                 "db1 db2 db3",
		"galera":              "db1 db2 db3 ma1",
		"mariadb:pxc":         "db1 db2 db3 ma1",
		"ma1,db1":             "db1 ma1",
		" db2 , db1, ":        "db1 db2",
		"pxc:!db2":            "db1 db3",
		"!db2:pxc":            "db1 db3",
		"pxc:&mariadb":        "db3",
		"pxc,&mariadb":        "db3",
		"all:!galera:!lone":   "fd00::7 arb.example.com",
		"!galera":             "lone fd00::7 arb.example.com",
		"&pxc":                "db1 db2 db3",
		"db*":                 "db1 db2 db3",
		"db[12]*":             "db1 db2",
		"db[!1]*":             "db2 db3",
		"*.example.com":       "arb.example.com",
		"m*":                  "db3 ma1",
		"?one":                "lone",
		"fd00::7":             "fd00::7",
		"pxc[0]":              "db1",
		"pxc[-1]":             "db3",
		"pxc[1:]":             "db2 db3",
		"pxc[1:9]":            "db2 db3",
		"pxc[0:1]:!db1":       "db2",
		"mariadb[0]":          "ma1",
		"galera[2:3]":         "db3 ma1",
		"db*[1]":              "db2",
		"all[0],&lone":        "lone",
		"lone[0]":             "lone",
		"~db[12]":             "db1 db2",
		"~(?:db|ma)1$":        "db1 ma1",
		"~db\\d{1,2}:!db1":    "db2 db3",
		"~.*\\.example":       "arb.example.com",
		"!~db":                "lone fd00::7 ma1 arb.example.com",
		"all:!~(db|ma)[1-9]":  "lone fd00::7 arb.example.com",
		"all:!hollow":         everything,
		"db1,!fd00::7":        "db1",
		"pxc:mariadb,lone":    "lone db1 db2 db3 ma1",
		"galera:&pxc:!db1":    "db2 db3",
		"galera:!pxc:&ma*:db": "error",
	} {
		hosts, err := inv.Match(pattern)
		got := strings.Join(namesOf(hosts, func(h *Host) string { return h.Name }), " ")
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("Match(%q) = %q, %v; want %q", pattern, got, err, want)
		}
	}
}

func TestMatchRefusesWhatMatchesNothing(t *testing.T) {
	inv := parsed(t, cluster)
	for pattern, want := range map[string][]string{
		"":                          {`it is empty`},
		" , ":                       {`it is empty`},
		"pcx":                       {`no host or group matches "pcx"`, `did you mean "pxc"?`},
		"pxc:!db9":                  {`no host or group matches "db9"`, `did you mean "db1"?`},
		"xx*:!yyyyyyy":              {`no host or group matches "xx*"`, `no host or group matches "yyyyyyy"`, "--graph"},
		"db1:!db1":                  {`it leaves no host`},
		"hollow":                    {`"hollow" has no hosts`},
		"db1:&hollow":               {`"hollow" has no hosts`},
		"~x.*|db$":                  {`no host or group matches ~x.*|db$`, "from the beginning"},
		"~(?!db).*":                 {`~(?!db).* uses a negative lookahead (?!...), which is not understood`},
		"~(?<=d)b":                  {`a lookbehind (?<=...)`},
		`~(d)b\\1`:                  {`no host or group`},
		`~(d)b\1`:                   {`a backreference \1`},
		`~db\Z`:                     {`\Z (write $)`},
		"~(?>d)b":                   {`an atomic group`},
		"~db(":                      {`~db( is not a regular expression: missing closing )`},
		"@failed":                   {`a file of names (@failed) is not read here`, "--limit"},
		"pxc[3]":                    {`pxc has 3 hosts, so nothing is at [3]`, "the last [-1]"},
		"pxc[-4]":                   {`pxc has 3 hosts, so nothing is at [-4]`},
		"pxc[2:1]":                  {`nothing is at [2:1]`},
		"pxc[99999999999999999999]": {`nothing is at`},
		"pxc[0-1]":                  {`the places in pxc[0-1] are not understood`, "pxc[1:3]"},
		"pxc[:1]":                   {`the places in pxc[:1] are not understood`},
		"pcx[0]":                    {`no host or group matches "pcx"`, `did you mean "pxc"?`},
		"hollow[0]":                 {`hollow has 0 hosts`},
		"db[1":                      {`"db[1" is not a glob`},
		"pxc:!":                     {`"!" is not followed by a name`},
		"localhost":                 {`no host or group matches "localhost"`},
	} {
		_, err := inv.Match(pattern)
		if err == nil {
			t.Errorf("Match(%q) has no error", pattern)
			continue
		}
		for _, text := range want {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("Match(%q) says\n%v\nwithout %q", pattern, err, text)
			}
		}
		for _, problem := range multierror.Append(nil, err).Errors {
			var p *PatternError
			if !errors.As(problem, &p) || p.Pattern != pattern {
				t.Errorf("Match(%q) gives %#v, not a *PatternError", pattern, problem)
			}
		}
	}
	hollow := parsed(t, "all:")
	if _, err := hollow.Match("all"); err == nil || !strings.Contains(err.Error(), "the inventory has no hosts") {
		t.Errorf("matching in an empty inventory says %v", err)
	}
}
