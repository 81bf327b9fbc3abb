package sshserver

import (
	"bytes"
	"crypto/subtle"
	"errors"

	"golang.org/x/crypto/ssh"
)

var errNotYou = errors.New("permission denied")

func (s *Server) newConfig() *ssh.ServerConfig {
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			for _, k := range s.options.Keys {
				if s.mayBe(c.User()) && bytes.Equal(k.Marshal(), key.Marshal()) {
					return nil, nil
				}
			}
			return nil, errNotYou
		},
	}
	if s.options.Password != "" {
		config.PasswordCallback = func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if s.mayBe(c.User()) && subtle.ConstantTimeCompare(password, []byte(s.options.Password)) == 1 {
				return nil, nil
			}
			return nil, errNotYou
		}
	}
	config.AddHostKey(s.hostKey)
	return config
}

func (s *Server) mayBe(user string) bool { return s.options.User == "" || s.options.User == user }
