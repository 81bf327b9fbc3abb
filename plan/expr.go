package plan

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"lockstep/internal/source"
)

// memoryBudget bounds what one expression may allocate, in the virtual
// machine's own units (roughly, elements made).
const memoryBudget = 1_000_000

// expressions compiles each text once for all hosts.
type expressions struct{ compiled map[string]*expression }

type expression struct {
	program *vm.Program
	names   []string // the variables that the text uses
}

func (c *expressions) get(text string) (*expression, error) {
	if e, ok := c.compiled[text]; ok {
		return e, nil
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, explain(text, err)
	}
	var used identifiers
	ast.Walk(&tree.Node, &used)
	program, err := expr.Compile(text, expr.AllowUndefinedVariables(), expr.DisableBuiltin("now"))
	if err != nil {
		return nil, explain(text, err)
	}
	e := &expression{program, used.names()}
	c.compiled[text] = e
	return e, nil
}

// identifiers collects the free variables of an expression: those that are not
// bound by a `let` inside it.
type identifiers struct{ used, bound map[string]bool }

// Visit is called by ast.Walk.
func (i *identifiers) Visit(n *ast.Node) {
	if i.used == nil {
		i.used, i.bound = map[string]bool{}, map[string]bool{}
	}
	switch x := (*n).(type) {
	case *ast.IdentifierNode:
		i.used[x.Value] = true
	case *ast.VariableDeclaratorNode:
		i.bound[x.Name] = true
	}
}

func (i *identifiers) names() []string {
	maps.DeleteFunc(i.used, func(name string, _ bool) bool { return i.bound[name] })
	return slices.Sorted(maps.Keys(i.used))
}

// explain turns expr's report into one line and adds the right spelling where
// the text is Jinja that expr does not have.
func explain(text string, err error) error {
	msg, _, _ := strings.Cut(err.Error(), "\n")
	return &exprError{"the expression does not compile: " + msg, spelling(text)}
}

type exprError struct{ msg, hint string }

func (e *exprError) Error() string { return e.msg }

func spelling(text string) string {
	switch {
	case strings.HasPrefix(strings.TrimSpace(text), "{{"):
		return "write the condition without {{ }}: it is an expression already"
	case strings.Contains(text, " is defined"), strings.Contains(text, " is not defined"):
		return "lockstep checks at compile time that every variable exists; there is no `is defined`"
	case strings.Contains(text, " if ") && strings.Contains(text, " else "):
		return "write `c ? a : b` instead of `a if c else b`"
	case strings.Contains(text, "|"):
		return "write functions with brackets: `host | upper()`"
	default:
		return ""
	}
}

// scope resolves the variables of one host, each on first use.
type scope struct {
	exprs *expressions
	host  string
	vars  map[string]source.Value // as written
	known map[string]any          // resolved
	open  []string                // being resolved, to find loops
}

// names returns what an expression may use, for suggestions.
func (s *scope) names() []string {
	names := slices.Collect(maps.Keys(s.vars))
	names = slices.AppendSeq(names, maps.Keys(s.known))
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *scope) lookup(name string) (any, error) {
	if v, ok := s.known[name]; ok {
		return v, nil
	}
	raw, ok := s.vars[name]
	if !ok {
		hint := ""
		if n := source.Nearest(name, s.names()); n != "" {
			hint = fmt.Sprintf("did you mean %q?", n)
		}
		return nil, &exprError{fmt.Sprintf("the variable %q is not defined", name), hint}
	}
	if slices.Contains(s.open, name) {
		return nil, &exprError{fmt.Sprintf("the variable %q is defined by itself: %s", name, strings.Join(append(s.open, name), " -> ")), ""}
	}
	s.open = append(s.open, name)
	defer func() { s.open = s.open[:len(s.open)-1] }()
	v, err := s.resolve(raw)
	if err != nil {
		return nil, err
	}
	s.known[name] = v.Plain()
	return s.known[name], nil
}

// eval computes an expression that stands at v.
func (s *scope) eval(v source.Value, text string) (any, error) {
	e, err := s.exprs.get(text)
	if err != nil {
		return nil, place(v, err)
	}
	env := make(map[string]any, len(e.names))
	for _, name := range e.names {
		if env[name], err = s.lookup(name); err != nil {
			return nil, place(v, err)
		}
	}
	machine := vm.VM{MemoryBudget: memoryBudget}
	out, err := machine.Run(e.program, env)
	if err != nil {
		msg, _, _ := strings.Cut(err.Error(), "\n")
		return nil, v.Errorf("", "the expression %q fails: %s", text, msg)
	}
	return plain(out), nil
}

// place gives an error of the expression layer its position, unless it has one.
func place(v source.Value, err error) error {
	if e, ok := err.(*exprError); ok {
		return v.Errorf(e.hint, "%s", e.msg)
	}
	return err
}

// resolve replaces every {{ }} in v and below it.
func (s *scope) resolve(v source.Value) (source.Value, error) {
	var err error
	switch v.Shape {
	case source.Scalar:
		if text, ok := v.Any.(string); ok && strings.Contains(text, "{{") {
			return s.template(v, text)
		}
	case source.List:
		items := make([]source.Value, len(v.Items))
		for i, item := range v.Items {
			if items[i], err = s.resolve(item); err != nil {
				return v, err
			}
		}
		v.Items = items
	case source.Map:
		fields := make([]source.Field, len(v.Fields))
		for i, f := range v.Fields {
			if strings.Contains(f.Key, "{{") {
				return v, v.ErrorAt(f.KeyPos, "write the key out", "a key cannot be an expression")
			}
			if f.Value, err = s.resolve(f.Value); err != nil {
				return v, err
			}
			fields[i] = f
		}
		v.Fields = fields
	}
	return v, nil
}

// template evaluates text with its {{ }}. A text that is one expression gives
// the expression's own type; any other gives text.
func (s *scope) template(v source.Value, text string) (source.Value, error) {
	parts, err := split(text)
	if err != nil {
		return v, place(v, err)
	}
	if len(parts) == 1 && parts[0].isExpr {
		out, err := s.eval(v, parts[0].text)
		if err != nil {
			return v, err
		}
		return v.WithScalar(out), nil
	}
	var b strings.Builder
	for _, p := range parts {
		if !p.isExpr {
			b.WriteString(p.text)
			continue
		}
		out, err := s.eval(v, p.text)
		if err != nil {
			return v, err
		}
		switch out.(type) {
		case nil, []any, map[string]any:
			return v, v.Errorf("use join() or pick one element", "{{ %s }} gives %s, which cannot stand inside a text", p.text, v.WithScalar(out).Shape)
		}
		fmt.Fprint(&b, out)
	}
	return v.WithScalar(b.String()), nil
}

// plain turns the typed lists, maps and numbers that functions return into what
// YAML would hold.
func plain(v any) any {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Slice, reflect.Array:
		out := make([]any, r.Len())
		for i := range out {
			out[i] = plain(r.Index(i).Interface())
		}
		return out
	case reflect.Map:
		out := make(map[string]any, r.Len())
		for _, key := range r.MapKeys() {
			out[fmt.Sprint(key.Interface())] = plain(r.MapIndex(key).Interface())
		}
		return out
	default:
		return v
	}
}

type part struct {
	text   string
	isExpr bool
}

// split cuts text into literal parts and expressions.
func split(text string) ([]part, error) {
	var parts []part
	for {
		literal, rest, found := strings.Cut(text, "{{")
		if literal != "" {
			parts = append(parts, part{literal, false})
		}
		if !found {
			return parts, nil
		}
		end := closing(rest)
		if end < 0 {
			return nil, &exprError{"{{ has no matching }}", ""}
		}
		parts = append(parts, part{strings.TrimSpace(rest[:end]), true})
		text = rest[end+2:]
	}
}

// closing finds the }} that ends an expression, past strings and {} literals.
func closing(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"', '\'', '`':
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' && c != '`' {
					i++
				}
			}
		case '{':
			depth++
		case '}':
			if depth == 0 {
				if strings.HasPrefix(text[i:], "}}") {
					return i
				}
				return -1
			}
			depth--
		}
	}
	return -1
}
