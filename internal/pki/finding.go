package pki

import "fmt"

// Severity orders findings; a higher value is worse.
type Severity int

const (
	Note Severity = iota + 1 // worth knowing, harmless today
	Warn                     // works today; will break or weakens the protection
	Fail                     // a node or a client refuses it: do not deploy
)

func (s Severity) String() string {
	switch s {
	case Note:
		return "note"
	case Warn:
		return "warn"
	case Fail:
		return "fail"
	}
	return fmt.Sprintf("severity %d", int(s))
}

// Finding is one thing wrong with a set of certificates.
type Finding struct {
	Severity Severity
	Code     string // stable word for tests and machines, one of the Code constants
	What     string // what was found, with the certificate it is about
	Why      string // why it matters
	Do       string // what to do
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s\n  why: %s\n  do:  %s", f.Severity, f.What, f.Why, f.Do)
}

// The codes of findings.
const (
	CodeUnreadable    = "unreadable"     // a file is not what it should be
	CodeEncryptedKey  = "encrypted-key"  // the key has a passphrase
	CodeKeyMismatch   = "key-mismatch"   // the key is not the certificate's
	CodeChain         = "chain"          // OpenSSL would not verify the chain
	CodeSameSubject   = "same-subject"   // two CAs of the bundle share a subject
	CodeNameClash     = "name-clash"     // the leaf is named like a CA
	CodeExpired       = "expired"        // NotAfter is past
	CodeNotYet        = "not-yet-valid"  // NotBefore is to come
	CodeExpiring      = "expiring"       // NotAfter is near
	CodeOutlivesCA    = "outlives-ca"    // the leaf ends after its CA
	CodePurpose       = "purpose"        // key usage or EKU is too narrow
	CodeNotCA         = "not-a-ca"       // the bundle holds something that cannot be a CA
	CodeWeakKey       = "weak-key"       // short RSA or an unusable kind of key
	CodeWeakSignature = "weak-signature" // MD5 or SHA-1
	CodeNames         = "names"          // a name is not in the SAN
	CodeVersion       = "version"        // X.509 version 1 or 2
	CodeSameSerial    = "same-serial"    // two certificates of one issuer share a serial number
	CodeOpenKey       = "open-key"       // others can read a private key
	CodeAuthorityKey  = "authority-key"  // the key of an authority is here
)

// Worst is the highest severity among findings, zero for none.
func Worst(fs []Finding) Severity {
	var w Severity
	for _, f := range fs {
		w = max(w, f.Severity)
	}
	return w
}
