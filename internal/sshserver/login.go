package sshserver

import (
	"bytes"
	"crypto/subtle"
	"errors"

	"golang.org/x/crypto/ssh"
)

var errNotYou = errors.New("permission denied")

func (s *Server) newConfig(f Faults) *ssh.ServerConfig {
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			for _, k := range s.options.Keys {
				if !f.NoLogin && s.mayBe(c.User()) && bytes.Equal(k.Marshal(), key.Marshal()) {
					return nil, nil
				}
			}
			return nil, errNotYou
		},
	}
	if s.options.Password != "" {
		config.PasswordCallback = func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if !f.NoLogin && s.mayBe(c.User()) && subtle.ConstantTimeCompare(password, []byte(s.options.Password)) == 1 {
				return nil, nil
			}
			return nil, errNotYou
		}
	}
	key := s.hostKey
	if f.HostKey != nil {
		key = f.HostKey
	}
	config.AddHostKey(key)
	return config
}

func (s *Server) mayBe(user string) bool { return s.options.User == "" || s.options.User == user }
