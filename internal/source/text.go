package source

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Text is a file whose format goes line by line. A reader of such a format
// makes its values here, so that they know their place and excerpt.
type Text struct {
	file   string
	lines  []string
	hidden bool
}

// NewText splits a file into lines; bytes that are not UTF-8 are an error.
// What is made of a hidden text is secret and gives no excerpts.
func NewText(file string, data []byte, hidden bool) (*Text, error) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if at := invalidUTF8(data); at >= 0 {
		line := 1 + bytes.Count(data[:at], []byte("\n"))
		return nil, &Error{Pos: Pos{file, line, 0}, Msg: "the file is not UTF-8", Hint: "save it as UTF-8"}
	}
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	return &Text{file, lines, hidden}, nil
}

// Lines returns the text of each line.
func (t *Text) Lines() []string { return t.lines }

// At returns an empty value at a place: a line and a character of it, both
// counted from 1. WithScalar fills it.
func (t *Text) At(line, col int) Value {
	v := Value{Pos: Pos{t.file, line, col}, Secret: t.hidden}
	if !t.hidden {
		v.line = t.line
	}
	return v
}

func (t *Text) line(n int) string {
	if n < 1 || n > len(t.lines) {
		return ""
	}
	return t.lines[n-1]
}

// place turns a byte offset into line and character.
func place(data []byte, offset int) (line, col int) {
	offset = min(offset, len(data))
	line = 1 + bytes.Count(data[:offset], []byte("\n"))
	begin := bytes.LastIndexByte(data[:offset], '\n') + 1
	return line, 1 + utf8.RuneCount(data[begin:offset])
}
