package jinja

import "slices"

// value reads a literal or name, with what is got out of it.
func (p *parser) value() (expr, error) {
	e, err := p.primary()
	for n := 0; err == nil; n++ {
		if n == maxNesting {
			return nil, p.long()
		}
		at := p.peek().at
		switch {
		case p.skip("."):
			e, err = p.attribute(at, e)
		case p.skip("["):
			e, err = p.subscript(at, e)
		case p.skip("("):
			c := &call{pos: at, of: e}
			c.args, err = p.arguments()
			e = c
		default:
			return e, nil
		}
	}
	return nil, err
}

func (p *parser) attribute(at pos, of expr) (expr, error) {
	t := p.take()
	switch {
	case t.kind == kName:
		return &item{at, of, &literal{t.at, t.text}, true}, nil
	case t.kind == kNumber:
		return &item{at, of, &literal{t.at, t.value}, true}, nil
	}
	return nil, t.at.fail("", "a name is expected behind the dot")
}

func (p *parser) subscript(at pos, of expr) (expr, error) {
	var parts [3]expr
	n := 0
	for ; n < 3; n++ {
		if !p.is(":") && !p.is("]") {
			var err error
			if parts[n], err = p.expression(); err != nil {
				return nil, err
			}
		}
		if !p.skip(":") {
			break
		}
	}
	if n == 0 && parts[0] == nil {
		return nil, p.unexpected("a key")
	}
	if err := p.want("]"); err != nil {
		return nil, err
	}
	if n == 0 {
		return &item{at, of, parts[0], false}, nil
	}
	return &slice{at, of, parts[0], parts[1], parts[2]}, nil
}

// arguments reads what stands in the brackets of a call.
func (p *parser) arguments() (arguments, error) {
	var a arguments
	for !p.skip(")") {
		t := p.peek()
		named := t.kind == kName && p.tokens[p.i+1].kind == kOp && p.tokens[p.i+1].text == "="
		switch {
		case named && slices.Contains(a.names, t.text):
			return a, t.at.fail("", "the argument %s is there twice", t.text)
		case named:
			p.i += 2
			a.names = append(a.names, t.text)
		case len(a.names) > 0:
			return a, t.at.fail("", "an argument without a name stands behind one with a name")
		}
		e, err := p.expression()
		if err != nil {
			return a, err
		}
		a.list = append(a.list, e)
		if !p.is(")") {
			if err := p.want(","); err != nil {
				return a, err
			}
		}
	}
	return a, nil
}

// filter reads a filter's name and arguments.
func (p *parser) filter(of expr) (*filter, error) {
	f := &filter{pos: p.peek().at, of: of}
	var err error
	if f.name, err = p.dotted(); err != nil {
		return nil, err
	}
	if p.skip("(") {
		if f.args, err = p.arguments(); err != nil {
			return nil, err
		}
	}
	return f, p.load.template.lib.knowsFilter(f.pos, f.name)
}

// dotted reads a name that may say its collection: ansible.builtin.bool.
func (p *parser) dotted() (string, error) {
	t := p.take()
	if t.kind != kName {
		return "", t.at.fail("", "a name is expected here")
	}
	whole := t.text
	for p.is(".") && p.tokens[p.i+1].kind == kName {
		p.take()
		whole = whole + "." + p.take().text
	}
	if len(whole) > len(builtin) && whole[:len(builtin)] == builtin {
		whole = whole[len(builtin):]
	}
	return whole, nil
}

const builtin = "ansible.builtin."

// test reads `is [not] name [argument]`.
func (p *parser) test(of expr) (expr, error) {
	p.take()
	t := &test{pos: p.peek().at, of: of, not: p.skip("not")}
	var err error
	if p.peek().kind == kOp && p.is("==") {
		t.name = p.take().text
	} else if t.name, err = p.dotted(); err != nil {
		return nil, err
	}
	next := p.peek()
	switch {
	case p.skip("("):
		t.args, err = p.arguments()
	case next.kind == kString, next.kind == kNumber, p.is("["), p.is("{"),
		next.kind == kName && !slices.Contains([]string{"and", "or", "not", "in", "is", "if", "else", "recursive"}, next.text):
		var e expr
		e, err = p.value()
		t.args.list = []expr{e}
	}
	if err != nil {
		return nil, err
	}
	return t, p.load.template.lib.knowsTest(t.pos, t.name)
}

func (p *parser) primary() (expr, error) {
	t := p.peek()
	switch {
	case t.kind == kString || t.kind == kNumber:
		p.take()
		return p.literal(t), nil
	case t.kind == kName:
		return p.named(t)
	case p.skip("("):
		return p.bracket(t)
	case p.skip("["):
		l := &list{pos: t.at}
		err := p.items("]", func() error {
			e, err := p.expression()
			l.items = append(l.items, e)
			return err
		})
		return l, err
	case p.skip("{"):
		return p.dict(t)
	}
	return nil, p.unexpected("a value")
}

// literal joins texts that stand beside each other, as Python does.
func (p *parser) literal(t token) expr {
	for s, ok := t.value.(string); ok && p.peek().kind == kString; s, ok = t.value.(string) {
		t.value = s + p.take().value.(string)
	}
	return &literal{t.at, t.value}
}

func (p *parser) named(t token) (expr, error) {
	switch t.text {
	case "true", "True", "false", "False":
		p.take()
		return &literal{t.at, t.text == "true" || t.text == "True"}, nil
	case "none", "None":
		p.take()
		return &literal{t.at, nil}, nil
	}
	id, err := p.word()
	return &name{t.at, id}, err
}

func (p *parser) bracket(t token) (expr, error) {
	if p.skip(")") {
		return &list{pos: t.at, tuple: true}, nil
	}
	e, err := p.tuple()
	if err != nil {
		return nil, err
	}
	return e, p.want(")")
}

func (p *parser) dict(t token) (expr, error) {
	d := &dict{pos: t.at}
	err := p.items("}", func() error {
		key, err := p.expression()
		if err == nil {
			err = p.want(":")
		}
		if err != nil {
			return err
		}
		value, err := p.expression()
		d.keys, d.values = append(d.keys, key), append(d.values, value)
		return err
	})
	return d, err
}

// items reads what stands between commas up to end.
func (p *parser) items(end string, one func() error) error {
	for !p.skip(end) {
		if err := one(); err != nil {
			return err
		}
		if !p.is(end) {
			if err := p.want(","); err != nil {
				return err
			}
		}
	}
	return nil
}
