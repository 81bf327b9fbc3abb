package inventory

import (
	"fmt"
	"regexp"
	"strings"

	"lockstep/internal/source"
)

// yaml11Truth are the words that only YAML 1.1 takes for truth values.
var yaml11Truth = regexp.MustCompile(`^(yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$`)

// noteTruthWords counts the values that Ansible would read as truth values and
// that are texts here. Of the connection variables, those that want a truth
// value take the word for one.
func (b *builder) noteTruthWords(name string, v source.Value) {
	if strings.HasPrefix(name, "ansible_") {
		return
	}
	for _, item := range v.Items {
		b.noteTruthWords(name, item)
	}
	for _, f := range v.Fields {
		b.noteTruthWords(f.Key, f.Value)
	}
	if v.Shape == source.Scalar && !v.Quoted && yaml11Truth.MatchString(v.Text) && v.Any == v.Text {
		b.truths = append(b.truths, truthWord{name, v})
	}
}

type truthWord struct {
	name  string
	value source.Value
}

// warnTruthWords tells of them once a file.
func (b *builder) warnTruthWords() {
	seen, more, first := map[source.Pos]bool{}, map[string]int{}, []truthWord{}
	for _, w := range b.truths {
		switch file := w.value.Pos.File; {
		case seen[w.value.Pos]: // of a range of hosts
		case more[file] == 0:
			first = append(first, w)
			fallthrough
		default:
			seen[w.value.Pos] = true
			more[file]++
		}
	}
	for _, w := range first {
		hint := "write true or false, or put the word in quotes"
		if n := more[w.value.Pos.File] - 1; n > 0 {
			hint += fmt.Sprintf("; %d more in this file", n)
		}
		b.warn(w.value.Errorf(hint, "%s is a text here; Ansible reads a truth value", w.name))
	}
}
