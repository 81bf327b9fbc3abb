package jinja

import "slices"

func (p *parser) branch(at pos) (stmt, error) {
	s := &branch{pos: at}
	for {
		cond, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.end(); err != nil {
			return nil, err
		}
		body, word, err := p.until("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		s.tests, s.bodies = append(s.tests, cond), append(s.bodies, body)
		switch word {
		case "elif":
			continue
		case "else":
			other, err := p.inside("endif")
			s.bodies = append(s.bodies, other)
			return s, err
		}
		return s, p.end()
	}
}

func (p *parser) loop(at pos) (stmt, error) {
	s := &loop{pos: at}
	var err error
	if s.targets, err = p.targets(); err != nil {
		return nil, err
	}
	if err := p.want("in"); err != nil {
		return nil, err
	}
	if s.of, err = p.or(); err != nil { // without `a if b else c`: the if belongs to the loop
		return nil, err
	}
	if p.skip("if") {
		if s.only, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if p.is("recursive") {
		return nil, p.peek().at.fail("write a macro that calls itself", "loops cannot be recursive here")
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	p.loops++
	body, word, err := p.until("else", "endfor")
	p.loops--
	if err != nil {
		return nil, err
	}
	s.body = body
	if word == "else" {
		s.empty, err = p.inside("endfor")
		return s, err
	}
	return s, p.end()
}

// targets reads a, b or (a, b).
func (p *parser) targets() ([]string, error) {
	bracket := p.skip("(")
	var names []string
	for {
		name, err := p.word()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if !p.skip(",") {
			break
		}
	}
	if bracket {
		return names, p.want(")")
	}
	return names, nil
}

func (p *parser) set(at pos) (stmt, error) {
	s := &set{pos: at}
	var err error
	if s.targets, err = p.targets(); err != nil {
		return nil, err
	}
	if len(s.targets) == 1 && p.skip(".") {
		if s.field, err = p.word(); err != nil {
			return nil, err
		}
	}
	if p.skip("=") {
		if s.of, err = p.tuple(); err != nil {
			return nil, err
		}
		return s, p.end()
	}
	for p.skip("|") {
		f, err := p.filter(nil)
		if err != nil {
			return nil, err
		}
		s.filters = append(s.filters, *f)
	}
	if len(s.targets) > 1 {
		return nil, p.unexpected(`"="`)
	}
	s.body, err = p.inside("endset")
	return s, err
}

func (p *parser) with(at pos) (stmt, error) {
	s := &with{pos: at}
	for !p.is("%}") {
		name, err := p.word()
		if err != nil {
			return nil, err
		}
		if err := p.want("="); err != nil {
			return nil, err
		}
		value, err := p.expression()
		if err != nil {
			return nil, err
		}
		s.names, s.values = append(s.names, name), append(s.values, value)
		if !p.skip(",") {
			break
		}
	}
	var err error
	s.body, err = p.inside("endwith")
	return s, err
}

func (p *parser) macro(at pos) (stmt, error) {
	s := &macro{pos: at}
	var err error
	if s.name, err = p.word(); err != nil {
		return nil, err
	}
	if err := p.want("("); err != nil {
		return nil, err
	}
	if err := p.params(s); err != nil {
		return nil, err
	}
	around := p.loops
	p.loops = 0
	s.body, err = p.inside("endmacro")
	p.loops = around
	return s, err
}

// params reads a macro's parameters behind the bracket.
func (p *parser) params(s *macro) error {
	for !p.skip(")") {
		at := p.peek().at
		name, err := p.word()
		if err != nil {
			return err
		}
		if slices.Contains(s.params, name) {
			return at.fail("", "the parameter %s is there twice", name)
		}
		s.params = append(s.params, name)
		if p.skip("=") {
			value, err := p.expression()
			if err != nil {
				return err
			}
			s.defaults = append(s.defaults, value)
		} else if len(s.defaults) > 0 {
			return at.fail("", "%s needs a default, since the parameter before it has one", name)
		}
		if !p.is(")") {
			if err := p.want(","); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *parser) callBlock(at pos) (stmt, error) {
	s := &callBlock{pos: at, body: &macro{pos: at, name: "caller"}}
	if p.skip("(") {
		if err := p.params(s.body); err != nil {
			return nil, err
		}
	}
	begin := p.peek().at
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	c, ok := e.(*call)
	if !ok {
		return nil, begin.fail("write {% call name(...) %}", "call needs the call of a macro")
	}
	s.call = c
	around := p.loops
	p.loops = 0
	s.body.body, err = p.inside("endcall")
	p.loops = around
	return s, err
}

func (p *parser) filterBlock(at pos) (stmt, error) {
	s := &filterBlock{pos: at}
	for {
		f, err := p.filter(nil)
		if err != nil {
			return nil, err
		}
		s.filters = append(s.filters, *f)
		if !p.skip("|") {
			break
		}
	}
	var err error
	s.body, err = p.inside("endfilter")
	return s, err
}

// include takes a name in quotes only, so that all files are known beforehand.
func (p *parser) include(at pos) (stmt, error) {
	t := p.take()
	if t.kind != kString {
		return nil, t.at.fail("write the name in quotes", "the name of an included template cannot be computed")
	}
	if !p.is("%}") {
		return nil, p.peek().at.fail("", "include takes a name and nothing else")
	}
	body, err := p.load.include(t.at, t.value.(string))
	if err != nil {
		return nil, err
	}
	return &include{at, body}, p.end()
}
