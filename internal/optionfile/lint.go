package optionfile

import (
	"fmt"
	"strings"
)

// Lint judges the options that one program reads, in reading order, for what
// the parser accepts but nobody means: options that an other one switches off
// or shadows, lists that Galera refuses, half a set of certificates. It is fed
// by Options of a File or a Graph, for one program's groups at a time. It
// never shows a value.
func Lint(options []Option) []Problem {
	var out []Problem
	out = append(out, lintShadowed(options)...)
	out = append(out, lintTLSSwitch(options)...)
	out = append(out, lintTLSFiles(options)...)
	for _, o := range options {
		out = append(out, lintSubKeys(o)...)
		out = append(out, lintSST(o)...)
		out = append(out, lintAbbreviation(o)...)
	}
	return out
}

func (o Option) problem(s Severity, text, do string) Problem {
	return Problem{File: o.File, Line: o.Line, Severity: s, Text: text, Do: do}
}

// last returns the occurrence that counts of each option.
func last(options []Option) map[string]Option {
	out := map[string]Option{}
	for _, o := range options {
		out[canonical(o.Key)] = o
	}
	return out
}

// repeatable lists options that a program collects instead of overwriting.
func repeatable(key string) bool {
	switch canonical(key) {
	case "plugin-load-add", "early-plugin-load-add":
		return true
	}
	for _, p := range []string{"replicate-", "binlog-do-db", "binlog-ignore-db", "ignore-db-dir", "init-rpl-role"} {
		if strings.HasPrefix(canonical(key), p) {
			return true
		}
	}
	return false
}

func lintShadowed(options []Option) []Problem {
	winner := last(options)
	var out []Problem
	for _, o := range options {
		w := winner[canonical(o.Key)]
		if w.File == o.File && w.Line == o.Line || w.Value == o.Value && w.Flag == o.Flag || repeatable(o.Key) {
			continue
		}
		text := fmt.Sprintf("%s has no effect: %s sets it later", o.Key, w.place())
		if sameKey(o.Key, providerOptions) {
			text = fmt.Sprintf("%s has no effect: %s replaces the whole list, nothing is merged", o.Key, w.place())
		}
		out = append(out, o.problem(Warning, text, "keep one of them"))
	}
	return out
}

// tlsSwitch reports whether an option turns TLS on or off as a whole.
func tlsSwitch(o Option) (on, is bool) {
	switch canonical(o.Key) {
	case "skip-ssl", "disable-ssl":
		return !o.Flag && isOff(o.Value), true
	case "ssl", "enable-ssl":
		return o.Flag || !isOff(o.Value), true
	}
	return false, false
}

func isOff(value string) bool {
	switch lower(value) {
	case "0", "off", "false", "no":
		return true
	}
	return false
}

// lintTLSSwitch finds certificates that are set while TLS is off, which the
// server does not mind (MariaDB: "skip-ssl").
func lintTLSSwitch(options []Option) []Problem {
	var off Option
	isOff, files := false, false
	for _, o := range options {
		if on, is := tlsSwitch(o); is {
			off, isOff = o, !on
		}
		files = files || isTLSFile(o)
	}
	if !isOff || !files {
		return nil
	}
	return []Problem{off.problem(Refuse, fmt.Sprintf("%s turns TLS off although certificates are set", off.Key), "remove it")}
}

func isTLSFile(o Option) bool {
	switch canonical(o.Key) {
	case "ssl-ca", "ssl-cert", "ssl-key":
		return true
	}
	return false
}

func lintTLSFiles(options []Option) []Problem {
	var out []Problem
	winner := last(options)
	for _, key := range []string{"ssl-ca", "ssl-cert", "ssl-key"} {
		o, ok := winner[key]
		switch {
		case !ok:
		case o.Flag:
			out = append(out, o.problem(Fatal, fmt.Sprintf("%s has no value; the server does not start", o.Key), "name a file"))
		case o.Value == "":
			out = append(out, o.problem(Warning, fmt.Sprintf("%s is empty, which is not the same as absent", o.Key), "name a file or remove the line"))
		case !strings.HasPrefix(o.Value, "/"):
			out = append(out, o.problem(Warning, fmt.Sprintf("%s is relative to the data directory of the server", o.Key), "write the whole path"))
		}
	}
	return append(out, lintPair(winner)...)
}

// lintPair finds a certificate without its key and the reverse.
func lintPair(winner map[string]Option) []Problem {
	cert, hasCert := winner["ssl-cert"]
	key, hasKey := winner["ssl-key"]
	switch {
	case hasCert && !hasKey:
		return []Problem{cert.problem(Warning, fmt.Sprintf("%s is set without ssl-key", cert.Key), "set both or none")}
	case hasKey && !hasCert:
		return []Problem{key.problem(Warning, fmt.Sprintf("%s is set without ssl-cert", key.Key), "set both or none")}
	}
	return nil
}

func lintSubKeys(o Option) []Problem {
	if !o.Is(providerOptions) {
		return nil
	}
	if o.Flag {
		return []Problem{o.problem(Fatal, o.Key+" has no value; the server does not start", "write a list behind \"=\"")}
	}
	list, err := ParseProviderOptions(o.Value)
	if err != nil {
		return []Problem{o.problem(Fatal, o.Key+": "+err.Error(), "correct it, the server does not start with it")}
	}
	var out []Problem
	for _, s := range list {
		if p, ok := CheckSubKey(s.Key); !ok {
			p.File, p.Line, p.Text = o.File, o.Line, o.Key+": "+p.Text
			out = append(out, p)
		}
	}
	return out
}

// lintSST judges [sst], which no server reads but the transfer scripts, whose
// awk wants the exact letters.
func lintSST(o Option) []Problem {
	if !sameGroup(o.Group, "sst") {
		return nil
	}
	if o.Key != lower(o.Key) {
		return []Problem{o.problem(Warning, fmt.Sprintf("%s has capital letters; the transfer scripts do not find it", o.Key), "write "+lower(o.Key))}
	}
	if o.Is("encrypt") && (o.Value == "1" || o.Value == "2" || o.Value == "3") {
		return []Problem{o.problem(Warning, "this mode of encrypt is deprecated, and gone from Percona XtraDB Cluster 8.0", "use encrypt = 4 with ssl-ca, ssl-cert and ssl-key")}
	}
	return nil
}

// lintAbbreviation finds a beginning of a name that matters here: programs
// accept one that only one option has, and editing by the whole name would
// then leave the abbreviation in force.
func lintAbbreviation(o Option) []Problem {
	key := canonical(o.Key)
	for _, whole := range []string{
		"ssl-ca", "ssl-cert", "ssl-key", "ssl-cipher", "tls-version", "require-secure-transport",
		"wsrep-provider-options", "wsrep-sst-auth", "wsrep-sst-method", "pxc-encrypt-cluster-traffic",
	} {
		if n := len(key); n > 4 && n < len(whole) && strings.HasPrefix(whole, key) && !isWhole(key) {
			return []Problem{o.problem(Warning, fmt.Sprintf("%s may be taken for an abbreviation of %s", o.Key, whole), "write the whole name")}
		}
	}
	return nil
}

// isWhole knows the options whose names begin another one's.
func isWhole(key string) bool { return key == "wsrep-provider" }
