package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"

	"lockstep/internal/sshserver"
)

var update = flag.Bool("update", false, "write what the program says into the scripts")

// TestScripts runs the command lines of testdata. Besides the usual commands
// a script has `hosts N`, see serveHosts.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"hosts": serveHosts},
		UpdateScripts: *update,
	})
}

// serveHosts makes hosts web1, web2, ... out of this process and describes
// them in inventory.yml. They share this machine's files; each has the
// variable root, a folder of its own.
func serveHosts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hosts N")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	key, file := newClientKey(ts)
	var hosts, known strings.Builder
	for i := range n {
		s, err := sshserver.Start(context.Background(), sshserver.Options{Keys: []ssh.PublicKey{key}})
		ts.Check(err)
		ts.Defer(func() { _ = s.Close() })
		root := ts.MkAbs(fmt.Sprintf("web%d", i+1))
		ts.Check(os.Mkdir(root, 0o755))
		fmt.Fprintf(&hosts, "    web%d: {ansible_host: 127.0.0.1, ansible_port: %d, root: %s}\n", i+1, s.Addr().Port, root)
		fmt.Fprintln(&known, s.KnownHostsLine())
	}
	knownHosts := ts.MkAbs("known_hosts")
	ts.Check(os.WriteFile(knownHosts, []byte(known.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("inventory.yml"), fmt.Appendf(nil, `web:
  hosts:
%s  vars:
    ansible_user: operator
    ansible_ssh_private_key_file: %s
    ansible_ssh_common_args: "-o UserKnownHostsFile=%s"
`, hosts.String(), file, knownHosts), 0o600))
}

func newClientKey(ts *testscript.TestScript) (ssh.PublicKey, string) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ts.Check(err)
	block, err := ssh.MarshalPrivateKey(private, "")
	ts.Check(err)
	file := filepath.Join(ts.MkAbs("."), "id_ed25519")
	ts.Check(os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	key, err := ssh.NewPublicKey(public)
	ts.Check(err)
	return key, file
}
