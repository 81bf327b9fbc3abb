//go:build !linux

package main

import "golang.org/x/sys/unix"

// The requests that read and change a terminal.
const getTermios, setTermios = unix.TIOCGETA, unix.TIOCSETA
