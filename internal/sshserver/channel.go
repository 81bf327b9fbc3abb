package sshserver

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// open serves one channel to its end.
func (s *Server) open(n ssh.NewChannel) {
	faults := s.broken()
	switch kind := n.ChannelType(); {
	case kind == "session" && faults.NoSessions:
		_ = n.Reject(ssh.ResourceShortage, "open failed")
	case kind == "direct-tcpip" && faults.NoForward:
		_ = n.Reject(ssh.Prohibited, "open failed")
	case kind == "session":
		s.session(n)
	case kind == "direct-tcpip":
		s.forward(n)
	default:
		_ = n.Reject(ssh.UnknownChannelType, "unknown channel type")
	}
}

func (s *Server) session(n ssh.NewChannel) {
	channel, requests, err := n.Accept()
	if err != nil {
		return
	}
	faults := s.broken()
	if faults.Channel != nil {
		channel = faults.Channel(channel)
	}
	// The context ends with the channel, which the client may close at any time.
	ctx, cancel := context.WithCancel(s.ctx)
	var work sync.WaitGroup
	started := false
	for r := range requests {
		var run func()
		var line struct{ Text string }
		switch {
		case started || ssh.Unmarshal(r.Payload, &line) != nil:
		case r.Type == "exec":
			run = s.command(ctx, faults, channel, line.Text)
		case r.Type == "subsystem" && line.Text == "sftp" && !faults.NoSFTP:
			run = func() { serveFiles(channel) }
		}
		if r.WantReply {
			_ = r.Reply(run != nil, nil)
		}
		if run != nil {
			started = true
			work.Add(1)
			go func() {
				defer work.Done()
				run()
				_ = channel.Close()
			}()
		}
	}
	cancel()
	work.Wait()
	_ = channel.Close()
}

func (s *Server) command(ctx context.Context, faults Faults, channel ssh.Channel, line string) func() {
	if faults.Exec != nil && faults.Exec(line) != nil {
		return nil
	}
	return func() {
		if faults.Noise != "" {
			_, _ = io.WriteString(channel, faults.Noise)
			_, _ = io.WriteString(channel.Stderr(), faults.Noise)
		}
		code := s.run(ctx, channel, line)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{uint32(code)}))
	}
}

// run runs the line in a process group that dies with ctx. A process that
// left the group lives on, as it does under sshd.
func (s *Server) run(ctx context.Context, channel ssh.Channel, line string) int {
	cmd := exec.Command(s.options.Sh, "-c", line)
	cmd.Env = append(append(os.Environ(), "USER=root"), s.options.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		_, _ = io.WriteString(channel.Stderr(), err.Error()+"\n")
		return 127
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer stop()
	go func() { // ends with the channel at the latest
		_, _ = io.Copy(in, channel)
		_ = in.Close()
	}()
	err = cmd.Wait()
	_ = channel.CloseWrite()
	return codeOf(err)
}

func codeOf(err error) int {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

func serveFiles(channel ssh.Channel) {
	server, err := sftp.NewServer(channel)
	if err != nil {
		return
	}
	_ = server.Serve()
	_ = server.Close()
}

func (s *Server) forward(n ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(n.ExtraData(), &to); err != nil {
		_ = n.Reject(ssh.ConnectionFailed, "bad address")
		return
	}
	conn, err := (&net.Dialer{}).DialContext(s.ctx, "tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = n.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	channel, requests, err := n.Accept()
	if err != nil {
		_ = conn.Close()
		return
	}
	stop := context.AfterFunc(s.ctx, func() { _ = conn.Close() })
	defer stop()
	pipe(channel, conn, requests)
}

// pipe copies both ways until both sides have said all.
func pipe(channel ssh.Channel, conn net.Conn, requests <-chan *ssh.Request) {
	var work sync.WaitGroup
	work.Add(3)
	go func() {
		defer work.Done()
		answerRequests(requests)
		_ = conn.Close() // the channel is gone
	}()
	go func() {
		defer work.Done()
		_, _ = io.Copy(conn, channel)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	go func() {
		defer work.Done()
		_, _ = io.Copy(channel, conn)
		_ = channel.Close()
	}()
	work.Wait()
	_ = conn.Close()
}
