package remote

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"lockstep/internal/secret"
	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// authority makes certificates.
func authority(t *testing.T) ssh.Signer {
	t.Helper()
	file, _ := newKey(t)
	return signerOf(t, file)
}

func signerOf(t *testing.T, file string) ssh.Signer {
	t.Helper()
	signer, err := ssh.ParsePrivateKey([]byte(readAll(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// certify signs a certificate that is valid from an hour ago until then.
func certify(t *testing.T, by ssh.Signer, key ssh.PublicKey, kind uint32, until time.Time, names ...string) *ssh.Certificate {
	t.Helper()
	cert := &ssh.Certificate{
		Key: key, CertType: kind, ValidPrincipals: names,
		ValidAfter: uint64(time.Now().Add(-time.Hour).Unix()), ValidBefore: uint64(until.Unix()),
	}
	if err := cert.SignCert(rand.Reader, by); err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestUserCertificateLogsIn(t *testing.T) {
	by, later := authority(t), time.Now().Add(time.Hour)
	for name, place := range map[string]func(*Target, string, *ssh.Certificate){
		"beside the key": func(target *Target, file string, cert *ssh.Certificate) {
			target.Keys = []string{file}
			put(t, file+"-cert.pub", string(ssh.MarshalAuthorizedKey(cert)))
		},
		"named": func(target *Target, file string, cert *ssh.Certificate) {
			target.Keys, target.Certificates = []string{file}, []string{filepath.Join(t.TempDir(), "cert")}
			put(t, target.Certificates[0], string(ssh.MarshalAuthorizedKey(cert)))
		},
		"for a key of the agent": func(target *Target, file string, cert *ssh.Certificate) {
			target.Keys, target.IdentitiesOnly = []string{file}, true
			target.AgentSocket = agentWith(t, file)
			put(t, file, string(ssh.MarshalAuthorizedKey(cert.Key)))
			put(t, file+"-cert.pub", string(ssh.MarshalAuthorizedKey(cert)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, target := serve(t, sshserver.Options{Authority: by.PublicKey()})
			file, key := newKey(t)
			place(&target, file, certify(t, by, key, ssh.UserCert, later, "root"))
			echoes(t, dial(t, target))
		})
	}
}

func TestExpiredUserCertificateIsSaid(t *testing.T) {
	by := authority(t)
	_, target := serve(t, sshserver.Options{Authority: by.PublicKey()})
	file, key := newKey(t)
	target.Keys = []string{file}
	cert := certify(t, by, key, ssh.UserCert, time.Now().Add(-time.Minute), "root")
	put(t, file+"-cert.pub", string(ssh.MarshalAuthorizedKey(cert)))
	refusal(t, target, steps.ErrRefused, "does not accept", file+"-cert.pub expired at")
}

func TestHostCertificateProvesTheHost(t *testing.T) {
	by := authority(t)
	for name, row := range map[string]struct {
		alias string
		until time.Duration
		words string
	}{
		"its address": {"", time.Hour, ""},
		"its alias":   {"db1.example.com", time.Hour, ""},
		"other name":  {"other.example.com", time.Hour, "not in the set of valid principals"},
		"expired":     {"", -time.Minute, "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			file, key := newKey(t)
			cert := certify(t, by, key, ssh.HostCert, time.Now().Add(row.until), "127.0.0.1", "db1.example.com")
			host, err := ssh.NewCertSigner(cert, signerOf(t, file))
			if err != nil {
				t.Fatal(err)
			}
			_, target := serve(t, sshserver.Options{HostKey: host})
			target.HostKeyAlias = row.alias
			put(t, target.KnownHosts[0], "@cert-authority * "+string(ssh.MarshalAuthorizedKey(by.PublicKey())))
			if row.words == "" {
				echoes(t, dial(t, target))
				return
			}
			refusal(t, target, ErrHostKeyUnknown, "host certificate", row.words)
		})
	}
}

func TestRevokedHostKeyIsRefused(t *testing.T) {
	server, target := serve(t, sshserver.Options{})
	put(t, target.KnownHosts[0], server.KnownHostsLine()+"\n@revoked * "+string(ssh.MarshalAuthorizedKey(server.HostKey())))
	refusal(t, target, ErrHostKeyChanged, "revoked", target.KnownHosts[0]+":2")
}

// agentWith is the socket of an agent that holds the keys of the files.
func agentWith(t *testing.T, files ...string) string {
	t.Helper()
	keyring := agent.NewKeyring()
	for _, file := range files {
		private, err := ssh.ParseRawPrivateKey([]byte(readAll(t, file)))
		if err != nil {
			t.Fatal(err)
		}
		if err := keyring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
			t.Fatal(err)
		}
	}
	socket, _ := stuckAgent(t, keyring, 100) // which is never stuck
	return socket
}

// TestIdentitiesOnlyLeavesOutTheAgentsOtherKeys: the named one is in the agent
// alone and known by its public half.
func TestIdentitiesOnlyLeavesOutTheAgentsOtherKeys(t *testing.T) {
	var offered int
	_, target := serve(t, sshserver.Options{})
	file := target.Keys[0]
	var files []string
	for range 8 {
		other, _ := newKey(t)
		files = append(files, other)
	}
	target.AgentSocket = agentWith(t, append(files, file)...)
	public := filepath.Join(t.TempDir(), "id.pub")
	put(t, public, string(ssh.MarshalAuthorizedKey(signerOf(t, file).PublicKey())))
	for _, key := range []string{public, strings.TrimSuffix(public, ".pub")} {
		target.Keys, target.IdentitiesOnly = []string{key}, true
		echoes(t, dial(t, target))
		target.IdentitiesOnly = false
		clock := newDeadline(t.Context(), time.Minute)
		held, err := openAgent(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		p, err := newProof(clock, target, held.held)
		clock.stop()
		held.close()
		if err != nil || !equal(p.signers[0].PublicKey(), publicIn(public)) {
			t.Errorf("the named key is not the first: %v", err)
		}
		offered = len(p.signers)
	}
	if offered != 9 {
		t.Errorf("%d keys are offered", offered)
	}
}

func interview(t *testing.T, questions []string, echos []bool, want ...string) sshserver.Options {
	t.Helper()
	return sshserver.Options{Interview: func(ask ssh.KeyboardInteractiveChallenge) bool {
		answers, err := ask("", "Be welcome.", questions, echos)
		return err == nil && strings.Join(answers, ",") == strings.Join(want, ",")
	}}
}

func TestQuestionsAreAnsweredByAPerson(t *testing.T) {
	_, target := serve(t, interview(t, []string{"Password: ", "One-time password: ", "Pet? "}, []bool{false, false, true}, "hunter22", "123456", "cat"))
	target.Keys, target.Password, target.Secrets = nil, "hunter22", &secret.Redactor{}
	var asked []Question
	target.Answer = func(q Question) (string, error) {
		asked = append(asked, q)
		return map[bool]string{true: "123456", false: "cat"}[q.Hidden], nil
	}
	dial(t, target)
	if len(asked) != 2 || asked[0].Instruction != "Be welcome." || asked[0].Login != target.login() {
		t.Errorf("asked were %+v", asked)
	}
	if got := target.Secrets.String("123456 cat"); got != secret.Mask+" cat" {
		t.Errorf("the answers show as %q", got)
	}
}

func TestQuestionWithoutAPersonIsToldAndNotGuessed(t *testing.T) {
	_, target := serve(t, interview(t, []string{"One-time password: "}, []bool{false}, "hunter22"))
	target.Keys, target.Password = nil, "hunter22"
	refusal(t, target, steps.ErrRefused, `asks "One-time password:"`, "terminal")
}

func TestPasswordIsNotAskedOfAPerson(t *testing.T) {
	_, target := serve(t, interview(t, []string{"Password: "}, []bool{false}, "hunter22"))
	target.Keys = nil
	target.Answer = func(Question) (string, error) { return "", errors.New("asked") }
	refusal(t, target, steps.ErrRefused, "does not accept", "ansible_password is not set")
}

func TestPasswordQuestionsAreTold(t *testing.T) {
	for question, want := range map[string]bool{
		"Password: ": true, "root@db-1's password:": true, "(joe@zone1) Password for joe:": true,
		"One-time password: ": false, "Current password: ": false, "New password: ": false, "OTP": false,
		"Retype new password:": false, "Password + token code: ": false, "Verification code: ": false, "": false,
	} {
		if got := asksPassword(question); got != want {
			t.Errorf("%q: %t", question, got)
		}
	}
}

// TestPassphraseIsAskedWhenTheHostTakesTheKey: not for one that is not needed,
// and the time it takes is not counted.
func TestPassphraseIsAskedWhenTheHostTakesTheKey(t *testing.T) {
	needed, key := lockedKey(t)
	other, _ := lockedKey(t)
	_, target := serve(t, sshserver.Options{Keys: []ssh.PublicKey{key}})
	target.Keys, target.Timeout = []string{other, needed}, 300*time.Millisecond
	target.Passphrase = func(file string) (string, error) {
		if file != needed {
			t.Errorf("asked for %s", file)
		}
		time.Sleep(2 * target.Timeout) // the person thinks; this is what is tested
		return "open sesame", nil
	}
	client, err := network(t).login(t.Context(), target.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
}

func TestChosenAlgorithms(t *testing.T) {
	safe, unsafe := []string{"a1", "a2", "b1"}, []string{"old"}
	for wish, want := range map[string]string{
		"b1,a1": "b1 a1", "a*,none": "a1 a2", "+old,a1": "a1 a2 b1 old", "-a*": "b1", "^b1,old": "b1 old a1 a2", "none": "",
	} {
		if got := strings.Join(choose(wish, safe, unsafe), " "); got != want {
			t.Errorf("%s: got %s", wish, got)
		}
	}
}

func TestAlgorithmsOfTheConfigurationAreUsed(t *testing.T) {
	_, target := serve(t, sshserver.Options{})
	target.Ciphers, target.MACs, target.KexAlgorithms, target.HostKeyAlgorithms = "aes256-ctr", "hmac-sha2-512-etm@openssh.com", "^ecdh-sha2-nistp256", "ssh-ed25519"
	c := dial(t, target)
	got := c.link.client.Conn.(ssh.AlgorithmsConnMetadata).Algorithms()
	if got.Read.Cipher != "aes256-ctr" || got.KeyExchange != "ecdh-sha2-nistp256" || got.Write.MAC != "hmac-sha2-512-etm@openssh.com" {
		t.Errorf("got %+v", got)
	}
	target.Ciphers = "rot13"
	refusal(t, target, steps.ErrRefused, "Ciphers leaves no algorithm", "rot13")
	target.Ciphers, target.HostKeyAlgorithms = "", "rsa-sha2-512"
	refusal(t, target, ErrHostKeyUnknown, "no type of host key", "ssh-ed25519")
}
