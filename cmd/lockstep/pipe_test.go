package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFinishesWhenNobodyListensAnyMore: a pager that was closed, or a tee that
// died, is no reason to leave a cluster half done.
func TestFinishesWhenNobodyListensAnyMore(t *testing.T) {
	dir := t.TempDir()
	end, err := servedHosts(dir, 2)
	t.Cleanup(end)
	must(t, err)
	begun, goOn := filepath.Join(dir, "web1/begun"), filepath.Join(dir, "web1/go")
	must(t, syscall.Mkfifo(begun, 0o600))
	must(t, syscall.Mkfifo(goOn, 0o600))
	plan := filepath.Join(dir, "wait.yml")
	must(t, os.WriteFile(plan, []byte(`hosts: web
steps:
  - name: one after another
    serial: 1
    steps:
      - command:
          script: |
            if [ -p {{ root }}/begun ]; then
              echo >{{ root }}/begun
              read -r line <{{ root }}/go
            fi
            echo done >{{ root }}/done
          creates: "{{ root }}/done"
`), 0o600))

	run := start(t, "apply", "-y", "--json", plan)
	run.until("the stage", func(e event) bool { return e.Event == "stage" })
	_, err = os.ReadFile(begun)
	must(t, err)
	must(t, run.out.Close())
	must(t, os.WriteFile(goOn, []byte("\n"), 0o600))
	if got := codeOf(t, run.cmd.Wait()); got != exitDone {
		t.Errorf("exit code: got %d, want %d\nstderr:\n%s", got, exitDone, run.stderr.String())
	}
	for _, host := range []string{"web1", "web2"} {
		if _, err := os.Stat(filepath.Join(dir, host, "done")); err != nil {
			t.Errorf("%s is not done: %v", host, err)
		}
	}
}
