package main

import (
	"slices"
	"strings"
	"testing"
)

// TestNoPasswordLeavesTheProcess is TestNoSecretLeavesTheProcess with a real
// sudo and a real su, which are given their password.
func TestNoPasswordLeavesTheProcess(t *testing.T) {
	l := healthy(t)
	const root = "Pl4ntedOfRoot7"
	onAll(t, l, "sh", "-c", "echo 'root:"+root+"' | chpasswd")
	afterwards(t, l, "usermod", "-p", "*", "root")
	for method, password := range map[string]string{"sudo": passwordOf(t, l), "su": root} {
		t.Run(method, func(t *testing.T) {
			onAll(t, l, "rm", "-f", rootsFile)
			afterwards(t, l, "rm", "-f", rootsFile)
			inv := inventoryWith(t, l, map[string]string{"ansible_user: root": "ansible_user: dba"}, "ansible_become_method: "+method)
			s := &sampler{marks: marks{password}}
			stop := s.watch()
			for _, args := range [][]string{{"plan"}, {"apply", "-y", "--json"}, {"apply", "-y"}} {
				o := exits(t, exitDone, lockstep(t, password+"\n", slices.Concat(args, []string{"-K", "-vvvv", "-i", inv, small(t)})...))
				s.leak("stdout of "+strings.Join(args, " "), o.stdout)
				s.leak("stderr of "+strings.Join(args, " "), o.stderr)
			}
			stop()
			s.report(t)
			wantRootsFile(t, l)
		})
	}
}
