package rotation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/pki"
	"lockstep/internal/tlsprobe"
	"lockstep/steps"
)

// Leaf is a certificate with its intermediates, and where it was found.
type Leaf struct {
	Where string // a path, or ":4567"
	Chain []*x509.Certificate
}

// Member is a host of the cluster: what it trusts and presents.
type Member struct {
	Name   string
	Server Server
	// Trusts is its CA file. It is nil where there is none, and where it cannot
	// be read, which Broken tells.
	Trusts []*x509.Certificate
	Broken error
	// Files are the certificates in its files, Presents those on its ports.
	Files, Presents []Leaf

	reader steps.Reader
	ports  Ports
}

// Leaves are all certificates that others may meet there, now or after a
// restart.
func (m Member) Leaves() []Leaf { return slices.Concat(m.Files, m.Presents) }

// Files name what belongs together on each member.
type Files struct {
	CA    string
	Certs []string
	Ports
	Access
}

// Look reads all members at the same time; the first is the host itself. All
// that cannot be read are in the one error.
func (f Files) Look(ctx context.Context, v steps.View) ([]Member, error) {
	readers := append([]steps.Reader{v.Self}, v.Peers()...)
	found, errs := make([]Member, len(readers)), make([]error, len(readers))
	var wg sync.WaitGroup
	for i, r := range readers {
		wg.Go(func() { found[i], errs[i] = f.lookAt(ctx, r) })
	}
	wg.Wait()
	var problems *multierror.Error
	for i, err := range errs {
		if err != nil && i > 0 {
			err = fmt.Errorf("%s: %w", readers[i].Name(), err)
		}
		if err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	if problems != nil && len(problems.Errors) == 1 {
		return found, problems.Errors[0]
	}
	return found, problems.ErrorOrNil()
}

func (f Files) lookAt(ctx context.Context, r steps.Reader) (Member, error) {
	m := Member{Name: r.Name(), reader: r, ports: f.Ports}
	var err error
	if m.Trusts, err = readCerts(ctx, r, f.CA); err != nil {
		var broken *Unreadable
		if !errors.As(err, &broken) {
			return m, err
		}
		m.Broken = err
	}
	for _, file := range f.Certs {
		chain, err := readCerts(ctx, r, file)
		if err != nil {
			return m, err
		}
		if len(chain) > 0 {
			m.Files = append(m.Files, Leaf{file, chain})
		}
	}
	if m.Server, err = f.ask(ctx, r); err != nil || !m.Server.Up {
		return m, err
	}
	m.Presents, err = m.presented(ctx)
	return m, err
}

// Unreadable is a file that is there and holds no certificates.
type Unreadable struct {
	Path string
	Err  error
}

func (u *Unreadable) Error() string {
	return fmt.Sprintf("%s cannot be read as certificates: %v", u.Path, u.Err)
}

// Unwrap gives the cause.
func (u *Unreadable) Unwrap() error { return u.Err }

// readCerts reads a file of certificates; one that is missing has none.
func readCerts(ctx context.Context, r steps.Reader, file string) ([]*x509.Certificate, error) {
	data, err := r.ReadFile(ctx, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if _, s, err := steps.Follow(ctx, r, file); err != nil {
		return nil, err
	} else if s.Unsettled && len(data) == 0 {
		return nil, &steps.Unforeseen{Resource: "the content of " + file, By: "the run, which makes it"}
	}
	certs, err := pki.ParseCerts(data)
	if err != nil {
		return nil, &Unreadable{file, err}
	}
	return certs, nil
}

// presented asks the ports of a running server.
func (m Member) presented(ctx context.Context) ([]Leaf, error) {
	var found []Leaf
	for _, port := range m.numbers() {
		if p := m.Server.foreseen; p != nil {
			found = append(found, Leaf{name(port), p.presents})
			continue
		}
		r, err := m.shake(ctx, port, tlsprobe.Options{Settle: 1})
		if err != nil {
			return nil, err
		}
		if len(r.Chain) > 0 {
			found = append(found, Leaf{name(port), r.Chain})
		}
	}
	return found, nil
}

func (m Member) numbers() []int {
	return slices.DeleteFunc([]int{m.ports.MySQL, m.ports.Galera}, func(n int) bool { return n == 0 })
}

func name(port int) string { return ":" + strconv.Itoa(port) }

// shake makes a handshake from the member with itself.
func (m Member) shake(ctx context.Context, port int, o tlsprobe.Options) (tlsprobe.Result, error) {
	conn, err := m.dial(ctx, port)
	if err != nil {
		return tlsprobe.Result{}, err
	}
	probe := tlsprobe.TLS
	if port == m.ports.MySQL {
		probe = tlsprobe.MySQL
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
	defer cancel()
	r, err := probe(ctx, conn, o)
	if err != nil {
		return r, &steps.Problem{What: fmt.Sprintf("port %d of %s: %v", port, m.Name, err), Err: err,
			Do: "encrypt the traffic first (examples/galera-tls), or set the port to 0 if these certificates are not for it"}
	}
	return r, nil
}

// patience bounds a handshake: a server that says nothing would hold it for ever.
const patience = 30 * time.Second

// dial prefers the loopback address: servers count interrupted connections by
// address, but not from there (max_connect_errors).
func (m Member) dial(ctx context.Context, port int) (net.Conn, error) {
	conn, first := m.reader.Dial(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if _, unforeseen := steps.IsUnforeseen(first); first == nil || unforeseen || errors.Is(first, steps.ErrUnreachable) || ctx.Err() != nil {
		return conn, first
	}
	at := net.JoinHostPort(m.reader.Address(), strconv.Itoa(port))
	conn, err := m.reader.Dial(ctx, at)
	if err != nil && !errors.Is(err, steps.ErrUnreachable) && ctx.Err() == nil {
		return nil, &steps.Problem{What: fmt.Sprintf("%s runs, but nobody answers on %s: %v", m.Name, at, err), Err: err,
			Do: "name the port where it listens"}
	}
	return conn, err
}

// Refuses tells in words why the member's process does not let in who presents a
// certificate with its key, or "" when it does.
func (m Member) Refuses(ctx context.Context, pair *tls.Certificate, now time.Time) (why string, err error) {
	for _, port := range m.numbers() {
		if p := m.Server.foreseen; p != nil {
			if err := Trusted(chainOf(pair), p.trusts, now); err != nil {
				return fmt.Sprintf("port %d will refuse it: %v", port, err), nil
			}
			continue
		}
		r, err := m.shake(ctx, port, tlsprobe.Options{Certificate: pair})
		switch {
		case err != nil:
			return "", err
		case r.Outcome == tlsprobe.OutcomeRefused:
			return fmt.Sprintf("port %d refuses it: %s", port, strings.TrimPrefix(r.Alert, "tls: ")), nil
		case r.Outcome == tlsprobe.OutcomeClosed, r.Outcome == tlsprobe.OutcomeNone:
			return fmt.Sprintf("port %d closes the connection", port), nil
		}
	}
	return "", nil
}

func chainOf(pair *tls.Certificate) []*x509.Certificate {
	var chain []*x509.Certificate
	for _, der := range pair.Certificate {
		if c, err := x509.ParseCertificate(der); err == nil { // it came from a parsed one
			chain = append(chain, c)
		}
	}
	return chain
}
