package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"lockstep/internal/source"
	"lockstep/internal/spell"
)

// An expression is bounded in what it may allocate, in the virtual machine's
// own units (roughly, elements made), in its time and in its size.
const (
	memoryBudget = 1_000_000
	timeBudget   = 5 * time.Second
	maxNodes     = 2_000
)

// expressions compiles each text once for all hosts. It may be used by many
// goroutines.
type expressions struct {
	mu       sync.Mutex
	options  []expr.Option
	words    []string // of all functions
	compiled map[string]*expression
}

func newExpressions() *expressions {
	own := functions()
	options, words := []expr.Option{expr.AllowUndefinedVariables(), expr.MaxNodes(maxNodes)}, builtins()
	for _, name := range append(banned(), replaced()...) {
		options = append(options, expr.DisableBuiltin(name))
	}
	for _, f := range own {
		options = append(options, expr.Function(f.name, f.call))
		words = append(words, f.name)
	}
	slices.Sort(words)
	return &expressions{options: options, words: words, compiled: map[string]*expression{}}
}

type expression struct {
	program *vm.Program
	names   []string // the variables that the text uses, sorted
	// fields are, by variable, the names that follow it after a dot; "" stands
	// for the variable as a whole.
	fields   map[string][]string
	needs    map[string][]string // of these, the ones whose place nil cannot take
	literals []string            // the texts in it
	loops    bool                // it goes through lists, so that it may take long
}

func (c *expressions) get(text string) (*expression, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.compiled[text]; ok {
		return e, nil
	}
	e, err := c.compile(text)
	if err != nil {
		return nil, err
	}
	c.compiled[text] = e
	return e, nil
}

func (c *expressions) compile(text string) (*expression, error) {
	if text == "" {
		return nil, &exprError{"the expression is empty", ""}
	}
	if hint := foreign(text); hint != "" {
		return nil, &exprError{"this is Jinja, which is not spelled so here", hint}
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, explain(text, err)
	}
	var found visitor
	ast.Walk(&tree.Node, &found)
	for _, f := range found.calls {
		if !slices.Contains(c.words, f) {
			return nil, &exprError{fmt.Sprintf("there is no function %q", f), c.functionHint(f)}
		}
	}
	if _, whole := found.fields["$env"]; whole {
		return nil, &exprError{"there is no $env here", "write the variable's name alone"}
	}
	for _, name := range found.names() {
		if slices.Contains(c.words, name) {
			return nil, &exprError{fmt.Sprintf("%q is a function, so no variable can have that name", name), "give the variable another name"}
		}
	}
	program, err := expr.Compile(text, c.options...)
	if err != nil {
		return nil, explain(text, err)
	}
	return &expression{program, found.names(), found.fields, found.needed(), found.literals, found.loops}, nil
}

func (c *expressions) functionHint(name string) string {
	if slices.Contains(banned(), name) {
		return "a plan must come out the same each time it is read"
	}
	if n := spell.Nearest(name, c.words); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return "docs/expressions.md lists all functions"
}

// run computes the expression. One that goes through lists in lists can go on
// for ages in little memory: it is left behind when its time is over, and what
// waits for it is an error, which ends the program soon.
func (e *expression) run(env map[string]any) (any, error) {
	compute := func() (any, error) {
		machine := vm.VM{MemoryBudget: memoryBudget}
		return machine.Run(e.program, env)
	}
	if !e.loops {
		return compute()
	}
	type result struct {
		out any
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := compute()
		done <- result{out, err}
	}()
	limit := time.NewTimer(timeBudget)
	defer limit.Stop()
	select {
	case r := <-done:
		return r.out, r.err
	case <-limit.C:
		return nil, fmt.Errorf("it takes longer than %s", timeBudget)
	}
}

// visitor collects the free variables of an expression, those that are not
// bound by a `let` inside it, and what it calls.
type visitor struct {
	bound    map[string]bool
	fields   map[string][]string
	needs    map[string][]string // see expression
	asked    map[string][]string // compared with nil
	calls    []string
	literals []string
	loops    bool
}

// Visit is called by ast.Walk, for children before their parents.
func (v *visitor) Visit(n *ast.Node) {
	if v.fields == nil {
		v.bound, v.fields, v.needs, v.asked = map[string]bool{}, map[string][]string{}, map[string][]string{}, map[string][]string{}
	}
	switch x := (*n).(type) {
	case *ast.IdentifierNode:
		v.use(x.Value, "")
	case *ast.StringNode:
		v.literals = append(v.literals, x.Value)
	case *ast.VariableDeclaratorNode:
		v.bound[x.Name] = true
	case *ast.MemberNode:
		if name, field, ok := named(x); ok {
			v.drop(name, "")
			v.use(name, field)
		}
	case *ast.PredicateNode:
		v.loops = true
	case *ast.BuiltinNode:
		v.calls = append(v.calls, x.Name)
	case *ast.BinaryNode:
		v.compare(x)
	case *ast.CallNode:
		if f, ok := x.Callee.(*ast.IdentifierNode); ok {
			v.drop(f.Value, "")
			v.calls = append(v.calls, f.Value)
			if f.Value == "default" && len(x.Arguments) > 0 {
				v.spare(x.Arguments[0])
			}
		}
	}
}

// compare notes that nil may stand on one side of an operator: beside ??, or
// everywhere in the text where the text asks whether it does.
func (v *visitor) compare(x *ast.BinaryNode) {
	if x.Operator == "??" {
		v.spare(x.Left)
		return
	}
	for _, pair := range [][2]ast.Node{{x.Left, x.Right}, {x.Right, x.Left}} {
		_, none := pair[1].(*ast.NilNode)
		if name, field, ok := named(pair[0]); ok && none {
			v.asked[name] = append(v.asked[name], field)
		}
	}
}

// spare notes that nil may stand in the place of n.
func (v *visitor) spare(n ast.Node) {
	if name, field, ok := named(n); ok {
		without(v.needs, name, field)
	}
}

// named tells which variable n is, or which field of it.
func named(n ast.Node) (name, field string, ok bool) {
	switch x := n.(type) {
	case *ast.ChainNode:
		return named(x.Node)
	case *ast.IdentifierNode:
		return x.Value, "", true
	case *ast.MemberNode:
		owner, isName := x.Node.(*ast.IdentifierNode)
		property, isText := x.Property.(*ast.StringNode)
		if isName && isText {
			return owner.Value, property.Value, true
		}
	}
	return "", "", false
}

// needed are the uses whose place nil cannot take.
func (v *visitor) needed() map[string][]string {
	for name, fields := range v.asked {
		v.needs[name] = slices.DeleteFunc(v.needs[name], func(f string) bool { return slices.Contains(fields, f) })
	}
	return v.needs
}

func (v *visitor) use(name, field string) {
	v.fields[name] = append(v.fields[name], field)
	v.needs[name] = append(v.needs[name], field)
}

// drop takes back the last use, which turned out to be part of a longer one.
func (v *visitor) drop(name, field string) {
	without(v.fields, name, field)
	without(v.needs, name, field)
}

// without takes the last of a name's fields of that name away.
func without(fields map[string][]string, name, field string) {
	used := fields[name]
	for i, f := range slices.Backward(used) {
		if f == field {
			used = slices.Delete(used, i, i+1)
			break
		}
	}
	if fields[name] = used; len(used) == 0 {
		delete(fields, name)
	}
}

func (v *visitor) names() []string {
	maps.DeleteFunc(v.fields, func(name string, _ []string) bool { return v.bound[name] || strings.HasPrefix(name, "$") })
	return slices.Sorted(maps.Keys(v.fields))
}

// explain turns expr's report into one line and adds the right spelling where
// the text is Jinja that expr does not have.
func explain(text string, err error) error {
	const what = "the expression does not compile: "
	var at *file.Error
	if errors.As(err, &at) && at.Line == 1 {
		return &syntaxError{exprError{what + at.Message, spelling(text)}, text, at.Column}
	}
	msg, _, _ := strings.Cut(err.Error(), "\n")
	return &exprError{what + msg, spelling(text)}
}

// syntaxError is a mistake at a character of an expression, counted from 0.
type syntaxError struct {
	exprError
	text string
	at   int
}

type exprError struct{ msg, hint string }

func (e *exprError) Error() string { return e.msg }

// place gives an error of the expression layer its position, unless it has one.
func place(v source.Value, err error) error {
	switch e := err.(type) {
	case *exprError:
		return v.Errorf(e.hint, "%s", e.msg)
	case *syntaxError:
		before, _, found := strings.Cut(v.Text, e.text)
		if pos, ok := v.Within(utf8.RuneCountInString(before) + e.at); ok && found {
			return v.ErrorAt(pos, e.hint, "%s", e.msg)
		}
		return v.Errorf(e.hint, "%s (character %d of the expression)", e.msg, e.at+1)
	}
	return err
}
