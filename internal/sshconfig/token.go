package sshconfig

import (
	"crypto/sha1" // %C is defined by it
	"encoding/hex"
	"os"
	"strconv"
	"strings"
)

// token is what %c stands for.
func (f *finisher) token(key string, c byte) string {
	s, o := f.s, f.config.options
	switch c {
	case '%':
		return "%"
	case 'h':
		return s.HostName
	case 'n':
		return f.query.Alias
	case 'p':
		return strconv.Itoa(s.Port)
	case 'r':
		return s.User
	case 'u':
		return o.User
	case 'd':
		return o.Home
	case 'i':
		return strconv.Itoa(os.Getuid())
	case 'k':
		return firstOf(s.HostKeyAlias, f.query.Alias)
	case 'j':
		return f.jumpHost()
	case 'L':
		short, _, _ := strings.Cut(thisHost(), ".")
		return short
	case 'l':
		return thisHost()
	case 'C':
		sum := sha1.Sum([]byte(thisHost() + s.HostName + strconv.Itoa(s.Port) + s.User + f.jumpHost()))
		return hex.EncodeToString(sum[:])
	}
	f.fail(key, "the token %%%c is not understood", c)
	return ""
}

// jumpHost is the host of the last hop.
func (f *finisher) jumpHost() string {
	hops, err := Jumps(f.s.ProxyJump)
	if err != nil || len(hops) == 0 {
		return ""
	}
	return hops[len(hops)-1].Alias
}

func thisHost() string {
	name, _ := os.Hostname() // then it is empty, as for ssh
	return name
}
