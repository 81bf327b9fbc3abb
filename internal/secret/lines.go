package secret

import (
	"regexp"
	"strings"
	"unicode"
)

// longLine is the length from which a line of a secret is masked wherever it
// stands. A shorter one says little by itself and would hide too much.
const longLine = 2 * Shortest

// longLines are the long lines of a value that has several, since a text is
// often shown with something in front of each line.
func longLines(value string) []string {
	if !strings.Contains(value, "\n") {
		return nil
	}
	var out []string
	for line := range strings.Lines(value) {
		if line = strings.TrimSpace(line); len(line) >= longLine {
			out = append(out, line, inJSON(line, false))
		}
	}
	return out
}

// blockLine is a line of a secret: all of it, and without what looks like a
// gutter.
type blockLine struct{ text, bare string }

// block is the lines of a value of which some are short. They are masked where
// several of them follow one another, as in a diff.
func block(value string) []blockLine {
	var out []blockLine
	short := false
	for line := range strings.Lines(strings.TrimRight(value, "\r\n")) {
		line = strings.TrimSpace(line)
		short = short || line != "" && len(line) < longLine
		out = append(out, blockLine{line, line[len(gutter.FindString(line)):]})
	}
	if !short || len(out) < 2 {
		return nil
	}
	return out
}

// gutter is what views put in front of a line.
var gutter = regexp.MustCompile(`^[ \t]*(?:\d+ +\||[-+|│>~])?[ \t]*`)

// shown is a line of a text: what stands behind its gutter, and where.
type shown struct {
	text string
	at   span
}

// spansOf appends to out the places in s of lines of block that follow one
// another. Of a diff, each side is looked at by itself.
func spansOf(block []blockLine, s string, out []span) []span {
	var old, wanted []shown
	begin := 0
	for line := range strings.Lines(s) {
		front := len(gutter.FindString(line))
		text := strings.TrimRightFunc(line[front:], unicode.IsSpace)
		one := shown{text, span{begin + front, begin + front + len(text)}}
		mark := strings.TrimLeft(line[:front], " \t")
		if !strings.HasPrefix(mark, "+") {
			old = append(old, one)
		}
		if !strings.HasPrefix(mark, "-") {
			wanted = append(wanted, one)
		}
		begin += len(line)
	}
	return runs(block, wanted, runs(block, old, out))
}

// runs appends the places of two or more lines that follow one another in block
// as they do in lines.
func runs(block []blockLine, lines []shown, out []span) []span {
	same := func(i, j int) bool {
		return i < len(lines) && j < len(block) && (lines[i].text == block[j].text || lines[i].text == block[j].bare)
	}
	for first := range lines {
		for start := range block {
			if !same(first, start) || first > 0 && start > 0 && same(first-1, start-1) {
				continue
			}
			n, letters := 0, 0
			for ; same(first+n, start+n); n++ {
				letters += len(lines[first+n].text)
			}
			if n < 2 || letters < Shortest {
				continue
			}
			for _, l := range lines[first : first+n] {
				if l.text != "" {
					out = append(out, l.at)
				}
			}
		}
	}
	return out
}
