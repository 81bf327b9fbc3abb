package remote

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/pkg/sftp"
	"golang.org/x/sync/errgroup"

	"lockstep/steps"
)

// errNoSFTP says that the host has no sftp-server that we could start.
var errNoSFTP = errors.New("no sftp-server")

// atOnce is how many files travel at the same time over one SFTP channel.
const atOnce = 16

// sftpServers is where systems keep OpenSSH's sftp-server.
func sftpServers() []string {
	return []string{
		"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server",
		"/usr/libexec/sftp-server", "/usr/lib/sftp-server", "/usr/lib/misc/sftp-server", "/usr/local/libexec/sftp-server",
	}
}

// startSFTP starts an sftp-server of our own as the wanted user, instead of
// using sshd's subsystem: that one runs as the login user and makes new files
// 0644, private keys included.
func startSFTP(ctx context.Context, l *link, servers []string) (*sftpSession, error) {
	p, err := start(ctx, l.client, l.target, "for s in "+strings.Join(servers, " ")+
		"; do [ -x $s ] && { echo server; exec $s -u 0077; }; done; echo none; exit 1")
	if err != nil {
		return nil, err
	}
	word, err := p.out.ReadString('\n')
	if err != nil || word != "server\n" {
		p.end()
		if l.check(); l.alive() {
			return nil, errNoSFTP
		}
		return nil, lost(ctx, l.target, cmp.Or(err, io.EOF))
	}
	patient, cancel := context.WithTimeout(ctx, l.target.Timeout)
	defer cancel()
	stop := context.AfterFunc(patient, func() { _ = p.session.Close() })
	client, err := sftp.NewClientPipe(p.out, p.in, sftp.UseConcurrentWrites(true))
	if !stop() {
		err = cmp.Or(ctx.Err(), fmt.Errorf("no answer within %s", l.target.Timeout))
	}
	if err != nil {
		p.end()
		return nil, fmt.Errorf("the host's sftp-server: %w", err)
	}
	return &sftpSession{client, p}, nil
}

// stageSFTP sends all payloads, many at once.
func (l *link) stageSFTP(ctx context.Context, plan []staged, servers []string) (int, error) {
	session, err := l.files.get(ctx, func(*sftpSession) bool { return true }, func() (*sftpSession, error) {
		return startSFTP(ctx, l, servers)
	})
	if err != nil {
		return 0, err
	}
	// A file cannot be closed while it is written to: only the end of the
	// whole session stops a transfer.
	stop := context.AfterFunc(ctx, func() { _ = session.process.session.Close() })
	defer stop()
	failed := make([]error, len(plan))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, s := range plan {
		if s.temp == "" || s.From != nil {
			continue
		}
		group.Go(func() error {
			failed[i] = session.put(s)
			return nil
		})
	}
	_ = group.Wait()
	for i, err := range failed {
		if err != nil {
			return i, l.transferError(ctx, session, plan[i], err)
		}
	}
	return 0, nil
}

// put makes a new file, which is 0600 by the server's umask before the first
// byte arrives.
func (s *sftpSession) put(w staged) error {
	f, err := s.OpenFile(w.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	if _, err := f.ReadFrom(bytes.NewReader(w.Data)); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// transferError adds what SFTP does not tell: its one word for a full disk is
// "failure". A session that broke is not used again.
func (l *link) transferError(ctx context.Context, session *sftpSession, s staged, err error) error {
	var status *sftp.StatusError
	if !errors.As(err, &status) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) || ctx.Err() != nil {
		l.files.take()
		_ = session.Close()
		session.process.end()
		return errors.Join(ctx.Err(), err)
	}
	return l.transferFailure(ctx, s, err)
}

// transferFailure adds how much room is left.
func (l *link) transferFailure(ctx context.Context, s staged, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	said, _ := l.once(ctx, "broken() { "+freeFunction+"; }; broken 0 "+shellescape.Quote(s.temp))
	return stageError(s, steps.Output{Stdout: []byte(said), Stderr: []byte(err.Error()), Code: 1})
}

// stageCat sends one payload after the other, each over a channel of its own
// on which nothing else travels.
func (l *link) stageCat(ctx context.Context, plan []staged) (int, error) {
	for i, s := range plan {
		if s.temp == "" || s.From != nil {
			continue
		}
		if err := l.cat(ctx, s); err != nil {
			return i, err
		}
	}
	return 0, nil
}

func (l *link) cat(ctx context.Context, s staged) error {
	return l.pour(ctx, s, "umask 077; set -C; cat >"+shellescape.Quote(s.temp), func(to io.Writer) error {
		_, err := to.Write(s.Data)
		return err
	})
}

// pour runs a script that puts its stdin into the temporary file.
func (l *link) pour(ctx context.Context, s staged, script string, fill func(io.Writer) error) error {
	p, err := start(ctx, l.client, l.target, "broken() { "+freeFunction+
		"; exit 1; }; { "+script+"; } || broken 0 "+shellescape.Quote(s.temp))
	if err != nil {
		return err
	}
	var said bytes.Buffer
	p.said.pass(&said)
	stop := context.AfterFunc(ctx, func() { _ = p.session.Close() })
	defer stop()
	err = fill(p.in)
	if err == nil || errors.Is(err, io.EOF) {
		err = p.in.Close()
	}
	out, _ := readLimited(p.out, tapLimit)
	exit := p.session.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if exit == nil && err == nil {
		return nil
	}
	if said.Len() > 0 {
		return stageError(s, steps.Output{Stdout: []byte(out), Stderr: said.Bytes(), Code: 1})
	}
	return errors.Join(err, exit)
}
