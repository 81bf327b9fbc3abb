package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/go-multierror"
	"gopkg.in/yaml.v3"
)

// maxValues bounds how many values one file may unfold to, so that a handful of
// nested aliases cannot fill the memory.
const maxValues = 1_000_000

// ParseYAML reads one YAML document strictly: duplicate keys, keys that are not
// text, aliases that loop or explode, tabs in indentation, and bytes that are
// not UTF-8 are errors. All problems that can be found are in the one error.
// A value with one of the given local tags ("!vault") is kept with its Tag, for
// the caller to judge; any other unknown tag is an error.
func ParseYAML(file string, data []byte, tags ...string) (Value, error) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if at := invalidUTF8(data); at >= 0 {
		line := 1 + bytes.Count(data[:at], []byte("\n"))
		return Value{}, &Error{Pos: Pos{file, line, 0}, Msg: "the file is not UTF-8", Hint: "save it as UTF-8"}
	}
	lines := strings.Split(string(data), "\n")
	r := &yamlReader{file: file, tags: tags, lines: len(lines), said: map[string]bool{}, line: func(n int) string {
		if n < 1 || n > len(lines) {
			return ""
		}
		return strings.TrimSuffix(lines[n-1], "\r")
	}}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return Value{Pos: Pos{file, 1, 1}, line: r.line}, nil
		}
		return Value{}, r.syntax(err)
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		return Value{}, r.errorAt(&second, "write one document a file", "a second document begins here")
	} else if !errors.Is(err, io.EOF) {
		return Value{}, r.syntax(err)
	}
	v := r.value(doc.Content[0], nil)
	return v, r.problems.ErrorOrNil()
}

type yamlReader struct {
	file     string
	tags     []string // local tags that the caller judges
	line     func(int) string
	lines    int
	count    int
	problems *multierror.Error
	said     map[string]bool
}

func (r *yamlReader) pos(n *yaml.Node) Pos { return Pos{r.file, n.Line, n.Column} }

func (r *yamlReader) errorAt(n *yaml.Node, hint, format string, args ...any) *Error {
	return &Error{Pos: r.pos(n), Msg: fmt.Sprintf(format, args...), Hint: hint, Line: r.line(n.Line)}
}

func (r *yamlReader) fail(n *yaml.Node, hint, format string, args ...any) {
	e := r.errorAt(n, hint, format, args...)
	if said := e.Error(); !r.said[said] { // an alias brings it a second time
		r.said[said] = true
		r.problems = multierror.Append(r.problems, e)
	}
}

// value converts n; open holds the aliases being followed, to find loops.
func (r *yamlReader) value(n *yaml.Node, open []*yaml.Node) Value {
	v := Value{Pos: r.pos(n), line: r.line}
	if r.count++; r.count > maxValues {
		if r.count == maxValues+1 {
			r.fail(n, "", "the file unfolds to more than %d values; are its aliases nested?", maxValues)
		}
		return v
	}
	switch n.Kind {
	case yaml.AliasNode:
		if slices.Contains(open, n.Alias) {
			r.fail(n, "", "the alias *%s contains itself", n.Value)
			return v
		}
		v = r.value(n.Alias, append(open, n.Alias))
	case yaml.SequenceNode:
		v.Shape = List
		r.known(&v, n, "!!seq")
		for _, item := range n.Content {
			if v.Items = append(v.Items, r.value(item, open)); r.count > maxValues {
				break
			}
		}
	case yaml.MappingNode:
		v.Shape = Map
		r.known(&v, n, "!!map")
		r.fields(&v, n, open)
	case yaml.ScalarNode:
		r.scalar(&v, n)
	}
	return v
}

// known refuses a tag on a list or map that is neither its own nor one that the
// caller judges.
func (r *yamlReader) known(v *Value, n *yaml.Node, own string) {
	tag := n.ShortTag()
	if slices.Contains(r.tags, tag) {
		v.Tag = tag
	} else if tag != own {
		r.fail(n, "", "the tag %s is not known here", tag)
	}
}

func (r *yamlReader) fields(v *Value, n *yaml.Node, open []*yaml.Node) {
	seen := map[string]int{}
	merged := r.merged(v, n, open)
	for i := 0; i+1 < len(n.Content) && r.count <= maxValues; i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			continue
		}
		if key.Kind != yaml.ScalarNode {
			r.fail(key, "", "a key must be plain text")
			continue
		}
		if line, dup := seen[key.Value]; dup {
			r.fail(key, "", "the key %q stands here a second time; the first is on line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		one := Field{Key: key.Value, KeyPos: r.pos(key), Value: r.value(val, open)}
		if at, ok := merged[key.Value]; ok {
			v.Fields[at] = one
		} else {
			v.Fields = append(v.Fields, one)
		}
	}
}

// merged gives v the fields that the merge key << of n names, in the order that
// YAML 1.1 has: of a list of maps, the first that has a key wins. It tells where
// each key is; those of n itself win over them.
func (r *yamlReader) merged(v *Value, n *yaml.Node, open []*yaml.Node) map[string]int {
	at := map[string]int{}
	line := 0
	for i := 0; i+1 < len(n.Content) && r.count <= maxValues; i += 2 {
		key := n.Content[i]
		switch {
		case key.Tag != "!!merge":
			continue
		case line > 0:
			r.fail(key, "write one list: <<: [*a, *b]", "the merge key << stands here a second time; the first is on line %d", line)
			continue
		}
		line = key.Line
		for _, one := range slices.Backward(r.maps(n.Content[i+1], open)) {
			for _, f := range one.Fields {
				if _, ok := at[f.Key]; !ok {
					at[f.Key] = len(v.Fields)
					v.Fields = append(v.Fields, f)
				}
				v.Fields[at[f.Key]] = f
			}
		}
	}
	return at
}

// maps are the maps that a merge key names: one, or a list of them.
func (r *yamlReader) maps(n *yaml.Node, open []*yaml.Node) []Value {
	v := r.value(n, open)
	if r.count > maxValues {
		return nil
	}
	all := []Value{v}
	if v.Shape == List && v.Tag == "" {
		all = v.Items
	}
	for _, one := range all {
		if one.Shape != Map || one.Tag != "" {
			r.fail(n, "write <<: *anchor, or a list of them", "the merge key << takes maps, but this is %s", one.Shape)
			return nil
		}
	}
	return all
}

func (r *yamlReader) scalar(v *Value, n *yaml.Node) {
	v.Shape, v.Text = Scalar, n.Value
	v.Quoted = n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch n.ShortTag() {
	case "!!null":
		v.Shape = Null
	case "!!bool":
		truth, known := taggedTruth(n.Value)
		if !known {
			r.fail(n, "write true or false", "%q is no truth value", n.Value)
		}
		v.Any = truth
	case "!!int":
		if len(n.Value) > 1 && n.Value[0] == '0' && strings.Trim(n.Value[1:], "01234567o_") == "" {
			v.Any = n.Value // a mode most likely, which stays as it was written
			return
		}
		i, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 0, 64)
		if err != nil && r.tagged(n, "a whole number") {
			return
		}
		if err != nil {
			v.Any = n.Value
			return
		}
		v.Any = int(i)
	case "!!float":
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil && r.tagged(n, "a number") {
			return
		}
		whole := n.Style&yaml.TaggedStyle == 0 && !strings.ContainsAny(n.Value, ".eE")
		if err != nil || whole { // a whole number that is too big
			v.Any = n.Value
			return
		}
		v.Any = f
	case "!!str", "!!timestamp":
		v.Any = n.Value
	default:
		if !slices.Contains(r.tags, n.Tag) {
			r.fail(n, "", "the tag %s is not known here", n.Tag)
			return
		}
		v.Tag, v.Any = n.Tag, n.Value
	}
}

// taggedTruth reads what may stand behind the tag !!bool; without the tag, only
// true and false are truth values.
func taggedTruth(text string) (truth, known bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}

// tagged refuses what a tag says of a text that is not so. It tells whether
// there is a tag.
func (r *yamlReader) tagged(n *yaml.Node, what string) bool {
	if n.Style&yaml.TaggedStyle == 0 {
		return false
	}
	r.fail(n, "", "%q is not %s, as its tag %s says", n.Value, what, n.ShortTag())
	return true
}

var (
	yamlLine   = regexp.MustCompile(`line (\d+): (.*)`)
	yamlAnchor = regexp.MustCompile(`unknown anchor '(.*)' referenced`)
	// yamlParser are the messages whose line the library counts from 0.
	yamlParser = regexp.MustCompile(`^did not find expected (<|node content|'-' indicator|key|',' or)`)
)

// syntax turns yaml.v3's text into a positioned error. The library gives no
// column, and its line is where it noticed the problem.
func (r *yamlReader) syntax(err error) error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	pos, hint := Pos{File: r.file, Line: 1}, "" // it does not say "line 1"
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		pos.Line, _ = strconv.Atoi(m[1])
		msg = m[2]
		if yamlParser.MatchString(msg) {
			pos.Line++
		}
		for pos.Line > 1 && strings.TrimSpace(r.line(pos.Line)) == "" {
			pos.Line-- // it noticed at the end what is missing here
		}
	}
	if m := yamlAnchor.FindStringSubmatch(msg); m != nil {
		for pos.Line < r.lines && !strings.Contains(r.line(pos.Line), "*"+m[1]) {
			pos.Line++
		}
	}
	if strings.Contains(msg, "cannot start any token") || strings.Contains(msg, "tab") {
		if strings.Contains(r.line(pos.Line), "\t") {
			hint = "indent with blanks; YAML allows no tabs there"
		}
	}
	return &Error{Pos: pos, Msg: "this is not valid YAML: " + msg, Hint: hint, Line: r.line(pos.Line)}
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
