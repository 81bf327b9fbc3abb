package sshconfig

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// finish reads the values and fills in their tokens.
func (c *Config) finish(q Query, r raw) (Settings, error) {
	f := &finisher{config: c, query: q, raw: r, s: Settings{
		HostName: fillHostName(firstOf(r.one["hostname"], q.Alias), q.Alias), Port: q.Port,
		User:         firstOf(q.User, r.one["user"], c.options.User),
		HostKeyAlias: r.one["hostkeyalias"], HostKeyAlgorithms: r.one["hostkeyalgorithms"],
		KexAlgorithms: r.one["kexalgorithms"], Ciphers: r.one["ciphers"], MACs: r.one["macs"],
		ProxyJump: notNone(r.one["proxyjump"]),
	}}
	s := &f.s
	if s.Port == 0 {
		s.Port = f.number("port", 1, 65535, 22)
	}
	s.AliveCount = f.number("serveralivecountmax", 0, 1<<30, 0)
	s.AliveInterval, s.ConnectTimeout = f.duration("serveraliveinterval"), f.duration("connecttimeout")
	s.IdentitiesOnly, s.HashKnownHosts = f.yes("identitiesonly"), f.yes("hashknownhosts")
	s.Identities, s.Certificates = f.paths("identityfile"), f.paths("certificatefile")
	s.UserKnownHosts, s.GlobalKnownHosts = f.paths("userknownhostsfile"), f.paths("globalknownhostsfile")
	s.RevokedHostKeys = f.path("revokedhostkeys", notNone(r.one["revokedhostkeys"]))
	if s.IdentityAgent = r.one["identityagent"]; s.IdentityAgent != "none" && s.IdentityAgent != "SSH_AUTH_SOCK" {
		s.IdentityAgent = f.agent(s.IdentityAgent)
	}
	s.ProxyCommand = f.fill("proxycommand", notNone(r.one["proxycommand"]))
	return *s, f.err
}

// Command fills in the tokens of a proxy command that stands elsewhere, for a
// host with these settings. "none" is no command.
func (c *Config) Command(q Query, s Settings, text string) (string, error) {
	f := &finisher{config: c, query: q, raw: newRaw(), s: s}
	return f.fill("proxycommand", notNone(text)), f.err
}

func notNone(text string) string {
	if strings.EqualFold(text, "none") {
		return ""
	}
	return text
}

// finisher keeps the first problem.
type finisher struct {
	config *Config
	query  Query
	raw    raw
	s      Settings
	err    error
}

func (f *finisher) fail(key, format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("%s: %s: %s", firstOf(f.raw.at[key], "ssh configuration of "+f.query.Alias), key, fmt.Sprintf(format, args...))
	}
}

func (f *finisher) number(key string, low, high, otherwise int) int {
	text, ok := f.raw.one[key]
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		f.fail(key, "%q is not a number from %d to %d", text, low, high)
	}
	return n
}

func (f *finisher) yes(key string) bool {
	switch text := strings.ToLower(f.raw.one[key]); text {
	case "yes", "true":
		return true
	case "", "no", "false":
	default:
		f.fail(key, "%q is neither yes nor no", text)
	}
	return false
}

// duration reads 90, 1m30s and none.
func (f *finisher) duration(key string) time.Duration {
	total, digits := time.Duration(0), ""
	for _, c := range strings.ToLower(notNone(f.raw.one[key])) + "s" {
		units := map[rune]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
		switch unit, ok := units[c]; {
		case c >= '0' && c <= '9':
			digits += string(c)
		case ok && len(digits) < 8:
			n, _ := strconv.Atoi(digits) // none is 0
			total, digits = total+time.Duration(n)*unit, ""
		default:
			f.fail(key, "%q is not a time", f.raw.one[key])
			return 0
		}
	}
	return total
}

func (f *finisher) paths(key string) []string {
	var out []string
	for _, text := range f.raw.many[key] {
		if out == nil {
			out = []string{}
		}
		if path := f.path(key, notNone(text)); path != "" && !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	return out
}

// agent understands $NAME besides what every path may have.
func (f *finisher) agent(text string) string {
	if name, ok := strings.CutPrefix(text, "$"); ok && !strings.HasPrefix(name, "{") {
		return f.config.options.Getenv(name)
	}
	return f.path("identityagent", text)
}

func (f *finisher) path(key, text string) string {
	switch {
	case text == "~" || strings.HasPrefix(text, "~/"):
		text = f.config.options.Home + text[1:]
	case strings.HasPrefix(text, "~"):
		f.fail(key, "%s: another user's home is not understood; write the path out", text)
		return ""
	}
	return f.variables(key, f.fill(key, text))
}

// variables fills in ${NAME}.
func (f *finisher) variables(key, text string) string {
	before, rest, ok := strings.Cut(text, "${")
	if !ok {
		return text
	}
	name, after, ok := strings.Cut(rest, "}")
	value := f.config.options.Getenv(name)
	if !ok || value == "" {
		f.fail(key, "the variable ${%s} is not set", name)
		return ""
	}
	return before + value + f.variables(key, after)
}

// fill fills in the % tokens.
func (f *finisher) fill(key, text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i++; i == len(text) {
			f.fail(key, "a %% stands at the end")
			break
		}
		b.WriteString(f.token(key, text[i]))
	}
	return b.String()
}
