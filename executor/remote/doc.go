// Package remote reaches a host over SSH. It is the only code that speaks SSH
// and SFTP: it logs in, checks host keys, becomes another user, frames commands
// for a long-lived remote sh and replaces files without a moment in which they
// are half-written. It knows no plan, no step and no kind.
//
// A host needs sshd and a POSIX sh with stat, cat, mkdir, mv and rm; GNU
// coreutils and busybox both do.
package remote
