package pki

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

const (
	typeCert         = "CERTIFICATE"
	typeRSAKey       = "RSA PRIVATE KEY"
	typePKCS8Key     = "PRIVATE KEY"
	typeECKey        = "EC PRIVATE KEY"
	typeEncryptedKey = "ENCRYPTED PRIVATE KEY"
	typeECParams     = "EC PARAMETERS"
)

// Block is one PEM block. Its bytes may be a secret.
type Block struct {
	Type      string // the word after BEGIN
	Line      int    // where its BEGIN stands, from 1
	Encrypted bool   // a passphrase is needed
	Bytes     []byte
}

// ReadPEM reads every block of a file, or says in which line it is broken.
//
// encoding/pem passes silently over blocks it cannot read, so a bundle can
// lose certificates unnoticed; OpenSSL stops with "bad end line" and mysqld
// does not start. This reader refuses whatever either of them would refuse or
// pass over: glued END/BEGIN lines, blocks that do not end, bad base64, an
// indented or misspelt BEGIN. Plain text around blocks is allowed, as in
// RFC 7468 section 2 and in the output of `openssl x509 -text`. A file without
// any block gives an empty list. Errors never show content.
func ReadPEM(data []byte) ([]Block, error) {
	r := pemReader{lines: bytes.Split(data, []byte("\n"))}
	for r.next() {
		if err := r.outside(); err != nil {
			return nil, fmt.Errorf("line %d: %w", r.at, err)
		}
	}
	return r.blocks, nil
}

type pemReader struct {
	lines  [][]byte
	at     int    // number of the line in hand, from 1
	line   string // without trailing white space
	blocks []Block
}

func (r *pemReader) next() bool {
	if r.at == len(r.lines) {
		return false
	}
	r.line = strings.TrimRight(string(r.lines[r.at]), " \t\r\v\f")
	r.at++
	return true
}

// outside takes a line between blocks.
func (r *pemReader) outside() error {
	name, ok := marker(r.line, "BEGIN")
	switch {
	case ok:
		return r.block(name)
	case strings.HasPrefix(r.line, "\ufeff") && hasMarker(r.line):
		return errors.New("a byte order mark stands before -----BEGIN, so older OpenSSL passes over the block: save the file without it")
	case hasMarker(r.line):
		return errors.New("this BEGIN or END line is not well formed (indented, glued to another line, misspelt or without its BEGIN), " +
			"so OpenSSL refuses or passes over the block: give every BEGIN and END a line of its own")
	}
	return nil
}

// block reads up to the END that belongs to name.
func (r *pemReader) block(name string) error {
	b := Block{Type: name, Line: r.at, Encrypted: name == typeEncryptedKey}
	var body strings.Builder
	for first := true; r.next(); first = false {
		if end, ok := marker(r.line, "END"); ok && end == name {
			return r.finish(b, body.String())
		}
		if first && strings.Contains(r.line, ":") {
			if err := r.headers(&b); err != nil {
				return err
			}
			continue
		}
		if err := checkBody(r.line); err != nil {
			return err
		}
		body.WriteString(r.line)
	}
	return fmt.Errorf("%s that begins in line %d has no END line: the file is cut off", name, b.Line)
}

// headers passes over RFC 1421 headers, which old encrypted keys carry, up to
// the empty line that ends them.
func (r *pemReader) headers(b *Block) error {
	for {
		if strings.HasPrefix(r.line, "Proc-Type:") && strings.Contains(r.line, "ENCRYPTED") {
			b.Encrypted = true
		}
		if !r.next() || hasMarker(r.line) {
			return fmt.Errorf("the headers of %s in line %d do not end with an empty line", b.Type, b.Line)
		}
		if r.line == "" {
			return nil
		}
	}
}

func checkBody(line string) error {
	switch {
	case line == "":
		return errors.New("an empty line inside a block: OpenSSL takes what stands before it for headers; remove the line")
	case hasMarker(line):
		return errors.New("bad end line: END is glued to another line, misspelt or of another block; give every BEGIN and END a line of its own")
	case strings.ContainsFunc(line, notBase64):
		return errors.New("inside a block stands something that is not base64")
	}
	return nil
}

func (r *pemReader) finish(b Block, body string) error {
	der, err := base64.StdEncoding.DecodeString(body)
	if err != nil || len(der) == 0 {
		return fmt.Errorf("%s that begins in line %d is damaged: its base64 does not decode", b.Type, b.Line)
	}
	b.Bytes = der
	r.blocks = append(r.blocks, b)
	return nil
}

// marker reads a line such as `-----BEGIN name-----`.
func marker(line, word string) (name string, ok bool) {
	name, ok = strings.CutPrefix(line, "-----"+word+" ")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, "-----")
	return name, ok && name != "" && name == strings.TrimSpace(name) && !strings.ContainsFunc(name, notLabel)
}

func notLabel(c rune) bool { return c < ' ' || c > '~' || c == '-' }

// hasMarker tells whether somebody meant the line to be a BEGIN or END.
func hasMarker(line string) bool {
	for _, sign := range []string{"----BEGIN", "--BEGIN ", "----END", "--END "} {
		if strings.Contains(line, sign) {
			return true
		}
	}
	return false
}

func notBase64(c rune) bool {
	return !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=')
}
