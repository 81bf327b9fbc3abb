package floor

import (
	"bytes"
	"errors"
	"os"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"lockstep/bench/harden"
)

// SFTP uses an exec to look, SFTP to bring all files at the same time, and an
// exec to put them into place.
func SFTP(client *ssh.Client, job *harden.Job, dir string, apply bool) error {
	found, err := run(client, probe(dir))
	if err != nil || !apply {
		return err
	}
	w := missing(job, dir, found)
	if len(w.files) > 0 || w.settings != "" {
		if err := w.bring(client, dir); err != nil {
			return err
		}
	}
	if found, err = run(client, w.finish(dir)); err != nil {
		return err
	}
	return good(found)
}

func run(client *ssh.Client, script string) (string, error) {
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	defer func() { _ = session.Close() }()
	out, err := session.Output(script)
	return string(out), err
}

func (w wanted) bring(client *ssh.Client, dir string) error {
	s, err := sftp.NewClient(client, sftp.UseConcurrentWrites(true))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	var all errgroup.Group
	for _, f := range w.files {
		all.Go(func() error { return put(s, dir+"/certs/"+f.Name+".new", f.Data) })
	}
	if w.settings != "" {
		all.Go(func() error { return put(s, dir+"/my.cnf.new", []byte(w.settings)) })
	}
	return all.Wait()
}

func put(s *sftp.Client, path string, data []byte) error {
	f, err := s.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	_, err = f.ReadFrom(bytes.NewReader(data))
	return errors.Join(err, f.Close())
}
