package pki

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// files are the set as it lies in a directory.
func (c setCase) files() map[string][]byte {
	return map[string][]byte{"ca.pem": c.set.CA, "cert.pem": c.set.Cert, "key.pem": c.set.Key}
}

// ours is our verdict: "" or the reasons to refuse.
func (c setCase) ours(now time.Time) string {
	var reasons []string
	for _, f := range Check(c.set, CheckOptions{Now: now, Role: c.role}) {
		if f.Severity == Fail {
			reasons = append(reasons, f.Code+": "+f.What)
		}
	}
	return strings.Join(reasons, "; ")
}

// openssl is the verdict of the command, with the purposes of the role and the
// security level of TLS, and of a comparison of the two public keys, as the SST
// scripts make it.
func (c setCase) openssl(t *testing.T, now time.Time) string {
	t.Helper()
	files := c.files()
	for _, p := range roleOf(c.role).purposes() {
		out, ok := openssl(t, files, "verify", "-no-CApath", "-no-CAstore", "-attime", strconv.FormatInt(now.Unix(), 10), "-purpose", string(p),
			"-auth_level", strconv.Itoa(UsualLevel), "-CAfile", "ca.pem", "-untrusted", "cert.pem", "cert.pem")
		if !ok {
			return out
		}
	}
	ofCert, ok := openssl(t, files, "x509", "-in", "cert.pem", "-noout", "-pubkey")
	if !ok {
		return ofCert
	}
	ofKey, ok := openssl(t, files, "pkey", "-in", "key.pem", "-passin", "pass:", "-pubout")
	if !ok {
		return ofKey
	}
	if ofKey != ofCert {
		return "the public keys differ"
	}
	return ""
}

func roleOf(r Role) Role {
	if r == "" {
		return RoleServer
	}
	return r
}

// agree compares a verdict with ours.
func (c setCase) agree(t *testing.T, who, theirs string) {
	t.Helper()
	ours := c.ours(time.Now())
	switch {
	case c.stricter != "" && ours == "":
		t.Errorf("we are said to refuse it (%s), and do not", c.stricter)
	case c.stricter == "" && (ours == "") != (theirs == ""):
		t.Errorf("we say %q, %s says %q", ours, who, theirs)
	}
}

func TestVerdictIsThatOfOpenSSL(t *testing.T) {
	cases := newFixture(t, time.Now()).cases()
	if len(cases) < 40 {
		t.Errorf("%d cases, want 40 or more", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			now := time.Now() // some were made a moment ago
			theirs := c.openssl(t, now)
			if c.stricter != "" && theirs != "" {
				t.Errorf("we need not be stricter (%s): openssl refuses it, too: %s", c.stricter, theirs)
			}
			c.agree(t, "openssl verify", theirs)
		})
	}
}

// TestVerdictIsThatOfAHandshake has socat present each set at both ends, with
// mutual verification, as a state transfer does.
func TestVerdictIsThatOfAHandshake(t *testing.T) {
	need(t, "/usr/bin/socat")
	done := 0
	for _, c := range newFixture(t, time.Now()).cases() {
		if roleOf(c.role) != RoleServer {
			continue
		}
		done++
		t.Run(c.name, func(t *testing.T) { c.agree(t, "socat", c.handshake(t)) })
	}
	if done < 40 {
		t.Errorf("%d cases, want 40 or more", done)
	}
}

// need skips where something is not installed, except in CI.
func need(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed, and CI needs it", path)
	}
	t.Skipf("%s is not installed", path)
}

// write puts the set into a directory of its own.
func (c setCase) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range c.files() {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// handshake sends a word through TLS. It arrives only when each end took the
// other's certificate.
func (c setCase) handshake(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dir, port := c.write(t), freePort(t)
	const files = ",cert=cert.pem,key=key.pem,cafile=ca.pem,verify=1"
	server := socat(ctx, dir, "-u", "openssl-listen:"+port+",bind=127.0.0.1,reuseaddr"+files, "-")
	var arrived bytes.Buffer
	server.Stdout = &arrived
	said, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	log, listening := until(said, "listening on")
	if listening {
		client := socat(ctx, dir, "-u", "-", "openssl-connect:127.0.0.1:"+port+",commonname=,no-sni=1"+files)
		client.Stdin = strings.NewReader("word")
		out, err := client.CombinedOutput()
		log += fmt.Sprintf("client: %v\n%s", err, out)
		if err != nil && !strings.Contains(string(out), "starting data transfer loop") {
			_ = server.Process.Kill() // it may never have been connected to
		}
	}
	rest, _ := io.ReadAll(said)
	err = server.Wait()
	if arrived.String() == "word" {
		return ""
	}
	return fmt.Sprintf("server: %v\n%s%s", err, log, rest)
}

// socat is without a terminal, on which it would ask for passphrases.
func socat(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/usr/bin/socat", append([]string{"-d", "-d"}, args...)...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// until reads lines up to one with the words.
func until(r io.Reader, words string) (read string, found bool) {
	var text strings.Builder
	one := make([]byte, 1)
	for line := ""; ; {
		n, err := r.Read(one)
		if n > 0 {
			text.Write(one)
			line += string(one)
		}
		switch {
		case err != nil:
			return text.String(), false
		case n > 0 && one[0] == '\n':
			if strings.Contains(line, words) {
				return text.String(), true
			}
			line = ""
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
