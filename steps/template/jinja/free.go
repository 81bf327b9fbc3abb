package jinja

// Name is a variable that a template takes from outside.
type Name struct {
	ID string
	// Optional: the template asks somewhere whether it is defined, or gives a
	// default, so it may be missing.
	Optional bool

	at *name
}

// Names returns the variables that the template uses and neither sets itself
// nor finds among its functions, each once, in the order of their first use.
func (t *Template) Names() []Name {
	f := &free{lib: t.lib, at: map[string]int{}}
	f.block(t.body, nil)
	return f.names
}

// Missing is the problem that n is not among known.
func (t *Template) Missing(n Name, known []string) *Error { return t.lib.noName(n.at, known) }

// free walks a template.
type free struct {
	lib   *library
	names []Name
	at    map[string]int
}

// bound are the names that the template gives a meaning to at some place.
type bound struct {
	names map[string]bool
	up    *bound
}

func (b *bound) has(id string) bool {
	for ; b != nil; b = b.up {
		if b.names[id] {
			return true
		}
	}
	return false
}

func below(up *bound, names ...string) *bound {
	b := &bound{map[string]bool{}, up}
	for _, name := range names {
		b.names[name] = true
	}
	return b
}

func (f *free) use(n *name, optional bool, b *bound) {
	if _, global := f.lib.globals[n.id]; global || b.has(n.id) {
		return
	}
	i, seen := f.at[n.id]
	if !seen {
		i = len(f.names)
		f.at[n.id] = i
		f.names = append(f.names, Name{ID: n.id, at: n})
	}
	f.names[i].Optional = f.names[i].Optional || optional
}

// block walks statements with a scope of their own. What any of them sets
// counts as set in all of them: the order is known only when it runs.
func (f *free) block(body []stmt, up *bound, names ...string) {
	b := below(up, names...)
	hoist(body, b)
	f.body(body, b)
}

func hoist(body []stmt, b *bound) {
	for _, s := range body {
		switch x := s.(type) {
		case *set:
			for _, target := range x.targets {
				b.names[target] = b.names[target] || x.field == "" && !uses(x.of, target)
			}
		case *macro:
			b.names[x.name] = true
		case *branch:
			for _, inner := range x.bodies {
				hoist(inner, b)
			}
		case *include:
			hoist(x.body, b)
		}
	}
}

// uses reports whether e takes the variable id: `set a = a | default(1)` makes
// a a variable from outside.
func uses(e expr, id string) bool {
	if e == nil {
		return false
	}
	f := &free{lib: &library{}, at: map[string]int{}}
	f.expr(e, nil)
	_, used := f.at[id]
	return used
}

func (f *free) body(body []stmt, b *bound) {
	for _, s := range body {
		f.stmt(s, b)
	}
}

func (f *free) stmt(s stmt, b *bound) {
	switch x := s.(type) {
	case *print:
		f.expr(x.of, b)
	case *branch:
		for _, test := range x.tests {
			f.expr(test, b)
		}
		for _, body := range x.bodies {
			f.body(body, b)
		}
	case *loop:
		f.expr(x.of, b)
		f.expr(x.only, below(b, x.targets...))
		f.block(x.body, b, append([]string{"loop"}, x.targets...)...)
		f.block(x.empty, b)
	case *set:
		if x.field != "" {
			f.use(&name{x.pos, x.targets[0]}, false, b)
		}
		f.expr(x.of, b)
		f.filters(x.filters, b)
		f.block(x.body, b)
	case *with:
		for _, value := range x.values {
			f.expr(value, b)
		}
		f.block(x.body, b, x.names...)
	case *macro:
		f.macro(x, b)
	case *callBlock:
		f.expr(x.call, b)
		f.macro(x.body, b)
	case *filterBlock:
		f.filters(x.filters, b)
		f.block(x.body, b)
	case *include:
		f.body(x.body, b)
	}
}

func (f *free) macro(m *macro, b *bound) {
	inner := append([]string{"caller"}, m.params...)
	for _, e := range m.defaults {
		f.expr(e, below(b, inner...))
	}
	f.block(m.body, b, inner...)
}

func (f *free) filters(list []filter, b *bound) {
	for i := range list {
		f.all(list[i].args.list, b)
	}
}

func (f *free) all(list []expr, b *bound) {
	for _, e := range list {
		f.expr(e, b)
	}
}

func (f *free) expr(e expr, b *bound) { f.walk(e, false, b) }

// walk goes through e; optional is whether what it gives may be undefined.
func (f *free) walk(e expr, optional bool, b *bound) {
	switch x := e.(type) {
	case *name:
		f.use(x, optional, b)
	case *list:
		f.all(x.items, b)
	case *dict:
		f.all(x.keys, b)
		f.all(x.values, b)
	case *item:
		f.walk(x.of, optional, b)
		f.expr(x.key, b)
	case *slice:
		f.all([]expr{x.of, x.lo, x.hi, x.step}, b)
	case *call:
		f.expr(x.of, b)
		f.all(x.args.list, b)
	case *filter:
		lax := f.lib.filters[x.name].lax && x.name != "mandatory"
		f.walk(x.of, lax, b)
		f.all(x.args.list, b)
	case *test:
		f.walk(x.of, f.lib.tests[x.name].lax, b)
		f.all(x.args.list, b)
	case *unary:
		f.expr(x.of, b)
	case *binary:
		f.all([]expr{x.l, x.r}, b)
	case *compare:
		f.expr(x.first, b)
		f.all(x.rest, b)
	case *choice:
		f.all([]expr{x.test, x.yes, x.no}, b)
	}
}
