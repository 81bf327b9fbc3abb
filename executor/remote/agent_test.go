package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// stuckAgent serves the first answers of an agent and then never speaks again.
func stuckAgent(t *testing.T, keyring agent.Agent, answers int) (socket string, asked <-chan struct{}) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // the name of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	stuck, ended := make(chan struct{}, 16), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			for range answers {
				relay(conn, keyring)
			}
			_, _ = io.ReadFull(conn, make([]byte, 5)) // the question
			stuck <- struct{}{}
			_, _ = io.Copy(io.Discard, conn) // until the client gives up
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
		_ = os.RemoveAll(dir)
	})
	return socket, stuck
}

// relay lets the keyring answer one question.
func relay(conn net.Conn, keyring agent.Agent) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(conn, head); err != nil {
		return
	}
	body := make([]byte, binary.BigEndian.Uint32(head))
	if _, err := io.ReadFull(conn, body); err != nil {
		return
	}
	near, far := net.Pipe()
	go func() {
		_, _ = near.Write(append(head, body...))
		answer := make([]byte, 4)
		if _, err := io.ReadFull(near, answer); err == nil {
			rest := make([]byte, binary.BigEndian.Uint32(answer))
			_, _ = io.ReadFull(near, rest)
			_, _ = conn.Write(append(answer, rest...))
		}
		_ = near.Close()
	}()
	_ = agent.ServeAgent(keyring, far)
	_ = far.Close()
}

// TestStuckAgentEndsInTime: one that does not tell its keys, and one that tells
// them and does not sign.
func TestStuckAgentEndsInTime(t *testing.T) {
	for name, answers := range map[string]int{"list": 0, "sign": 1} {
		t.Run(name, func(t *testing.T) {
			keyring := agent.NewKeyring()
			_, target := serve(t, sshserver.Options{Keys: []ssh.PublicKey{addKey(t, keyring)}})
			target.AgentSocket, _ = stuckAgent(t, keyring, answers)
			target.Keys, target.Timeout = nil, 300*time.Millisecond
			refusal(t, target, steps.ErrRefused, "the ssh-agent at "+target.AgentSocket+" does not answer", "300ms", "SSH_AUTH_SOCK")
		})
	}
}

func TestCancelEndsTheWaitForAStuckAgent(t *testing.T) {
	for name, answers := range map[string]int{"list": 0, "sign": 1} {
		t.Run(name, func(t *testing.T) {
			keyring := agent.NewKeyring()
			_, target := serve(t, sshserver.Options{Keys: []ssh.PublicKey{addKey(t, keyring)}})
			var asked <-chan struct{}
			target.AgentSocket, asked = stuckAgent(t, keyring, answers)
			target.Keys, target.Timeout = nil, time.Hour
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-asked
				cancel()
			}()
			if _, err := network(t).Dial(ctx, target); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// addKey puts a fresh key into the keyring.
func addKey(t *testing.T, keyring agent.Agent) ssh.PublicKey {
	t.Helper()
	file, public := newKey(t)
	private, err := ssh.ParseRawPrivateKey([]byte(readAll(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	if err := keyring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	return public
}
