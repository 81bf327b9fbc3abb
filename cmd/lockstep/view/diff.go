package view

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"lockstep/internal/pki"
	"lockstep/internal/secret"
	"lockstep/steps"
)

// contentLines shows how an edit changes a file's content: as a unified diff,
// or in words for certificates, keys and what is not text.
func contentLines(e steps.Edit, r *secret.Redactor) []string {
	if e.After == nil {
		return nil
	}
	before, after := data(e.Before), data(e.After)
	if e.After.Unsettled {
		return append(replaced(e.Before), "+ made at apply; nobody knows its content before")
	}
	switch {
	case isPEM(before) || isPEM(after):
		return append(prefixed("- ", described(before)), prefixed("+ ", described(after))...)
	case e.After.Open != nil || !isText(before) || !isText(after) || before == nil && after == nil:
		return binaryLines(e)
	default:
		return textLines(e.Subject, string(before), string(after), r)
	}
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

func isPEM(b []byte) bool { return strings.Contains(string(b), "-----BEGIN ") }

func isText(b []byte) bool { return utf8.Valid(b) && !strings.ContainsRune(string(b), 0) }

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

// textLines masks both sides first, so that a changed secret shows as changed
// but not as itself.
func textLines(name, before, after string, r *secret.Redactor) []string {
	diff := udiff.Unified(name, name+" (wanted)", before, after)
	if diff == "" {
		return nil
	}
	diff = secret.MaskSettings(r.String(diff))
	return strings.Split(strings.TrimSuffix(diff, "\n"), "\n")
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
