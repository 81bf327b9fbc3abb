package jinja

import "slices"

// expression reads `a if b else c` and all that binds tighter.
func (p *parser) expression() (expr, error) {
	up, err := p.deeper()
	defer up()
	if err != nil {
		return nil, err
	}
	yes, err := p.or()
	for n := 0; err == nil && p.is("if"); n++ {
		if n == maxNesting {
			return nil, p.long()
		}
		c := &choice{pos: p.take().at, yes: yes}
		if c.test, err = p.or(); err != nil {
			return nil, err
		}
		if p.skip("else") {
			c.no, err = p.expression()
		}
		yes = c
	}
	return yes, err
}

func (p *parser) long() error { return p.peek().at.fail("", "the expression is too long") }

// tuple reads an expression, or several with commas between them as a list.
func (p *parser) tuple() (expr, error) {
	first, err := p.expression()
	if err != nil || !p.is(",") {
		return first, err
	}
	l := &list{first.place(), []expr{first}, true}
	for p.skip(",") {
		if p.is("%}") || p.is(")") {
			break
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, e)
	}
	return l, nil
}

// chain reads operands of one rank, with the operators between them.
func (p *parser) chain(operand func() (expr, error), ops ...string) (expr, error) {
	left, err := operand()
	for n := 0; err == nil && slices.ContainsFunc(ops, p.is); n++ {
		if n == maxNesting*10 {
			return nil, p.long()
		}
		b := &binary{pos: p.peek().at, op: p.take().text, l: left}
		b.r, err = operand()
		left = b
	}
	return left, err
}

func (p *parser) or() (expr, error)  { return p.chain(p.and, "or") }
func (p *parser) and() (expr, error) { return p.chain(p.not, "and") }

func (p *parser) not() (expr, error) {
	if !p.is("not") {
		return p.comparison()
	}
	up, err := p.deeper()
	defer up()
	if err != nil {
		return nil, err
	}
	u := &unary{pos: p.peek().at, op: p.take().text}
	u.of, err = p.not()
	return u, err
}

func (p *parser) comparison() (expr, error) {
	first, err := p.sum()
	c := &compare{pos: first0(first, p), first: first}
	for err == nil {
		op := p.peek().text
		switch {
		case p.peek().kind == kOp && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, op), p.is("in"):
			p.take()
		case p.is("not") && p.tokens[p.i+1].kind == kName && p.tokens[p.i+1].text == "in":
			p.i += 2
			op = "not in"
		default:
			if len(c.ops) == 0 {
				return first, nil
			}
			return c, nil
		}
		var right expr
		right, err = p.sum()
		c.ops, c.rest = append(c.ops, op), append(c.rest, right)
	}
	return nil, err
}

func first0(e expr, p *parser) pos {
	if e == nil {
		return p.peek().at
	}
	return e.place()
}

func (p *parser) sum() (expr, error)     { return p.chain(p.concat, "+", "-") }
func (p *parser) concat() (expr, error)  { return p.chain(p.product, "~") }
func (p *parser) product() (expr, error) { return p.chain(p.power, "*", "/", "//", "%") }
func (p *parser) power() (expr, error)   { return p.chain(p.signed, "**") }

// signed reads a sign, a value and its filters and tests.
func (p *parser) signed() (expr, error) {
	e, err := p.unsigned()
	for n := 0; err == nil; n++ {
		switch {
		case n == maxNesting:
			return nil, p.long()
		case p.is("|"):
			p.take()
			e, err = p.filter(e)
		case p.is("is"):
			e, err = p.test(e)
		default:
			return e, nil
		}
	}
	return nil, err
}

func (p *parser) unsigned() (expr, error) {
	if !p.is("-") && !p.is("+") {
		return p.value()
	}
	up, err := p.deeper()
	defer up()
	if err != nil {
		return nil, err
	}
	u := &unary{pos: p.peek().at, op: p.take().text}
	u.of, err = p.unsigned()
	return u, err
}
