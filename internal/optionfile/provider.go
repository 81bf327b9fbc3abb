package optionfile

import (
	"errors"
	"fmt"
	"strings"
)

// providerOptions is the one option that holds a list of its own.
const providerOptions = "wsrep_provider_options"

// SubOption is one "key=value" of wsrep_provider_options.
type SubOption struct{ Key, Value string }

// ParseProviderOptions reads a value of wsrep_provider_options as Galera does
// (Config::parse): ";" parts the list, "=" key and value, blanks around both
// are dropped, of two with the same key the later one wins. The error is for
// what Galera refuses, which stops the server, and for what hangs it.
func ParseProviderOptions(value string) ([]SubOption, error) {
	segments, err := parseSegments(value)
	if err != nil {
		return nil, err
	}
	var out []SubOption
	for _, s := range segments {
		if s.key != "" {
			out = append(out, SubOption{s.key, s.value})
		}
	}
	return out, nil
}

// segment is the text between two ";", with what Galera makes of it. A blank
// one has no key.
type segment struct{ raw, key, value string }

func parseSegments(value string) ([]segment, error) {
	var out []segment
	raws := split(value, ';')
	for i, raw := range raws {
		text := raw
		if i < len(raws)-1 { // Galera does not unescape the last one
			var err error
			if text, err = dropEscapes(raw); err != nil {
				return nil, fmt.Errorf("part %d of the list: %w", i+1, err)
			}
		}
		s, err := parseSegment(text)
		if err != nil {
			return nil, fmt.Errorf("part %d of the list: %w", i+1, err)
		}
		s.raw = raw
		out = append(out, s)
	}
	return out, nil
}

func parseSegment(text string) (segment, error) {
	parts := split(text, '=')
	for i := range parts[:len(parts)-1] {
		var err error
		if parts[i], err = dropEscapes(parts[i]); err != nil {
			return segment{}, err
		}
	}
	key := trimSpace(parts[0])
	switch {
	case key == "" && len(parts) == 1:
		return segment{}, nil
	case key == "":
		return segment{}, errors.New("there is no key before \"=\" (Galera: Empty key)")
	case len(parts) == 1:
		return segment{}, fmt.Errorf("%s has no value (Galera: Key without value)", quoteKey(key))
	case len(parts) > 2:
		return segment{}, fmt.Errorf("%s has more than one \"=\" (Galera: More than one value for key); parts are divided by \";\"", quoteKey(key))
	}
	return segment{key: key, value: trimSpace(parts[1])}, nil
}

// split cuts at each separator that has no backslash before it.
func split(s string, sep byte) []string {
	var out []string
	from, search := 0, 0
	for i := 0; i < len(s); i++ {
		if s[i] != sep {
			continue
		}
		if i > search && s[i-1] == '\\' {
			search = i + 1
			continue
		}
		out = append(out, s[from:i])
		from, search = i+1, i+1
	}
	return append(out, s[from:])
}

// dropEscapes removes each backslash and keeps what follows it. Galera's loop
// never ends on one at the very beginning or right behind another escape.
func dropEscapes(s string) (string, error) {
	for search := 0; ; {
		i := strings.IndexByte(s[search:], '\\')
		switch {
		case i < 0:
			return s, nil
		case i == 0:
			return "", errors.New("a backslash stands where Galera's parser loops for ever, so the server hangs at start")
		}
		i += search
		s = s[:i] + s[i+1:]
		if search = i + 1; search > len(s) {
			return s, nil
		}
	}
}

func trimSpace(s string) string { return strings.Trim(s, " \t\n\v\f\r") }

// quoteKey shows the key of a list that may be garbled, cut short since the
// rest may be a secret that strayed into it.
func quoteKey(key string) string {
	const most = 40
	if len(key) > most {
		key = key[:most] + "..."
	}
	return fmt.Sprintf("%q", key)
}

// setSub returns the list with the key set: the last such part is changed, or
// a new one follows the last part that is not blank.
func setSub(value string, want SubOption) (string, error) {
	segments, err := editable(value)
	if err != nil {
		return "", err
	}
	for i := len(segments) - 1; i >= 0; i-- {
		if s := &segments[i]; s.key == want.Key {
			eq := strings.IndexByte(s.raw, '=')
			s.raw = s.raw[:eq+1] + refill(s.raw[eq+1:], want.Value)
			return join(segments), nil
		}
	}
	return join(insertSub(segments, want)), nil
}

// refill puts a value between the blanks of the old one.
func refill(old, value string) string {
	body := trimSpace(old)
	if body == "" {
		return value
	}
	i := strings.Index(old, body)
	return old[:i] + value + old[i+len(body):]
}

func insertSub(segments []segment, want SubOption) []segment {
	at := len(segments)
	for at > 0 && segments[at-1].key == "" {
		at--
	}
	lead := ""
	if at > 1 {
		raw := segments[at-1].raw
		lead = raw[:len(raw)-len(strings.TrimLeft(raw, " \t"))]
	}
	added := segment{raw: lead + want.Key + "=" + want.Value, key: want.Key, value: want.Value}
	if at == 0 { // a blank list: what was there goes
		return []segment{added}
	}
	return append(segments[:at:at], append([]segment{added}, segments[at:]...)...)
}

// deleteSub returns the list without any part of that key.
func deleteSub(value, key string) (string, error) {
	segments, err := editable(value)
	if err != nil {
		return "", err
	}
	var kept []segment
	for _, s := range segments {
		if s.key != key {
			kept = append(kept, s)
		}
	}
	if len(kept) > 0 && len(kept) < len(segments) && segments[0].key == key {
		kept[0].raw = strings.TrimLeft(kept[0].raw, " \t")
	}
	return join(kept), nil
}

func join(segments []segment) string {
	raws := make([]string, len(segments))
	for i, s := range segments {
		raws[i] = s.raw
	}
	return strings.Join(raws, ";")
}

// editable parses a list that is about to be changed. Stray quotes are no
// error to Galera's parser, but to what follows it.
func editable(value string) ([]segment, error) {
	segments, err := parseSegments(value)
	if err != nil {
		return nil, err
	}
	for i, s := range segments {
		if s.key != "" && (checkKey(s.key) != nil || strings.ContainsAny(s.value, `"'\`+curlys)) {
			return nil, fmt.Errorf("part %d of the list has quotes, backslashes or other strange characters in or around %s, with which the provider does not start; correct it by hand first", i+1, quoteKey(s.key))
		}
	}
	return segments, nil
}

// checkSubValue refuses what the list cannot hold for certain.
func checkSubValue(value string) error {
	if strings.ContainsAny(value, ";=\\\"'"+curlys) {
		return errors.New("the value must not contain ; = \\ or quotes, which Galera's parser does not hold")
	}
	if strings.TrimSpace(value) != value {
		return errors.New("the value must not begin or end with a blank")
	}
	for i := 0; i < len(value); i++ {
		if value[i] < ' ' || value[i] == 0x7f {
			return errors.New("the value must not contain control characters")
		}
	}
	return nil
}
