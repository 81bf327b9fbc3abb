package floor

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"lockstep/bench/harden"
	"lockstep/bench/wire"
)

// fleet is some hosts behind a real sshd.
func fleet(t *testing.T, hosts int) Fleet {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("a real sshd needs root")
		}
		t.Skip("a real sshd needs root")
	}
	dir := t.TempDir()
	s, err := wire.NewServer(dir, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	job, err := harden.New(filepath.Join(dir, "hosts"))
	if err != nil {
		t.Fatal(err)
	}
	known := filepath.Join(dir, "known_hosts")
	if err := s.WriteKnown(known, hosts, s.Port); err != nil {
		t.Fatal(err)
	}
	return Fleet{Job: job, Hosts: hosts, Address: fmt.Sprintf("127.0.0.1:%d", s.Port), Key: s.Key, Known: known}
}

func TestEachWayDoesTheWholeJobOnce(t *testing.T) {
	f := fleet(t, 3)
	for name, way := range Ways() {
		t.Run(name, func(t *testing.T) {
			if err := f.Job.Reset(f.Hosts); err != nil {
				t.Fatal(err)
			}
			if err := f.Do(t.Context(), way, false); err != nil {
				t.Fatal(err)
			}
			if err := f.Job.CheckUntouched(f.Hosts); err != nil {
				t.Error(err)
			}
			for range 2 {
				if err := f.Do(t.Context(), way, true); err != nil {
					t.Fatal(err)
				}
				if err := f.Job.Check(f.Hosts); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
