package floor

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"

	"lockstep/bench/harden"
)

// Shell uses one channel: the probe starts the sh that then gets all that is to
// be done as one text.
func Shell(client *ssh.Client, job *harden.Job, dir string, apply bool) error {
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	in, err := session.StdinPipe()
	if err != nil {
		return err
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return err
	}
	if err := session.Start("exec sh -c \"" + probe(dir) + "exec sh\""); err != nil {
		return err
	}
	answers := bufio.NewReader(out)
	found, err := answer(answers)
	if err != nil || !apply {
		return err
	}
	w := missing(job, dir, found)
	var b strings.Builder
	for _, f := range w.files {
		fmt.Fprintf(&b, "umask 077; cat >%s/certs/%s.new <<'EOF'\n%sEOF\n", dir, f.Name, f.Data)
	}
	if w.settings != "" {
		fmt.Fprintf(&b, "umask 022; cat >%s/my.cnf.new <<'EOF'\n%sEOF\n", dir, w.settings)
	}
	if _, err := io.WriteString(in, b.String()+w.finish(dir)); err != nil {
		return err
	}
	if found, err = answer(answers); err != nil {
		return err
	}
	return good(found)
}

func answer(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if line == mark+"\n" || err != nil {
			return b.String(), err
		}
		b.WriteString(line)
	}
}
