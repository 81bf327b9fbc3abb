// Package floor does the job in plain Go, with the little that it needs: no
// plan, no checks, no journal, no privileges, no errors worth reading. It is
// the least that the job can cost, and what the other tools are measured by.
package floor

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
	"golang.org/x/sync/errgroup"

	"lockstep/bench/harden"
	"lockstep/bench/wire"
)

// Fleet is the hosts of a run.
type Fleet struct {
	Job        *harden.Job
	Hosts      int
	Address    string
	Key, Known string
}

// Way is one way to do the job on a host.
type Way func(client *ssh.Client, job *harden.Job, dir string, apply bool) error

// Ways are the floors by name.
func Ways() map[string]Way { return map[string]Way{"go-shell": Shell, "go-sftp": SFTP} }

// Do does the job on all hosts at the same time; without apply it only looks.
func (f Fleet) Do(ctx context.Context, way Way, apply bool) error {
	pem, err := os.ReadFile(f.Key)
	if err != nil {
		return err
	}
	signer, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return err
	}
	known, err := knownhosts.New(f.Known)
	if err != nil {
		return err
	}
	config := &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: known, HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	}
	all, ctx := errgroup.WithContext(ctx)
	for i := range f.Hosts {
		all.Go(func() error {
			client, err := Login(ctx, f.Address, config)
			if err != nil {
				return err
			}
			defer func() { _ = client.Close() }()
			return way(client, f.Job, f.Job.Dir(i), apply)
		})
	}
	return all.Wait()
}

// Login connects to one host.
func Login(ctx context.Context, address string, config *ssh.ClientConfig) (*ssh.Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c, channels, requests, err := ssh.NewClientConn(wire.QuickAck(conn), address, config)
	if err != nil {
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// mark ends what the host answers.
const mark = "=== that is all"

// probe tells what is there: sums of the files, owners and modes, my.cnf.
func probe(dir string) string {
	return fmt.Sprintf("cd %s/certs && sha256sum *.pem; stat -c '%%n %%U %%G %%a' . *.pem; cat ../my.cnf; ls ../restarts; echo %s\n", dir, mark)
}

// wanted is what remains to be done after a probe.
type wanted struct {
	files    []harden.File
	settings string // the new my.cnf, or empty
	attrs    bool
	restart  bool
}

func missing(job *harden.Job, dir, found string) (w wanted) {
	for _, f := range job.Files {
		if !strings.Contains(found, f.Sum()+"  "+f.Name) {
			w.files = append(w.files, f)
		}
		owned := fmt.Sprintf("%s root %s %o\n", f.Name, harden.Group, f.Mode)
		w.attrs = w.attrs || !strings.Contains(found, owned)
	}
	w.attrs = w.attrs || !strings.Contains(found, ". root "+harden.Group+" 750\n")
	start := strings.Index(found, "# settings of the database")
	old, _, _ := strings.Cut(found[max(start, 0):], "../restarts")
	old, _, _ = strings.Cut(old, mark)
	if text := harden.Edit(old, dir); text != old {
		w.settings = text
	}
	w.restart = len(w.files) > 0 || w.settings != "" || !strings.Contains(found, "../restarts\n")
	return w
}

// finish gives all files their place and restarts. What was brought lies beside
// its target.
func (w wanted) finish(dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "cd %s/certs\n", dir)
	if w.attrs || len(w.files) > 0 {
		fmt.Fprintf(&b, "chown root:%s .; chmod 0750 .\n", harden.Group)
	}
	for _, f := range w.files {
		fmt.Fprintf(&b, "chown root:%[1]s %[2]s.new; chmod %[3]o %[2]s.new; mv %[2]s.new %[2]s\n", harden.Group, f.Name, f.Mode)
	}
	if w.settings != "" {
		b.WriteString("mv ../my.cnf.new ../my.cnf\n")
	}
	if w.restart {
		b.WriteString("echo restart >>../restarts\n")
	}
	fmt.Fprintf(&b, "grep -q '^ssl-cert = %s/certs/server-cert.pem' ../my.cnf && echo good; echo %s\n", dir, mark)
	return b.String()
}

func good(answer string) error {
	if !strings.Contains(answer, "good\n") {
		return fmt.Errorf("the settings are not there: %s", answer)
	}
	return nil
}
