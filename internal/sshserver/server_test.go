package sshserver

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t *testing.T, o Options) *ssh.Client {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	o.Keys = append(o.Keys, signer.PublicKey())
	server, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	client, err := ssh.Dial("tcp", server.Addr().String(), &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(server.HostKey()),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestExecAnswersWithOutputAndCode(t *testing.T) {
	session, err := connect(t, Options{Faults: Faults{Noise: "hello\n"}}).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.Output("echo there; exit 3")
	exit, ok := err.(*ssh.ExitError)
	if string(out) != "hello\nthere\n" || !ok || exit.ExitStatus() != 3 {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestCloseOfChannelEndsCommand(t *testing.T) {
	client := connect(t, Options{})
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	// bash holds a TCP connection open: its end is the end of the process.
	if err := session.Start("exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/" + port + "; sleep 1000'"); err != nil {
		t.Fatal(err)
	}
	held, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = session.Close()
	if _, err := held.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want EOF", err)
	}
}

func TestForwardReachesLoopback(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_, _ = conn.Write([]byte("hi"))
			_ = conn.Close()
		}
	}()
	conn, err := connect(t, Options{}).Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if string(text) != "hi" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	_ = listener.Close()
}
