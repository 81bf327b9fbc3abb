// Package sshserver is an SSH server inside the process: for tests, and for
// hosts that a demonstration serves itself. It listens on loopback, runs
// commands with the local sh as the user that the process has, and fails in the
// ways it is told to. It knows nothing of plans or hosts' meaning.
package sshserver

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
)

// Options say who may log in and what goes wrong. The zero Options let nobody
// in and break nothing.
type Options struct {
	// Address is where to listen; "127.0.0.1:0" when empty.
	Address string
	// User is the only login name; any when empty.
	User string
	// Keys may log in, and so may Password when it is not empty, and who has a
	// certificate of Authority when it is not nil.
	Keys      []ssh.PublicKey
	Password  string
	Authority ssh.PublicKey
	// Interview asks questions and says whether the answers let one in; none
	// are asked when nil.
	Interview func(ask ssh.KeyboardInteractiveChallenge) bool
	// HostKey is made at the start when nil. OtherHostKeys are of other types.
	HostKey       ssh.Signer
	OtherHostKeys []ssh.Signer
	// Env is added to the environment of commands.
	Env []string
	// Sh is the login shell; "/bin/sh" when empty. It is given -c and the line.
	Sh string

	Faults Faults
}

// Faults are what the server does wrong on purpose.
type Faults struct {
	// Noise is written before every command's own output, as a chatty rc file
	// does.
	Noise string
	// NoSFTP refuses the sftp subsystem, NoForward every direct-tcpip channel,
	// NoSessions every session channel, and NoLogin everybody.
	NoSFTP, NoForward, NoSessions, NoLogin bool
	// HostKey is shown in place of the server's own.
	HostKey ssh.Signer
	// Wire is called with each accepted connection and returns the one that
	// is spoken over: the place for cuts, delays and counters.
	Wire func(net.Conn) net.Conn
	// Exec is called with each command line before it runs; an error refuses it.
	Exec func(line string) error
	// Channel is called with each accepted session channel and returns the one
	// that is served: the place for half-closed channels and slow windows.
	Channel func(ssh.Channel) ssh.Channel
}

// Server is a running server. Its methods may be called by many goroutines.
type Server struct {
	options  Options
	hostKey  ssh.Signer
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	work     sync.WaitGroup

	mu     sync.Mutex
	faults Faults
	conns  map[net.Conn]bool
}

// Start listens and serves until ctx ends or Close is called.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.Sh == "" {
		o.Sh = "/bin/sh"
	}
	key, err := hostKey(o)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("ssh server: %w", err)
	}
	s := &Server{options: o, hostKey: key, listener: listener, faults: o.Faults, conns: map[net.Conn]bool{}}
	s.ctx, s.cancel = context.WithCancel(ctx)
	context.AfterFunc(s.ctx, func() { _ = listener.Close() })
	s.work.Add(1)
	go s.accept()
	return s, nil
}

func hostKey(o Options) (ssh.Signer, error) {
	if o.HostKey != nil {
		return o.HostKey, nil
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}

// Addr is the address that the server listens on.
func (s *Server) Addr() *net.TCPAddr { return s.listener.Addr().(*net.TCPAddr) }

// HostKey is the key by which the server proves to be itself.
func (s *Server) HostKey() ssh.PublicKey { return s.hostKey.PublicKey() }

// KnownHostsLine is the line for a known_hosts file.
func (s *Server) KnownHostsLine() string {
	return knownhosts.Line([]string{s.Addr().String()}, s.HostKey())
}

// Break replaces what goes wrong from now on: with new connections, and with new
// channels of those that are open.
func (s *Server) Break(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

func (s *Server) broken() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// Cut breaks all connections at once, as a dead network does. The server goes
// on to accept new ones.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		_ = conn.Close()
	}
}

// Close stops the server, ends its commands, and returns when all is gone.
func (s *Server) Close() error {
	s.cancel()
	err := s.listener.Close()
	s.Cut()
	s.work.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) accept() {
	defer s.work.Done()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		if wire := s.broken().Wire; wire != nil {
			conn = wire(conn)
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.mu.Unlock()
		s.work.Add(1)
		go s.serve(conn)
	}
}

func (s *Server) serve(conn net.Conn) {
	defer s.work.Done()
	stop := context.AfterFunc(s.ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	c, channels, requests, err := ssh.NewServerConn(conn, s.newConfig(s.broken()))
	if err != nil {
		return
	}
	var work sync.WaitGroup
	work.Add(1)
	go func() {
		defer work.Done()
		answerRequests(requests)
	}()
	for channel := range channels {
		work.Add(1)
		go func() {
			defer work.Done()
			s.open(channel)
		}()
	}
	_ = c.Close()
	work.Wait()
}

// answerRequests says no to everything, as OpenSSH does to a keepalive: that
// it answers is what counts.
func answerRequests(requests <-chan *ssh.Request) {
	for r := range requests {
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
}
