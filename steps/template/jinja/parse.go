package jinja

import (
	"slices"
	"strings"

	"lockstep/internal/spell"
)

// maxNesting bounds how deep expressions and blocks may nest.
const maxNesting = 100

// parser turns tokens into statements.
type parser struct {
	tokens []token
	i      int
	depth  int
	loops  int // loops around the place, for break and continue
	load   *load
}

func (p *parser) peek() token { return p.tokens[p.i] }

func (p *parser) take() token {
	t := p.tokens[p.i]
	if t.kind != kEOF {
		p.i++
	}
	return t
}

// is reports whether the next token is the operator or word text.
func (p *parser) is(text string) bool {
	t := p.peek()
	return (t.kind == kOp || t.kind == kName || t.kind == kOpen || t.kind == kClose) && t.text == text
}

func (p *parser) skip(text string) bool {
	if p.is(text) {
		p.i++
		return true
	}
	return false
}

func (p *parser) want(text string) error {
	if p.skip(text) {
		return nil
	}
	return p.unexpected(text)
}

func (p *parser) unexpected(wanted string) error {
	t := p.peek()
	found := t.text
	switch t.kind {
	case kEOF:
		found = "the end of the template"
	case kString:
		found = "a text in quotes"
	default:
		found = `"` + found + `"`
	}
	return t.at.fail("", "%s is expected here, but there is %s", wanted, found)
}

func (p *parser) word() (string, error) {
	if t := p.peek(); t.kind == kName && !slices.Contains(keywords(), t.text) {
		return p.take().text, nil
	}
	return "", p.unexpected("a name")
}

func keywords() []string {
	return []string{"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"}
}

// deeper counts nesting; the caller defers the returned function.
func (p *parser) deeper() (func(), error) {
	p.depth++
	if p.depth > maxNesting {
		return func() {}, p.peek().at.fail("", "this nests more than %d levels deep", maxNesting)
	}
	return func() { p.depth-- }, nil
}

func (p *parser) template() ([]stmt, error) {
	body, _, err := p.until()
	if err != nil {
		return nil, err
	}
	if p.peek().kind != kEOF {
		return nil, p.unexpected("the end of the template")
	}
	return body, nil
}

// until reads statements up to a tag with one of words, which it consumes as
// far as the word, or without words up to the end of the template.
func (p *parser) until(words ...string) ([]stmt, string, error) {
	up, err := p.deeper()
	defer up()
	if err != nil {
		return nil, "", err
	}
	begin := p.peek().at
	var body []stmt
	for {
		t := p.take()
		switch {
		case t.kind == kEOF && len(words) > 0:
			return nil, "", begin.fail("", "the block that begins before this has no {%% %s %%}", words[len(words)-1])
		case t.kind == kEOF:
			return body, "", nil
		case t.kind == kData:
			body = append(body, &data{t.at, t.text})
			continue
		case t.text == "{{":
			e, err := p.expression()
			if err == nil {
				err = p.want("}}")
			}
			if err != nil {
				return nil, "", err
			}
			body = append(body, &print{t.at, e})
			continue
		}
		if word := p.peek(); word.kind == kName && slices.Contains(words, word.text) {
			p.take()
			return body, word.text, nil
		}
		s, err := p.block(t.at)
		if err != nil {
			return nil, "", err
		}
		if s != nil {
			body = append(body, s)
		}
	}
}

// end consumes the rest of a tag.
func (p *parser) end() error { return p.want("%}") }

// inside reads a block's body up to {% word %}.
func (p *parser) inside(word string) ([]stmt, error) {
	if err := p.end(); err != nil {
		return nil, err
	}
	body, _, err := p.until(word)
	if err != nil {
		return nil, err
	}
	return body, p.end()
}

// block reads a statement, whose {% was at p.
func (p *parser) block(at pos) (stmt, error) {
	word := p.take()
	if word.kind != kName {
		return nil, word.at.fail("", "a block begins with a word: {%% if ... %%}")
	}
	switch word.text {
	case "if":
		return p.branch(at)
	case "for":
		return p.loop(at)
	case "set":
		return p.set(at)
	case "with":
		return p.with(at)
	case "macro":
		return p.macro(at)
	case "call":
		return p.callBlock(at)
	case "filter":
		return p.filterBlock(at)
	case "include":
		return p.include(at)
	case "break", "continue":
		if p.loops == 0 {
			return nil, word.at.fail("", "%s stands outside of a loop", word.text)
		}
		return &jump{at, word.text}, p.end()
	}
	return nil, noBlock(word)
}

func noBlock(word token) error {
	if why := refusedBlocks()[word.text]; why != "" {
		return word.at.fail(why, "there is no {%% %s %%} here", word.text)
	}
	if strings.HasPrefix(word.text, "end") || word.text == "else" || word.text == "elif" {
		return word.at.fail("", "{%% %s %%} ends a block that did not begin", word.text)
	}
	known := []string{"if", "for", "set", "with", "macro", "call", "filter", "include", "break", "continue", "raw"}
	return word.at.fail(didYouMean(word.text, known), "there is no block {%% %s %%}", word.text)
}

func refusedBlocks() map[string]string {
	return map[string]string{
		"extends": "a template stands for itself; use {% include %}",
		"block":   "a template stands for itself; use {% include %}",
		"import":  "write the macro into the template",
		"from":    "write the macro into the template",
		"do":      "values are not changed in place; use {% set %}",
		"trans":   "there are no translations",
	}
}

func didYouMean(word string, known []string) string {
	slices.Sort(known)
	if n := spell.Nearest(word, known); n != "" {
		return `did you mean "` + n + `"?`
	}
	return ""
}
