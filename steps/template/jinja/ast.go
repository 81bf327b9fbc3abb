package jinja

// expr is an expression of a template.
type expr interface{ place() pos }

// place makes a pos a part of each node.
func (p pos) place() pos { return p }

type (
	literal struct {
		pos
		value any
	}
	name struct {
		pos
		id string
	}
	list struct {
		pos
		items []expr
		tuple bool // in round brackets, or in none
	}
	dict struct {
		pos
		keys, values []expr
	}
	// item is of.key and of[key]; dotted tells which.
	item struct {
		pos
		of, key expr
		dotted  bool
	}
	slice struct {
		pos
		of           expr
		lo, hi, step expr // nil when left out
	}
	call struct {
		pos
		of   expr
		args arguments
	}
	filter struct {
		pos
		of   expr
		name string
		args arguments
	}
	test struct {
		pos
		of   expr
		name string
		args arguments
		not  bool
	}
	unary struct {
		pos
		op string
		of expr
	}
	binary struct {
		pos
		op   string
		l, r expr
	}
	// compare is a < b <= c; there is one op for each of rest.
	compare struct {
		pos
		first expr
		ops   []string
		rest  []expr
	}
	// choice is yes if test else no; no is nil when left out.
	choice struct {
		pos
		test, yes, no expr
	}
)

// arguments of a call, in the order in which they were written.
type arguments struct {
	list  []expr
	names []string // of those given by name, which stand last in list
}

// stmt is a part of a template's text.
type stmt interface{ place() pos }

type (
	data struct {
		pos
		text string
	}
	print struct {
		pos
		of expr
	}
	branch struct {
		pos
		tests  []expr
		bodies [][]stmt // one more than tests when there is an else
	}
	loop struct {
		pos
		targets []string
		of      expr
		only    expr // the `if` of the loop, or nil
		body    []stmt
		empty   []stmt
	}
	// set is {% set a, b = of %} or, with a body, {% set a %}...{% endset %}.
	set struct {
		pos
		targets []string
		field   string // of a namespace: set ns.field
		of      expr
		filters []filter // of the block form, each with a nil of
		body    []stmt
	}
	with struct {
		pos
		names  []string
		values []expr
		body   []stmt
	}
	macro struct {
		pos
		name     string
		params   []string
		defaults []expr // of the last params
		body     []stmt
	}
	callBlock struct {
		pos
		call *call
		body *macro // its params are those of caller()
	}
	filterBlock struct {
		pos
		filters []filter
		body    []stmt
	}
	include struct {
		pos
		body []stmt
	}
	jump struct {
		pos
		word string // break or continue
	}
)
