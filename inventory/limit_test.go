package inventory

import (
	"os"
	"strings"
	"testing"
)

func TestLimitReadsFiles(t *testing.T) {
	inv := parsed(t, cluster)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"failed": "db1\r\n\n  db3 \n!ma1\n", "broken": "db1\ndb9\npxc[7]\n", "empty": "\n \n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[string]string{"": "", "pxc:!db1": "pxc:!db1", "@failed": "db1,db3,!ma1", "ma1,@failed:lone": "ma1,db1,db3,!ma1,lone"} {
		if got, err := inv.ReadLimit(limit); err != nil || got != want {
			t.Errorf("%q becomes %q, %v; want %q", limit, got, err, want)
		}
	}
	for limit, want := range map[string][]string{
		"@broken":          {"broken:2:1: no host or group matches \"db9\"", "broken:3:1: pxc has 3 hosts"},
		"@empty":           {"empty: the file names no host"},
		"@nowhere,@broken": {"nowhere: the file of hosts cannot be read: no such file", "broken:2:1"},
	} {
		_, err := inv.ReadLimit(limit)
		for _, text := range want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s says %v, want %q", limit, err, text)
			}
		}
	}
}
