package pki

import (
	"crypto/x509"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// File is a file to inspect.
type File struct {
	Name string
	Data []byte
	Mode fs.FileMode // zero: unknown
}

// Inspection is what Inspect found.
type Inspection struct {
	Files    []Inspected
	Sets     []InspectedSet
	Findings []FileFinding // of single files, and of files among each other
}

// Inspected is a file in words.
type Inspected struct {
	Name  string
	Lines []string
}

// InspectedSet is a certificate of a node or a client with what belongs to it.
type InspectedSet struct {
	Cert, Key, CA string // names of files; empty: none found
	Role          Role
	Until         time.Time
	Findings      []Finding
}

// FileFinding is a finding about a file.
type FileFinding struct {
	File string
	Finding
}

// Inspect explains files that lie together: what each holds, which certificate,
// key and CA file belong together, and what is wrong with them. Files that hold
// nothing of the kind are left out. Key material is never shown.
func Inspect(files []File, now time.Time) Inspection {
	in := inspector{now: now}
	for _, f := range files {
		in.read(f)
	}
	in.sameSerials()
	for _, leaf := range in.leaves {
		in.out.Sets = append(in.out.Sets, in.set(leaf))
	}
	if len(in.leaves) == 0 {
		for _, ca := range in.cas {
			for _, f := range CheckBundle(ca.certs, now) {
				in.out.Findings = append(in.out.Findings, FileFinding{ca.Name, f})
			}
		}
	}
	in.orphans()
	return in.out
}

// Worst is the highest severity of all.
func (in Inspection) Worst() Severity {
	var w Severity
	for _, s := range in.Sets {
		w = max(w, Worst(s.Findings))
	}
	for _, f := range in.Findings {
		w = max(w, f.Severity)
	}
	return w
}

// Verdict is one line for a person, the judgement first.
func (in Inspection) Verdict() string {
	if len(in.Files) == 0 {
		return "nothing to judge: no certificate and no key"
	}
	var text string
	switch in.Worst() {
	case Fail:
		text = "NOT USABLE as it is"
	case Warn:
		text = "usable, with warnings"
	default:
		text = "sound"
	}
	if len(in.Sets) == 0 {
		return text + "; no certificate of a node or a client in it"
	}
	first := slices.MinFunc(in.Sets, func(a, b InspectedSet) int { return a.Until.Compare(b.Until) })
	return fmt.Sprintf("%s; the first certificate to end is %s, on %s", text, first.Cert, date(first.Until))
}

type inspector struct {
	now    time.Time
	out    Inspection
	leaves []certFile
	cas    []certFile
	keys   []keyFile
}

type certFile struct {
	File
	certs []*x509.Certificate
}

type keyFile struct {
	File
	fingerprint string // empty: it cannot be read
	used        bool
}

func (in *inspector) find(file string, s Severity, code, what, why, do string) {
	in.out.Findings = append(in.out.Findings, FileFinding{file, Finding{s, code, what, why, do}})
}

func (in *inspector) read(f File) {
	lines, secret := Describe(f.Data)
	if len(lines) == 0 {
		return
	}
	in.out.Files = append(in.out.Files, Inspected{f.Name, lines})
	blocks, err := ReadPEM(f.Data)
	switch {
	case err != nil:
		in.find(f.Name, Fail, CodeUnreadable, err.Error(), "OpenSSL refuses the file, or reads a part of it", "write it again from its source")
	case slices.ContainsFunc(blocks, func(b Block) bool { return isDHParams(b.Type) }):
		in.dhParams(f)
	case secret:
		in.readKey(f)
	default:
		in.readCerts(f)
	}
}

func (in *inspector) readCerts(f File) {
	certs, err := ParseCerts(f.Data)
	switch {
	case err != nil:
		in.find(f.Name, Note, CodeUnreadable, err.Error(), "it is no certificate file", "nothing, if it is not meant to be one")
	case actsAsCA(certs[0]):
		in.cas = append(in.cas, certFile{f, certs})
	default:
		in.leaves = append(in.leaves, certFile{f, certs})
	}
}

func (in *inspector) readKey(f File) {
	if f.Mode&0o007 != 0 {
		in.find(f.Name, Warn, CodeOpenKey, fmt.Sprintf("the private key has mode %04o", f.Mode), "every user of the machine can reach it",
			"chmod o= "+f.Name+", and make it anew if others may have read it")
	}
	k := keyFile{File: f}
	if key, err := ParseKey(f.Data); err == nil {
		k.fingerprint, _ = KeyFingerprint(key.Public())
	} else if !IsEncryptedKey(f.Data) {
		in.find(f.Name, Fail, CodeUnreadable, err.Error(), "servers refuse the file", "write it again from its source")
	}
	in.keys = append(in.keys, k)
}

func (in *inspector) dhParams(f File) {
	switch bits, err := DHParamsBits(f.Data); {
	case err != nil:
		in.find(f.Name, Fail, CodeUnreadable, err.Error(), "state transfers by old socat break off", "lockstep certs dhparams -o "+f.Name)
	case bits < 2048:
		in.find(f.Name, Fail, CodeWeakKey, fmt.Sprintf("the Diffie-Hellman group has %d bits", bits),
			"OpenSSL at its usual security level 2 refuses such groups", "lockstep certs dhparams -o "+f.Name)
	}
}

// set finds what belongs to a certificate: the key by its public key, the CA
// file by verification, and else the first.
func (in *inspector) set(leaf certFile) InspectedSet {
	c := leaf.certs[0]
	out := InspectedSet{Cert: leaf.Name, Role: RoleServer, Until: c.NotAfter}
	if hasEKU(c) && allows(c, PurposeClient) && !allows(c, PurposeServer) {
		out.Role = RoleClient
	}
	s := Set{Cert: leaf.Data}
	if i := in.keyOf(c); i >= 0 {
		in.keys[i].used = true
		out.Key, s.Key = in.keys[i].Name, in.keys[i].Data
	}
	ca, ok := in.caOf(leaf, out.Role)
	if !ok {
		out.Findings = partial(Check(Set{Cert: s.Cert, Key: s.Key, CA: s.Cert}, CheckOptions{Now: in.now, Role: out.Role}))
		out.Findings = append(out.Findings, Finding{Note, CodeChain, "no CA file lies beside it, so its chain is not judged",
			"who made it cannot be told", "inspect it together with its CA file"})
		return out
	}
	out.CA, s.CA = ca.Name, ca.Data
	out.Findings = Check(s, CheckOptions{Now: in.now, Role: out.Role})
	return out
}

// partial leaves out what a missing CA file leads to.
func partial(all []Finding) []Finding {
	return slices.DeleteFunc(all, func(f Finding) bool { return f.Code == CodeChain || f.Code == CodeNotCA })
}

func (in *inspector) keyOf(c *x509.Certificate) int {
	want, err := KeyFingerprint(c.PublicKey)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(in.keys, func(k keyFile) bool { return k.fingerprint == want })
}

func (in *inspector) caOf(leaf certFile, r Role) (certFile, bool) {
	for _, ca := range in.cas {
		if Verify(leaf.certs, ca.certs, Rules{Now: in.now, Purpose: r.purposes()[0]}) == nil {
			return ca, true
		}
	}
	for _, ca := range in.cas {
		if slices.ContainsFunc(ca.certs, func(c *x509.Certificate) bool { return mayHaveIssued(c, leaf.certs[0]) }) {
			return ca, true
		}
	}
	if len(in.cas) > 0 {
		return in.cas[0], true
	}
	return certFile{}, false
}

// sameSerials finds certificates that some TLS stacks cannot tell apart.
func (in *inspector) sameSerials() {
	for i, a := range in.leaves {
		for _, b := range in.leaves[:i] {
			x, y := a.certs[0], b.certs[0]
			if x.Equal(y) || !sameDN(x.RawIssuer, y.RawIssuer) || x.SerialNumber.Cmp(y.SerialNumber) != 0 {
				continue
			}
			in.find(a.Name, Warn, CodeSameSerial, fmt.Sprintf("it has the serial number of %s, by the same issuer", b.Name),
				"some TLS libraries refuse the second they meet", "issue one of them again with a random serial number")
		}
	}
}

// orphans are keys without a certificate.
func (in *inspector) orphans() {
	for _, ca := range in.cas {
		if i := in.keyOf(ca.certs[0]); i >= 0 && !in.keys[i].used {
			in.keys[i].used = true
			in.find(in.keys[i].Name, Note, CodeAuthorityKey, "it is the key of the authority in "+ca.Name,
				"who has it can make certificates that every node trusts", "keep it on the control machine alone, never on a node")
		}
	}
	for _, k := range in.keys {
		if k.fingerprint != "" && !k.used && len(in.leaves)+len(in.cas) > 0 {
			in.find(k.Name, Warn, CodeKeyMismatch, "the private key belongs to none of the certificates",
				"a server that is given it with one of them does not start", "look for its certificate, or remove it if nothing uses it")
		}
	}
}

// CheckBundle judges CA certificates that are to stand in one file. What would
// make a rotation break is a Fail here: two CAs that OpenSSL cannot tell apart,
// and certificates that are no CA.
func CheckBundle(cas []*x509.Certificate, now time.Time) []Finding {
	j := judge{o: CheckOptions{Now: now}.withDefaults(), cas: cas}
	for _, ca := range cas {
		j.authority(ca)
	}
	j.sameSubjects()
	for i, f := range j.found {
		if f.Code == CodeSameSubject || f.Code == CodeNotCA && strings.Contains(f.What, "is no CA") {
			j.found[i].Severity = Fail
		}
	}
	return j.found
}
