package view

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"lockstep/internal/pki"
	"lockstep/internal/secret"
	"lockstep/steps"
)

// drawing is how an edit changes a file's content: a unified diff, with the
// secrets in it, or words about certificates, keys and what is not text.
type drawing struct {
	diff  string
	words []string
}

// lines is the drawing as it may be shown. All of a diff is masked at once, so
// that a changed secret shows as changed but not as itself.
func (d drawing) lines(r *secret.Redactor) []string {
	if d.diff == "" {
		return d.words
	}
	return strings.Split(strings.TrimSuffix(secret.MaskSettings(r.String(d.diff)), "\n"), "\n")
}

// draw draws the content of an edit.
func draw(e steps.Edit) drawing {
	if e.After == nil {
		return drawing{}
	}
	before, after := data(e.Before), data(e.After)
	if e.After.Unsettled {
		return drawing{words: append(replaced(e.Before), "+ made at apply; nobody knows its content before")}
	}
	switch {
	case isPEM(before) || isPEM(after):
		return drawing{words: append(prefixed("- ", described(before)), prefixed("+ ", described(after))...)}
	case e.After.Open != nil || !isText(before) || !isText(after) || before == nil && after == nil:
		return drawing{words: binaryLines(e)}
	default:
		return drawing{diff: udiff.Unified(e.Subject, e.Subject+" (wanted)", string(before), string(after))}
	}
}

// drawings draws each edit once, however many hosts it is made on. The zero
// value is ready.
type drawings struct{ made map[edited]drawing }

// edited is what a drawing shows: a path and the hashes of both contents.
type edited struct{ subject, before, after string }

// mostDrawings bounds the memory of drawings: hosts come one after the other, so
// that the same edits come soon after each other, too.
const mostDrawings = 200

func (d *drawings) of(e steps.Edit) drawing {
	if !known(e.Before) || !known(e.After) {
		return draw(e)
	}
	what := edited{e.Subject, sum(e.Before), sum(e.After)}
	if isPEM(data(e.Before)) || isPEM(data(e.After)) {
		what.subject = "" // it is not shown there
	}
	made, ok := d.made[what]
	if !ok {
		if d.made == nil || len(d.made) == mostDrawings {
			d.made = map[edited]drawing{}
		}
		made = draw(e)
		d.made[what] = made
	}
	return made
}

// known reports whether a content, or that there is none, is told by its hash.
func known(c *steps.Content) bool { return c == nil || c.SHA256 != "" }

func sum(c *steps.Content) string {
	if c == nil {
		return ""
	}
	return c.SHA256
}

// replaced shows what content that is not there yet takes the place of.
func replaced(c *steps.Content) []string {
	switch {
	case c == nil:
		return nil
	case c.Unsettled: // a dry run stands in for it, under names that will never be
		return []string{"- what is made at apply before that"}
	case isPEM(c.Data):
		return prefixed("- ", described(c.Data))
	default:
		return []string{fmt.Sprintf("- %d bytes, sha256 %s", c.Size, short(c.SHA256))}
	}
}

func data(c *steps.Content) []byte {
	if c == nil {
		return nil
	}
	return c.Data
}

func isPEM(b []byte) bool { return bytes.Contains(b, []byte("-----BEGIN ")) }

func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }

func described(b []byte) []string {
	if b == nil {
		return nil
	}
	lines, _ := pki.Describe(b)
	return lines
}

func prefixed(prefix string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = prefix + l
	}
	return out
}

func binaryLines(e steps.Edit) []string {
	show := func(prefix string, c *steps.Content) []string {
		if c == nil {
			return nil
		}
		if c.SHA256 == "" {
			return []string{fmt.Sprintf("%s%d bytes", prefix, c.Size)}
		}
		return []string{fmt.Sprintf("%s%d bytes, sha256 %s", prefix, c.Size, short(c.SHA256))}
	}
	return append(show("- ", e.Before), show("+ ", e.After)...)
}

func short(sum string) string {
	if len(sum) > 12 {
		return sum[:12]
	}
	return sum
}

// attrLine shows attributes before and after.
func attrLine(edits []steps.AttrEdit) string {
	var parts []string
	for _, a := range edits {
		if a.Before == "" {
			parts = append(parts, fmt.Sprintf("%s %s", a.Name, a.After))
		} else {
			parts = append(parts, fmt.Sprintf("%s %s -> %s", a.Name, a.Before, a.After))
		}
	}
	return strings.Join(parts, ", ")
}
