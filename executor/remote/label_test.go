package remote

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/executor"
	"lockstep/steps"
)

// TestACLOfTheOldFileStays: who was let in by name still is, and nobody is let
// in on the way.
func TestACLOfTheOldFileStays(t *testing.T) {
	for _, program := range []string{"getfacl", "setfacl"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, "the package acl is not installed here")
		}
	}
	eachWay(t, func(t *testing.T, c *Conn) {
		dir := t.TempDir()
		file := filepath.Join(dir, "key")
		if err := errors.Join(os.WriteFile(file, []byte("old"), 0o600), os.Chmod(file, 0o640)); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("setfacl", "-m", "u:daemon:r,u:bin:---,m::r", file).CombinedOutput(); err != nil {
			missing(t, "the file system of the temporary directory has no ACLs: "+string(out))
		}
		before := acl(t, file)
		for name, attrs := range map[string]steps.Attrs{"kept": {}, "set": {Mode: mode(0o640)}} {
			batch := []executor.Write{{Op: executor.PutFile, Path: file, Data: []byte("new " + name), Attrs: attrs, Was: was(t, c, file)}}
			if err := c.Commit(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			if got := readAll(t, file); got != "new "+name {
				t.Errorf("got %q", got)
			}
			if diff := cmp.Diff(before, acl(t, file)); diff != "" {
				t.Errorf("mode %s: %s", name, diff)
			}
		}
	})
}

func acl(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.Command("getfacl", "-cnp", file).Output()
	if err != nil || !strings.Contains(string(out), "user:1:r--") {
		t.Fatalf("%s, %v", out, err)
	}
	return string(out)
}

// TestSELinuxLabelIsSetBeforeTheMove runs the script of a commit beside programs
// that note what they are asked, on a host that seems to have SELinux.
func TestSELinuxLabelIsSetBeforeTheMove(t *testing.T) {
	dir, bin := t.TempDir(), t.TempDir()
	asked := filepath.Join(bin, "asked")
	for name, body := range map[string]string{
		"chcon": "", "restorecon": "", "matchpathcon": "echo the_label_of_$2",
	} {
		text := "#!/bin/sh\necho " + name + " \"$@\" >>" + asked + "\n" + body + "\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c := local(t)
	old, made, folder := filepath.Join(dir, "old"), filepath.Join(dir, "made"), filepath.Join(dir, "folder")
	put(t, old, "old")
	var plan []staged
	for i, w := range []executor.Write{
		{Op: executor.PutFile, Path: old, Data: []byte("new")},
		{Op: executor.PutFile, Path: made, Data: []byte("new")},
		{Op: executor.PutDir, Path: folder},
	} {
		w.Was = was(t, c, w.Path)
		s := staged{Write: w, real: w.Path}
		if w.Op == executor.PutFile {
			s.temp = filepath.Join(dir, "temp"+string(rune('0'+i)))
		}
		plan = append(plan, s)
	}
	script := "PATH=" + bin + ":$PATH\n" + inlineScript(plan) + strings.ReplaceAll(commitScript(plan), "/sys/fs/selinux/enforce", asked)
	put(t, asked, "")
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	want := "chcon --reference=" + old + " -- " + dir + "/temp0\n" +
		"matchpathcon -n " + made + "\nchcon -- the_label_of_" + made + " " + dir + "/temp1\n" +
		"restorecon -- " + folder + "\n"
	if diff := cmp.Diff(want, readAll(t, asked)); diff != "" {
		t.Error(diff)
	}
}
