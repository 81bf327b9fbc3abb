package sshconfig

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Jumps reads the value of ProxyJump: the hops in the order in which they are
// made, each [USER@]HOST[:PORT] or an ssh:// address. "none" and nothing are
// no hops.
func Jumps(text string) ([]Query, error) {
	if notNone(text) == "" {
		return nil, nil
	}
	var hops []Query
	for _, part := range strings.Split(text, ",") {
		hop, err := jump(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("ProxyJump: %q: %w", part, err)
		}
		hops = append(hops, hop)
	}
	return hops, nil
}

func jump(text string) (hop Query, err error) {
	port := ""
	if strings.HasPrefix(strings.ToLower(text), "ssh://") {
		u, err := url.Parse(text)
		if err != nil || strings.Trim(u.Path, "/") != "" {
			return hop, fmt.Errorf("not an address like ssh://user@host:22")
		}
		hop.Alias, hop.User, port = u.Hostname(), u.User.Username(), u.Port()
	} else {
		at := strings.LastIndexByte(text, '@')
		hop.User = text[:max(at, 0)]
		hop.Alias, port = cutPort(text[at+1:])
	}
	if hop.Alias == "" || strings.HasPrefix(hop.Alias, "-") || strings.ContainsAny(hop.Alias, " \t/'\"`$\\;&<>|(){}[]") {
		return hop, fmt.Errorf("no host name")
	}
	if port != "" {
		if hop.Port, err = strconv.Atoi(port); err != nil || hop.Port < 1 || hop.Port > 65535 {
			return hop, fmt.Errorf("%q is not a port", port)
		}
	}
	return hop, nil
}

// cutPort splits HOST:PORT and [HOST]:PORT. A bare IPv6 address has no port.
func cutPort(text string) (host, port string) {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		host, after, _ := strings.Cut(inner, "]")
		return host, strings.TrimPrefix(after, ":")
	}
	if strings.Count(text, ":") == 1 {
		host, port, _ = strings.Cut(text, ":")
		return host, port
	}
	return text, ""
}
