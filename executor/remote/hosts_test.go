package remote

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"lockstep/executor"
	"lockstep/internal/secret"
	"lockstep/steps"
)

func encoded(key ssh.PublicKey) string { return base64.StdEncoding.EncodeToString(key.Marshal()) }

// labHost is a host of the rehearsal lab, which has real users and a real sudo.
func labHost(t *testing.T, user string) Target {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: the rehearsal lab is left out")
	}
	lab := os.Getenv("LOCKSTEP_LAB_DIR")
	switch {
	case lab == "" && os.Getenv("CI") == "true":
		t.Fatal("LOCKSTEP_LAB_DIR does not name a running lab, and CI leaves none out")
	case lab == "":
		t.Skip("LOCKSTEP_LAB_DIR does not name a running lab")
	}
	known := filepath.Join(lab, "known_hosts")
	text, err := os.ReadFile(known)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.Fields(string(text))[0], ",")
	return Target{
		Name: names[0], Address: names[len(names)-1], User: user, Timeout: 15 * time.Second,
		Keys: []string{filepath.Join(lab, "id_ed25519")}, KnownHosts: []string{known}, Secrets: &secret.Redactor{},
	}
}

func labPassword(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(os.Getenv("LOCKSTEP_LAB_DIR"), "dba.password"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func TestLabBecomesRoot(t *testing.T) {
	for _, row := range []struct {
		user     string
		become   bool
		password bool
	}{{"root", false, false}, {"root", true, false}, {"deploy", true, false}, {"dba", true, true}} {
		t.Run(row.user, func(t *testing.T) {
			target := labHost(t, row.user)
			target.Become.Enabled = row.become
			if row.password {
				target.Become.Password = labPassword(t)
			}
			asRoot(t, dial(t, target))
		})
	}
}

// asRoot uses the connection in each way that starts a process of its own.
func asRoot(t *testing.T, c *Conn) {
	out, err := c.Query(t.Context(), steps.Command{Argv: []string{"sh", "-c", "id -u; echo $HOME; cat"}, Stdin: everyByte()})
	if err != nil || string(out.Stdout) != "0\n/root\n"+string(everyByte()) {
		t.Errorf("got %q %q, %v", out.Stdout, out.Stderr, err)
	}
	dir := "/root/lockstep-remote-test-" + nonce()
	owned := steps.Attrs{Owner: "mysql", Group: "mysql", Mode: mode(0o640)}
	for _, inline := range []int{1 << 20, 0} {
		c.inline = inline
		batch := []executor.Write{
			{Op: executor.PutDir, Path: dir, Attrs: steps.Attrs{Owner: "mysql", Mode: mode(0o750)}},
			{Op: executor.PutFile, Path: dir + "/key", Data: everyByte(), Attrs: owned},
		}
		for i := range batch {
			batch[i].Was = was(t, c, batch[i].Path)
		}
		if err := c.Commit(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if st := was(t, c, dir+"/key"); st.Owner != "mysql" || st.Group != "mysql" || st.Mode != 0o640 {
			t.Errorf("got %+v", st)
		}
		if data, err := c.ReadFile(t.Context(), dir+"/key"); err != nil || !bytes.Equal(data, everyByte()) {
			t.Errorf("got %q, %v", data, err)
		}
	}
	if out, err := c.Run(t.Context(), steps.Command{Argv: []string{"rm", "-r", dir}}); err != nil || out.Code != 0 {
		t.Errorf("got %s, %v", out.Stderr, err)
	}
}

func TestLabRefusesToBecomeRoot(t *testing.T) {
	for _, row := range []struct{ user, password, want string }{
		{"nosudo", "", "sudoers: nosudo ALL=(root) NOPASSWD: ALL"},
		{"dba", "", "-K"},
		{"dba", "wrong password", "tried once"},
	} {
		t.Run(row.user+" "+row.password, func(t *testing.T) {
			target := labHost(t, row.user)
			target.Become = Become{Enabled: true, Password: row.password}
			refusal(t, target, steps.ErrRefused, row.want)
		})
	}
}

func TestLabPasswordIsInNoArgumentList(t *testing.T) {
	target := labHost(t, "dba")
	target.Become = Become{Enabled: true, Password: labPassword(t)}
	c := dial(t, target)
	secretive := steps.Command{Argv: []string{"sh", "-c", "cat >/dev/null; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null"}, Stdin: []byte("sesame-in-stdin")}
	for _, run := range []func() (steps.Output, error){
		func() (steps.Output, error) { return c.Query(t.Context(), secretive) },
		func() (steps.Output, error) { return c.Run(t.Context(), secretive) },
	} {
		out, err := run()
		if err != nil || len(out.Stdout) == 0 {
			t.Fatal(errors.Join(err, errors.New(string(out.Stderr))))
		}
		for _, word := range []string{target.Become.Password, "sesame-in-stdin"} {
			if bytes.Contains(out.Stdout, []byte(word)) {
				t.Errorf("%q is in an argument list", word)
			}
		}
	}
}
