package remote

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// link is one SSH connection with the long-lived processes behind it. It is
// not repaired: when it is lost, Conn makes another.
type link struct {
	target Target
	log    *slog.Logger
	client *ssh.Client
	lost   chan struct{}
	cause  error        // why it was lost; set before lost is closed
	silent atomic.Int64 // how long the host had not answered when we gave it up
	work   sync.WaitGroup

	reader lazy[*shell] // what only reads
	writer lazy[*shell] // Run and Commit, so that no read waits for a restart
	files  lazy[*sftpSession]

	bridges atomic.Bool // sshd forbids forwarding
}

type sftpSession struct {
	*sftp.Client
	process *process
}

// lazy is a value that is made on first use, and again when it went stale.
type lazy[T any] struct {
	hold  chan struct{} // full while somebody has the value in hand
	value T
	made  bool
}

func newLazy[T any]() lazy[T] { return lazy[T]{hold: make(chan struct{}, 1)} }

// get returns the value, made by dial if there is none that is fresh. Who waits
// for another's dial waits no longer than ctx.
func (l *lazy[T]) get(ctx context.Context, fresh func(T) bool, dial func() (T, error)) (T, error) {
	select {
	case l.hold <- struct{}{}:
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	defer func() { <-l.hold }()
	if l.made && fresh(l.value) {
		return l.value, nil
	}
	value, err := dial()
	if err != nil {
		return value, err
	}
	l.value, l.made = value, true
	return value, nil
}

// take returns the value for the last time, if there is one.
func (l *lazy[T]) take() (T, bool) {
	l.hold <- struct{}{}
	defer func() { <-l.hold }()
	made := l.made
	l.made = false
	return l.value, made
}

// connect logs in and starts the sh that reads.
func (n *Network) connect(ctx context.Context, t Target) (*link, error) {
	began, log := time.Now(), n.log
	client, err := n.login(ctx, t)
	if err != nil {
		return nil, err
	}
	l := &link{
		target: t, log: log, client: client, lost: make(chan struct{}),
		reader: newLazy[*shell](), writer: newLazy[*shell](), files: newLazy[*sftpSession](),
	}
	l.work.Add(2)
	go func() {
		defer l.work.Done()
		l.cause = client.Wait()
		close(l.lost)
	}()
	go func() {
		defer l.work.Done()
		keepAlive(client, t, l.lost, l.gaveUp)
	}()
	if _, err := l.readShell(ctx); err != nil {
		l.close()
		return nil, err
	}
	log.Debug("connected", "host", t.Name, "as", t.login(), "took", time.Since(began))
	return l, nil
}

func (l *link) alive() bool {
	select {
	case <-l.lost:
		return false
	default:
		return true
	}
}

// check finds out whether the connection is lost, which its reader may not
// have noticed yet. Something went wrong on it and somebody waits: a host that
// does not answer has no longer than it has for a login.
func (l *link) check() {
	if !answers(l.client, l.target.Timeout, l.gaveUp) {
		<-l.lost
	}
}

// gaveUp notes how long the host had not answered when we gave it up.
func (l *link) gaveUp(d time.Duration) { l.silent.CompareAndSwap(0, int64(d)) }

func (l *link) readShell(ctx context.Context) (*shell, error) {
	return l.reader.get(ctx, usable, func() (*shell, error) {
		return startShell(ctx, l.client, l.target, lookFunction+looksFunction, l.killBelow)
	})
}

// writeShell ends no process by itself: jobs are ended by endJob, and never by
// KILL.
func (l *link) writeShell(ctx context.Context) (*shell, error) {
	return l.writer.get(ctx, usable, func() (*shell, error) {
		return startShell(ctx, l.client, l.target, "", func(int) {})
	})
}

func usable(s *shell) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.broken
}

// killBelow ends a process and everything below it: TERM first, KILL for what
// is still there 2 s later.
func (l *link) killBelow(pid int) {
	ctx, cancel := context.WithTimeout(context.Background(), l.target.Timeout)
	defer cancel()
	_, err := l.once(ctx, `all=" `+strconv.Itoa(pid)+` "; `+familyScript)
	if err != nil && l.alive() {
		l.log.Warn("a command could not be ended", "host", l.target.Name, "pid", pid, "error", err)
	}
}

// familyScript finds all descendants of the processes in $all by /proc and
// ends them. A line of /proc/PID/stat is "PID (NAME) STATE PPID ...".
const familyScript = `grow=1; while [ $grow = 1 ]; do grow=0; for f in /proc/[0-9]*/stat; do ` +
	`{ IFS= read -r l <$f; } 2>/dev/null || continue; p=${f#/proc/}; p=${p%/stat}; l=${l##*") "}; l=${l#* }; ` +
	`case $all in *" $p "*) continue;; esac; ` +
	`case $all in *" ${l%% *} "*) all="$all$p "; grow=1;; esac; done; done; ` +
	`kill -TERM $all 2>/dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do ` +
	`kill -0 $all 2>/dev/null || exit 0; sleep 0.2 2>/dev/null || sleep 1; done; kill -KILL $all 2>/dev/null; :`

// once runs a script in a process of its own and returns what it wrote.
func (l *link) once(ctx context.Context, script string) (string, error) {
	return once(ctx, l.client, l.target, script)
}

func once(ctx context.Context, client *ssh.Client, t Target, script string) (string, error) {
	p, err := start(ctx, client, t, script)
	if err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.session.Close() })
	defer stop()
	_ = p.in.Close()
	text, err := readLimited(p.out, tapLimit)
	p.end()
	return text, err
}

// close ends all processes and the connection and waits for our goroutines.
func (l *link) close() {
	reader, reads := l.reader.take()
	writer, writes := l.writer.take()
	files, transfers := l.files.take()
	if reads {
		reader.finish()
	}
	if writes {
		writer.finish()
	}
	_ = l.client.Close()
	if reads {
		reader.wait()
	}
	if writes {
		writer.wait()
	}
	if transfers {
		_ = files.Close()
		files.process.end()
	}
	l.work.Wait()
}
