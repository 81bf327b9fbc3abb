package sshserver

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"slices"

	"golang.org/x/crypto/ssh"
)

var errNotYou = errors.New("permission denied")

func (s *Server) newConfig(f Faults) *ssh.ServerConfig {
	config := &ssh.ServerConfig{PublicKeyCallback: s.judgeKey}
	if f.NoLogin {
		config.PublicKeyCallback = func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, errNotYou }
	}
	if s.options.Password != "" {
		config.PasswordCallback = func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			return nil, s.orNotYou(c, !f.NoLogin && subtle.ConstantTimeCompare(password, []byte(s.options.Password)) == 1)
		}
	}
	if s.options.Interview != nil {
		config.KeyboardInteractiveCallback = func(c ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			return nil, s.orNotYou(c, !f.NoLogin && s.options.Interview(ask))
		}
	}
	key := s.hostKey
	if f.HostKey != nil {
		key = f.HostKey
	}
	config.AddHostKey(key)
	for _, key := range s.options.OtherHostKeys {
		config.AddHostKey(key)
	}
	return config
}

func (s *Server) judgeKey(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if cert, ok := key.(*ssh.Certificate); ok && s.options.Authority != nil {
		checker := &ssh.CertChecker{IsUserAuthority: func(by ssh.PublicKey) bool {
			return bytes.Equal(by.Marshal(), s.options.Authority.Marshal())
		}}
		return checker.Authenticate(c, cert)
	}
	return nil, s.orNotYou(c, slices.ContainsFunc(s.options.Keys, func(k ssh.PublicKey) bool {
		return bytes.Equal(k.Marshal(), key.Marshal())
	}))
}

func (s *Server) orNotYou(c ssh.ConnMetadata, proven bool) error {
	if proven && s.mayBe(c.User()) {
		return nil
	}
	return errNotYou
}

func (s *Server) mayBe(user string) bool { return s.options.User == "" || s.options.User == user }
