package jinja

import "fmt"

// define makes a macro callable. It sees what stands around its definition.
func (r *run) define(m *macro, around *scope) *function {
	return &function{m.name, func(c *invocation) (any, error) {
		if r.calls++; r.calls > maxCalls {
			return nil, tooMuch("macros that call each other more than %d levels deep", maxCalls)
		}
		defer func() { r.calls-- }()
		inner := around.below()
		if err := r.fill(m, c, inner); err != nil {
			return nil, err
		}
		if caller, ok := c.named["caller"]; ok {
			inner.vars["caller"] = caller
		}
		return r.captured(m.body, inner, nil)
	}}
}

// fill binds a macro's parameters.
func (r *run) fill(m *macro, c *invocation, inner *scope) error {
	if len(c.list) > len(m.params) {
		return fmt.Errorf("%s takes %d arguments, not %d", m.name, len(m.params), len(c.list))
	}
	for _, given := range c.names {
		if !contained(m.params, given) {
			return hint(didYouMean(given, append([]string{}, m.params...)), "%s has no parameter %q", m.name, given)
		}
	}
	for i, param := range m.params {
		v, named := c.named[param]
		at := i - (len(m.params) - len(m.defaults))
		switch {
		case i < len(c.list) && named:
			return fmt.Errorf("%s is given %s twice", m.name, param)
		case i < len(c.list):
			v = c.list[i]
		case named:
		case at >= 0:
			var err error
			if v, err = r.eval(inner, m.defaults[at]); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s needs the argument %q", m.name, param)
		}
		inner.vars[param] = v
	}
	return nil
}

func contained(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}

func (r *run) callBlock(n *callBlock, f *frame) error {
	of, err := r.eval(f.scope, n.call.of)
	if err != nil {
		return err
	}
	fn, ok := of.(*function)
	if !ok {
		return fmt.Errorf("%s is not a macro", shape(of))
	}
	c, err := r.bound(f.scope, n.call.args, false)
	if err != nil {
		return err
	}
	c.named["caller"] = r.define(n.body, f.scope)
	v, err := r.invoke(fn, c)
	if err != nil {
		return err
	}
	text, err := r.str(v)
	if err != nil {
		return err
	}
	return r.write(f.out, text)
}
