package adopt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/parser"
)

// spell returns a Jinja expression as plans spell it; why says that it cannot be
// said, and how to do without.
func (r *reader) spell(text string) (spelling, why string) {
	masked, literals := mask(r.facts(text))
	for _, f := range foreignWords() {
		if m := f.pattern.FindString(masked); m != "" {
			return "", strings.ReplaceAll(f.note, "$0", strings.TrimSpace(unmask(m, literals)))
		}
	}
	for _, s := range spellings() {
		masked = s.pattern.ReplaceAllString(masked, s.note)
	}
	if masked, why = r.filters(masked, literals); why != "" {
		return "", why
	}
	spelling = unmask(choices(masked), literals)
	return spelling, r.unsound(spelling)
}

// facts gives facts of Ansible's the names that they have here.
func (r *reader) facts(text string) string {
	names := map[string]string{
		"distribution": "distribution", "distribution_version": "version", "os_family": "family", "architecture": "arch",
		"hostname": "hostname", "kernel": "kernel", "system": "os",
	}
	gathered := regexp.MustCompile(`\bansible_facts(?:\.(\w+)|\[['"](\w+)['"]\])|\bansible_(distribution_version|\w+)`)
	return gathered.ReplaceAllStringFunc(text, func(found string) string {
		m := gathered.FindStringSubmatch(found)
		name := strings.TrimPrefix(m[1]+m[2]+m[3], "ansible_")
		if to := names[name]; to != "" && slices.Contains(r.lang.Facts, to) {
			return "facts." + to
		}
		return found
	})
}

// pattern is a piece of Jinja, and what to say or write for it.
type pattern struct {
	pattern *regexp.Regexp
	note    string
}

func patterns(pairs [][2]string) []pattern {
	out := make([]pattern, len(pairs))
	for i, p := range pairs {
		out[i] = pattern{regexp.MustCompile(p[0]), p[1]}
	}
	return out
}

// foreignWords are what has no spelling here. $0 is what was found.
func foreignWords() []pattern {
	return patterns([][2]string{
		{`\b(lookup|query|q)\s*\(`, "there are no lookups: use vars, or -e for values of the command line"},
		{`\bhostvars\b`, "a host does not see the variables of others: give what all need to the group"},
		{`\bgroups\b`, "`hosts` are the hosts of the plan: write map(hosts, .name) or map(hosts, .address)"},
		{`[\w.]+(\[[^\]]*\])* is (not )?(defined|undefined)\b`, "every variable must exist, and that is checked before the run: give it a value for all hosts, such as \"\", and compare with that"},
		{`\bansible_(facts|fqdn|default_ipv4|memtotal_mb|processor\w*|date_time|env|all_ipv4_addresses|service_mgr|pkg_mgr|nodename|domain|eth\d)\b`, "`facts` has no such field as $0: set a variable in the inventory"},
		{`\bansible_(distribution\w*|os_family|hostname|architecture|kernel|system|check_mode|version|loop|role_name|run_tags|verbosity|failed_task|failed_result|playbook_python|user_id|python\w*)\b`, "$0 is Ansible's own"},
		{`\b(role_path|playbook_dir|inventory_dir)\b`, "leave $0 out: relative paths count from the folder of the file they stand in"},
		{`\bomit\b`, "a parameter cannot be left out by a value: make two steps, each with a `when`"},
		{`\bnow\s*\(`, "a plan means the same at any time: pass the time with -e"},
		{`[\w.]+ is (not )?(file|directory|exists|link|mount|version|subset|superset|contains|mapping|iterable|string|number|sequence)\b`, "there is no test of that name: $0"},
		{`__q\d+__\s*%`, "join texts with + instead of %"},
		{`\.(items|keys|values|find|get|format|lstrip|rstrip|join|title|isdigit)\s*\(`, "values have no methods such as $0): use functions with |"},
		{`//`, "write int(a / b)"}, {`\+\s*\[`, "lists are joined by concat(a, b)"},
	})
}

// spellings are pieces that are said in another way. Their order matters.
func spellings() []pattern {
	return patterns([][2]string{
		{`\bTrue\b`, "true"}, {`\bFalse\b`, "false"}, {`\b(None|none)\b`, "nil"},
		{`([\w.]+) is not nil\b`, "$1 != nil"}, {`([\w.]+) is nil\b`, "$1 == nil"},
		{`([\w.]+) is (sameas )?(true|false)\b`, "$1 == $3"},
		{`([\w.]+) is not (changed|failed|skipped)\b`, "not $1.$2"}, {`([\w.]+) is (changed|failed|skipped)\b`, "$1.$2"},
		{`([\w.]+) is (succeeded|success)\b`, "not $1.failed"},
		{`([\w.]+) is match\s*\(\s*([^()]*?)\s*\)`, `$1 matches "^" + $2`},
		{`([\w.]+) is (search|regex)\s*\(\s*([^()]*?)\s*\)`, "$1 matches $3"},
		{`([\w.]+) is (even|divisibleby\(2\))`, "$1 % 2 == 0"}, {`([\w.]+) is odd\b`, "$1 % 2 == 1"},
		{`([\w.]+)\.startswith\(([^()]*)\)`, "$1 startsWith $2"}, {`([\w.]+)\.endswith\(([^()]*)\)`, "$1 endsWith $2"},
		{`([\w.]+)\.(split|replace)\(([^()]+)\)`, "$2($1, $3)"}, {`([\w.]+)\.(lower|upper)\(\)`, "$2($1)"}, {`([\w.]+)\.strip\(\)`, "trim($1)"},
		{`\binventory_hostname\b`, "host"}, {`\b(ansible_host|ansible_ssh_host)\b`, "address"},
		{`\b(ansible_play_hosts_all|ansible_play_hosts|ansible_play_batch|play_hosts)\b`, "map(hosts, .name)"},
		{`\s*~\s*`, " + "},
	})
}

// choices turns `a if c else b` around, and so on behind the else.
func choices(text string) string {
	m := regexp.MustCompile(`^(.+?) if (.+?) else (.+)$`).FindStringSubmatch(text)
	if m == nil {
		return text
	}
	rest := choices(m[3])
	if rest != m[3] {
		rest = "(" + rest + ")"
	}
	return fmt.Sprintf("%s ? %s : %s", m[2], m[1], rest)
}

// function reports whether expressions have a function.
func (r *reader) function(name string) bool {
	return slices.Contains(builtin.Names, name) || slices.Contains(r.lang.Functions, name)
}

// unsound says why an expression does not compile, or "".
func (r *reader) unsound(text string) string {
	tree, err := parser.Parse(text)
	if err != nil {
		return "this is not an expression that lockstep reads: see expr-lang.org"
	}
	var c calls
	ast.Walk(&tree.Node, &c)
	for _, name := range c.names {
		if !r.function(name) {
			return fmt.Sprintf("there is no function %s", name)
		}
	}
	options := []expr.Option{expr.AllowUndefinedVariables()}
	for _, name := range r.lang.Functions {
		if !slices.Contains(builtin.Names, name) {
			options = append(options, expr.Function(name, func(...any) (any, error) { return nil, nil }))
		}
	}
	if _, err := expr.Compile(text, options...); err != nil {
		why, _, _ := strings.Cut(err.Error(), "\n")
		return "as an expression it does not compile: " + why
	}
	return ""
}

// calls collects the functions that an expression calls.
type calls struct{ names []string }

// Visit is called by ast.Walk.
func (c *calls) Visit(n *ast.Node) {
	if call, ok := (*n).(*ast.CallNode); ok {
		if f, ok := call.Callee.(*ast.IdentifierNode); ok {
			c.names = append(c.names, f.Value)
		}
	}
}

func literal() *regexp.Regexp { return regexp.MustCompile(`"(\\.|[^"\\])*"|'(\\.|[^'\\])*'`) }

// mask puts words in place of the texts in quotes, so that rules see none.
func mask(text string) (masked string, literals []string) {
	masked = literal().ReplaceAllStringFunc(text, func(l string) string {
		literals = append(literals, l)
		return fmt.Sprintf("__q%d__", len(literals)-1)
	})
	return masked, literals
}

func unmask(masked string, literals []string) string {
	for i := len(literals) - 1; i >= 0; i-- {
		masked = strings.ReplaceAll(masked, fmt.Sprintf("__q%d__", i), literals[i])
	}
	return masked
}
