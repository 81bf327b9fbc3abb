package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"al.essio.dev/pkg/shellescape"
)

// bridge is a TCP connection that a program on the host makes for us, where
// sshd does not. It has no deadlines.
type bridge struct {
	process *process
	address string
	from    string
	hangUp  func() // ends the program
	once    sync.Once
	closed  chan struct{}
	ended   chan struct{}
	exit    error // how the program ended, once ended is closed
}

// dial connects from the host: by sshd, or, once that has refused, by a bridge.
func (l *link) dial(ctx context.Context, address string) (net.Conn, error) {
	if !l.bridges.Load() {
		conn, err := l.client.DialContext(ctx, "tcp", address)
		if !isForbidden(err) {
			return conn, err
		}
		l.bridges.Store(true)
		l.log.Info("sshd forbids forwarding: connections go through socat or nc", "host", l.target.Name)
	}
	return l.bridge(ctx, address)
}

func (l *link) bridge(ctx context.Context, address string) (net.Conn, error) {
	script, err := bridgeScript(address)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, l.client, l.target, script)
	if err != nil {
		return nil, err
	}
	word, err := p.out.ReadString('\n')
	if err != nil || word != "bridge\n" {
		defer p.end()
		if word == "closed\n" {
			words, _ := readLimited(p.out, tapLimit)
			return nil, errors.New(orElse(strings.TrimSpace(words), "nobody listens there"))
		}
		return nil, forbidden(l.target, address)
	}
	b := &bridge{
		process: p, address: address, from: l.target.Address,
		hangUp: func() { l.hangUp(p.pid) },
		closed: make(chan struct{}), ended: make(chan struct{}),
	}
	go func() { // ends with the channel
		b.exit = p.session.Wait()
		close(b.ended)
	}()
	return b, nil
}

// hangUp ends a program that may not notice that nobody listens to it any more:
// nc waits for the other side.
func (l *link) hangUp(pid int) {
	ctx, cancel := context.WithTimeout(context.Background(), l.target.Timeout)
	defer cancel()
	if s, err := l.readShell(ctx); err == nil {
		s.post("kill " + strconv.Itoa(pid) + " 2>/dev/null")
	}
}

// bridgeScript says that it has found a program and that somebody listens, and
// becomes the program. It connects twice, since neither tells when it has; the nc of
// busybox cannot look first, and there a closed port shows at the first read. The
// words of one that could not connect follow on the same stream: the other may
// arrive after its end.
func bridgeScript(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || !isHostName(host) {
		return "", fmt.Errorf("%q is not host:port", address)
	}
	socat := shellescape.Quote("TCP:" + net.JoinHostPort(host, port))
	nc := shellescape.Quote(host) + " " + port
	return "begin() { echo bridge; exec \"$@\"; }; " +
		"if command -v socat >/dev/null; then said=$(socat -u OPEN:/dev/null " + socat + " 2>&1) && begin socat - " + socat + "; " +
		"elif command -v nc >/dev/null; then said=$(nc -z " + nc + " </dev/null 2>&1) && begin nc " + nc + "; " +
		"case $said in *option*) begin nc " + nc + ";; esac; else echo none; exit; fi; printf 'closed\\n%s\\n' \"$said\"", nil
}

// isHostName refuses what socat or nc could take for an option.
func isHostName(s string) bool {
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".:%_-", r)
	}
	return s != "" && s[0] != '-' && strings.TrimFunc(s, ok) == "" && !strings.ContainsFunc(s, func(r rune) bool { return !ok(r) })
}

// Read reads what the other side sent. At the end it tells why the program could
// not connect, if so.
func (b *bridge) Read(p []byte) (int, error) {
	n, err := b.process.out.Read(p)
	if err == nil || n > 0 {
		return n, nil
	}
	select {
	case <-b.closed:
		return 0, net.ErrClosed
	case <-b.ended:
	}
	if words, _ := b.process.said.words(); b.exit != nil {
		return 0, fmt.Errorf("connect from %s to %s: %s", b.from, b.address, orElse(words, "%v", b.exit))
	}
	return 0, err
}

// Write sends to the other side.
func (b *bridge) Write(p []byte) (int, error) { return b.process.in.Write(p) }

// Close ends the connection and the program that made it.
func (b *bridge) Close() error {
	b.once.Do(func() {
		close(b.closed)
		select {
		case <-b.ended:
			return
		default:
		}
		_ = b.process.in.Close()
		b.hangUp()
		_ = b.process.session.Close()
	})
	return nil
}

// LocalAddr and RemoteAddr are as the host sees them.
func (b *bridge) LocalAddr() net.Addr { return bridgeAddr(b.from) }

// RemoteAddr is what was dialled.
func (b *bridge) RemoteAddr() net.Addr { return bridgeAddr(b.address) }

// SetDeadline is not supported, as on every channel of SSH.
func (b *bridge) SetDeadline(time.Time) error { return errors.ErrUnsupported }

// SetReadDeadline is not supported.
func (b *bridge) SetReadDeadline(time.Time) error { return errors.ErrUnsupported }

// SetWriteDeadline is not supported.
func (b *bridge) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

type bridgeAddr string

// Network is tcp.
func (bridgeAddr) Network() string { return "tcp" }

// String is the address.
func (a bridgeAddr) String() string { return string(a) }
