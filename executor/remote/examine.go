package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"
	"golang.org/x/crypto/ssh"
)

// Health is what a connection to a host costs and offers, as measured once.
type Health struct {
	Login     time.Duration // from the first packet to being logged in
	RoundTrip time.Duration // the fastest of some
	// Shell is what the login shell takes to run a program, beyond the round
	// trips: mostly its rc files.
	Shell time.Duration
	// Become is what sudo, su or doas add to it; zero where none is used.
	Become time.Duration
	// SFTPServer is the program that files are sent through; empty where there
	// is none, and they go through the shell.
	SFTPServer string
	// Sessions is how many channels the host opens at the same time, of
	// SessionsWanted that were tried.
	Sessions int
	// Skew is the host's clock against ours, exact to SkewError.
	Skew, SkewError time.Duration
	// Rooms are the file systems below the asked paths.
	Rooms []Room
}

// Room is what is free on a file system of the host.
type Room struct {
	Mount string
	Free  int64 // bytes
}

// SessionsWanted is how many channels Examine tries: what sshd allows unless
// MaxSessions says otherwise.
const SessionsWanted = 10

// examineRounds is how often a duration is measured; the fastest counts, since
// all disturbances make it longer.
const examineRounds = 3

// Examine logs in to a host as Dial does, measures what its connection costs
// and offers, and logs out. It changes nothing on the host. Errors are those of
// Dial.
func (n *Network) Examine(ctx context.Context, t Target, paths []string) (Health, error) {
	t = t.withDefaults()
	t.learnSecrets()
	var h Health
	began := time.Now()
	client, err := n.login(ctx, t)
	if err != nil {
		return h, err
	}
	defer func() { _ = client.Close() }()
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	h.Login = time.Since(began)
	for _, look := range []func(context.Context, *ssh.Client, Target) error{
		h.roundTrip, h.starts, h.clock, h.sftp,
		func(ctx context.Context, c *ssh.Client, t Target) error { return h.rooms(ctx, c, t, paths) },
		h.sessions, // last: what it closes counts for a while
	} {
		if err := look(ctx, client, t); err != nil {
			return h, err
		}
	}
	n.log.Debug("examined", "host", t.Name, "took", time.Since(began))
	return h, nil
}

func (h *Health) roundTrip(ctx context.Context, client *ssh.Client, t Target) error {
	best, err := fastest(func() error {
		_, _, err := client.SendRequest("keepalive@openssh.com", true, nil)
		return err
	})
	if err != nil {
		return lost(ctx, t, err)
	}
	h.RoundTrip = best
	return nil
}

// startTrips are the round trips from a channel's opening to the first words
// of its program.
const startTrips = 2

func (h *Health) starts(ctx context.Context, client *ssh.Client, t Target) error {
	plain := t
	plain.Become.Enabled = false
	shell, err := startTime(ctx, client, plain)
	if err != nil {
		return err
	}
	h.Shell = max(0, shell-startTrips*h.RoundTrip)
	if !t.Become.Enabled {
		return nil
	}
	both, err := startTime(ctx, client, t)
	h.Become = max(0, both-shell)
	return err
}

func startTime(ctx context.Context, client *ssh.Client, t Target) (time.Duration, error) {
	return fastest(func() error {
		_, err := once(ctx, client, t, ":")
		return err
	})
}

func fastest(act func() error) (time.Duration, error) {
	best := time.Duration(-1)
	for range examineRounds {
		began := time.Now()
		if err := act(); err != nil {
			return 0, err
		}
		if took := time.Since(began); best < 0 || took < best {
			best = took
		}
	}
	return best, nil
}

// clock asks for the time in a sh that runs already, so that only a round trip
// lies between the question and the answer.
func (h *Health) clock(ctx context.Context, client *ssh.Client, t Target) error {
	p, err := start(ctx, client, t, "read -r go; date +%s.%N")
	if err != nil {
		return err
	}
	defer p.end()
	defer context.AfterFunc(ctx, func() { _ = p.session.Close() })()
	asked := time.Now()
	if _, err := io.WriteString(p.in, "go\n"); err != nil {
		return lost(ctx, t, err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return lost(ctx, t, err)
	}
	answered := time.Now()
	there, exact, err := parseClock(line)
	if err != nil {
		return fmt.Errorf("%s: %w", t.login(), err)
	}
	h.Skew, h.SkewError = skew(asked, answered, there, exact)
	return nil
}

// skew takes the host's time for that of the middle between question and answer.
func skew(asked, answered, there time.Time, exact time.Duration) (skew, within time.Duration) {
	half := answered.Sub(asked) / 2
	return there.Add(exact / 2).Sub(asked.Add(half)), half + exact/2
}

// parseClock reads seconds with a fraction, which busybox does not give: its
// answer is exact to a second.
func parseClock(line string) (at time.Time, exact time.Duration, err error) {
	whole, fraction, _ := strings.Cut(strings.TrimSpace(line), ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return at, 0, fmt.Errorf("date answers %q", strings.TrimSpace(line))
	}
	nanos, err := strconv.ParseInt(fraction, 10, 64)
	if err != nil || len(fraction) != 9 {
		return time.Unix(seconds, 0), time.Second, nil
	}
	return time.Unix(seconds, nanos), 0, nil
}

func (h *Health) sftp(ctx context.Context, client *ssh.Client, t Target) error {
	text, err := once(ctx, client, t, "for s in "+strings.Join(sftpServers(), " ")+"; do [ -x $s ] && { echo $s; exit; }; done")
	h.SFTPServer = strings.TrimSpace(text)
	return err
}

// sessions opens channels until the host refuses one.
func (h *Health) sessions(ctx context.Context, client *ssh.Client, t Target) error {
	var open []*ssh.Session
	defer func() {
		for _, s := range open {
			_ = s.Close()
		}
	}()
	for len(open) < SessionsWanted {
		s, err := newSession(ctx, client)
		var full *ssh.OpenChannelError
		if errors.As(err, &full) {
			break
		}
		if err != nil {
			return lost(ctx, t, err)
		}
		open = append(open, s)
	}
	h.Sessions = len(open)
	return nil
}

func (h *Health) rooms(ctx context.Context, client *ssh.Client, t Target, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	text, err := once(ctx, client, t, "df -Pk -- "+shellescape.QuoteCommand(paths)+" 2>/dev/null")
	h.Rooms = parseRooms(text)
	return err
}

// parseRooms reads the POSIX format of df -P, each file system once.
func parseRooms(text string) (rooms []Room) {
	seen := map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) < 6 {
			continue
		}
		kib, err := strconv.ParseInt(f[3], 10, 64)
		mount := strings.Join(f[5:], " ")
		if err != nil || seen[mount] {
			continue
		}
		seen[mount] = true
		rooms = append(rooms, Room{mount, kib << 10})
	}
	return rooms
}

// Advice says what somebody should look at on a host, with what to do.
func (h Health) Advice(t Target) []string {
	t = t.withDefaults()
	var out []string
	say := func(wrong bool, format string, args ...any) {
		if wrong {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	say(h.Shell > slowShell, "the login shell of %s takes %s for each program: end its rc files early where no person is (case $- in *i*) ;; *) return;; esac)", t.User, short(h.Shell))
	say(h.Become > slowShell, "%s takes %s: look at DNS and PAM on the host (a name that resolves to nothing, pam_systemd, LDAP)", t.Become.Method, short(h.Become))
	say(h.SFTPServer == "", "no sftp-server was found, so files go through the shell, which is slower: install openssh-sftp-server")
	say(h.Sessions < sessionsNeeded, "sshd opens %d sessions on a connection, and %d are needed: set MaxSessions %d in its sshd_config", h.Sessions, sessionsNeeded, SessionsWanted)
	say(h.Skew.Abs()-h.SkewError > largeSkew, "its clock is %s: new certificates may not be valid yet there, and old ones may have ended; start NTP", ahead(h.Skew))
	for _, r := range h.Rooms {
		say(r.Free < littleRoom, "%d MiB are free on %s: a file is written beside the old one before it takes its place", r.Free>>20, r.Mount)
	}
	return out
}

// What is worth a word.
const (
	slowShell      = 100 * time.Millisecond
	sessionsNeeded = 4 // two sh, an sftp-server, and one to end what hangs
	largeSkew      = 2 * time.Second
	littleRoom     = 64 << 20
)

func short(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func ahead(skew time.Duration) string {
	if skew < 0 {
		return short(-skew).String() + " behind ours"
	}
	return short(skew).String() + " ahead of ours"
}
