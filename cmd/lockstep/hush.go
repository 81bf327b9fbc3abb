package main

import "golang.org/x/sys/unix"

// hush lets the terminal show nothing of what is typed, take it line by line
// and make an interrupt of Ctrl-C, until loud is called.
func hush(fd int) (loud func(), err error) {
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	hushed := *before
	hushed.Lflag &^= unix.ECHO
	hushed.Lflag |= unix.ICANON | unix.ISIG
	hushed.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, setTermios, &hushed); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, before) }, nil
}
