package plan_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-multierror"
	"golang.org/x/tools/txtar"

	"lockstep/internal/source"
	"lockstep/plan"
	"lockstep/steps"
	"lockstep/steps/param"
)

var update = flag.Bool("update", false, "write what was compiled into testdata")

// set is a kind that takes any parameters; the others add one ability each.
type set struct {
	text  string
	count int
	flag  bool
	list  []string
	raw   source.Value
	mode  *fs.FileMode
	src   string
	made  string
}

func (s *set) Params(p *param.Set) {
	p.String(&s.text, "text", "a text")
	p.Int(&s.count, "count", "a number")
	p.Bool(&s.flag, "flag", "a truth")
	p.Strings(&s.list, "list", "some texts")
	p.Raw(&s.raw, "raw", "anything", "whatever it is")
	p.Mode(&s.mode, "mode", "permission bits")
	p.ControlPath(&s.src, "src", "a local file that it reads")
	p.ControlPath(&s.made, "made", "a local file that it makes")
}

func (s *set) Check() error {
	if s.text == "refused" {
		return multierror.Append(nil, errors.New("the step refuses this text"))
	}
	return nil
}
func (s *set) Probe(context.Context, steps.View) (steps.Change, error) { return steps.Change{}, nil }
func (s *set) Apply(context.Context, steps.Host, steps.Change) error   { return nil }
func (s *set) Needs() []string                                         { return keep(s.src) }
func (s *set) Makes() []string                                         { return keep(s.made) }
func keep(s string) []string {
	return slices.DeleteFunc([]string{s}, func(s string) bool { return s == "" })
}

type judge struct{ set }

func (*judge) Judge(context.Context, steps.View) error { return nil }

type ranker struct{ set }

func (*ranker) Rank(context.Context, steps.View) (int, error) { return 0, nil }

type waiter struct{ teller }

func (*waiter) Wait(context.Context, steps.View) error { return nil }
func (*waiter) Patience() (limit, every time.Duration) { return time.Minute, time.Second }

type teller struct{ set }

func (*teller) Reports() []string      { return []string{"rc"} }
func (*teller) Report() map[string]any { return map[string]any{"rc": 0} }

func registry(t testing.TB) *steps.Registry {
	t.Helper()
	r, err := steps.NewRegistry(
		steps.Kind{Name: "put", New: func() steps.Step { return &set{} }},
		steps.Kind{Name: "health", New: func() steps.Step { return &judge{} }},
		steps.Kind{Name: "choose", New: func() steps.Step { return &ranker{} }},
		steps.Kind{Name: "await", New: func() steps.Step { return &waiter{} }},
		steps.Kind{Name: "tell", New: func() steps.Step { return &teller{} }},
		steps.Kind{Name: "here", OnControl: true, New: func() steps.Step { return &set{} }},
		steps.Kind{Name: "here_health", OnControl: true, New: func() steps.Step { return &judge{} }},
	)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hosts are an inventory: a map of hosts in order, each with its variables.
type hosts struct{ v source.Value }

func (h hosts) Match(pattern string) ([]plan.Target, error) {
	var out []plan.Target
	for _, f := range h.v.Fields {
		if pattern != "all" && !slices.Contains(strings.Split(pattern, ","), f.Key) {
			continue
		}
		vars := map[string]source.Value{}
		for _, one := range f.Value.Fields {
			vars[one.Key] = one.Value
		}
		out = append(out, plan.Target{Host: plan.Host{Name: f.Key, Address: f.Key + ".example"}, Vars: vars})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no host matches %q", pattern)
	}
	return out, nil
}

// options reads the comment of a case file: lines such as "tags: a, b".
func options(t *testing.T, comment string) plan.Options {
	t.Helper()
	var o plan.Options
	for line := range strings.Lines(comment) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "limit":
			o.Limit = value
		case "tags":
			o.Tags = strings.Split(value, ", ")
		case "skip-tags":
			o.SkipTags = strings.Split(value, ", ")
		case "extra":
			v, err := source.ParseYAML("command line", []byte(value), source.SecretTag)
			if err != nil {
				t.Fatal(err)
			}
			o.ExtraVars = map[string]source.Value{}
			for _, f := range v.Fields {
				o.ExtraVars[f.Key] = f.Value
			}
		}
	}
	return o
}

func part(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

const threeHosts = "db1: {id: 1, role: first}\ndb2: {id: 2, role: other}\ndb3: {id: 3, role: other}\n"

func compile(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	inventory := part(a, "hosts.yml")
	if inventory == nil {
		inventory = []byte(threeHosts)
	}
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "local/") {
			if err := errors.Join(os.MkdirAll(filepath.Dir(f.Name), 0o700), os.WriteFile(f.Name, f.Data, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	v, err := source.ParseYAML("hosts.yml", inventory, source.SecretTag)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile("plan.yml", part(a, "plan.yml"), hosts{v}, registry(t), options(t, string(a.Comment)))
	if err != nil {
		return strings.ReplaceAll(problems(err), dir, "DIR")
	}
	return strings.ReplaceAll(show(t, p), dir, "DIR")
}

func problems(err error) string {
	var list *multierror.Error
	if !errors.As(err, &list) {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for _, e := range list.Errors {
		b.WriteString(e.Error() + "\n")
	}
	return b.String()
}

// show is a compiled plan as text: stages, steps, and parameters by host.
func show(t *testing.T, p *plan.Plan) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s of %s\n", p.Name, names(p.Hosts), names(p.Peers))
	for _, s := range p.Stages {
		fmt.Fprintf(&b, "stage %d %q width %d order %s settle %s/%s failures %d control %v%s\n",
			s.Index, s.Name, s.Width, s.Order, s.Settle, s.GateTimeout, s.MaxFailures, s.OnControl, more(s))
		if s.Gate != nil {
			showTask(t, &b, p, s.Gate)
		}
		for _, task := range s.Tasks {
			showTask(t, &b, p, task)
		}
	}
	return b.String()
}

// more is what only some stages have.
func more(s *plan.Stage) string {
	var b strings.Builder
	if len(s.Widths) > 0 {
		fmt.Fprintf(&b, " widths %v", s.Widths)
	}
	if s.PauseEach {
		b.WriteString(" approve")
	}
	if s.Once {
		b.WriteString(" once")
	}
	if s.Pause != "" {
		fmt.Fprintf(&b, " pause %q", s.Pause)
	}
	return b.String()
}

func showTask(t *testing.T, b *strings.Builder, p *plan.Plan, task *plan.Task) {
	t.Helper()
	fmt.Fprintf(b, "  %s %s", task.ID, task.Name)
	if task.Block != nil {
		b.WriteString(" {\n")
		for i, list := range [][]*plan.Task{task.Block.Steps, task.Block.Rescue, task.Block.Always} {
			if len(list) > 0 && i > 0 {
				fmt.Fprintf(b, "  } %s {\n", []string{"", "rescue", "always"}[i])
			}
			for _, inner := range list {
				showTask(t, b, p, inner)
			}
		}
		b.WriteString("  }\n")
		return
	}
	fmt.Fprintf(b, " (%s)%s\n", task.Kind.Name, attributes(task))
	on := names(p.Hosts)
	if task.Kind.OnControl {
		on = "control"
	}
	for host := range strings.FieldsSeq(on) {
		if task.Concerns(host) {
			fmt.Fprintf(b, "    %s\n", showStep(t, task, host))
		}
	}
}

// attributes are those that differ from what a bare step has.
func attributes(task *plan.Task) string {
	var b strings.Builder
	if len(task.Tags) > 0 {
		fmt.Fprintf(&b, " tags %s", strings.Join(task.Tags, ","))
	}
	if task.Timeout > 0 {
		fmt.Fprintf(&b, " timeout %s", task.Timeout)
	}
	if task.Register != "" {
		fmt.Fprintf(&b, " register %s", task.Register)
	}
	if task.Retries > 0 {
		fmt.Fprintf(&b, " retries %d/%s until %v", task.Retries, task.Delay, task.HasUntil())
	}
	if task.HasUntil() && task.Retries == 0 {
		fmt.Fprintf(&b, " until %s", task.Until())
	}
	if task.Once {
		b.WriteString(" once")
	}
	if task.As != nil {
		fmt.Fprintf(&b, " as %+v", *task.As)
	}
	if task.Later() {
		fmt.Fprintf(&b, " later")
	}
	if task.NeedsFacts() {
		fmt.Fprintf(&b, " facts")
	}
	return b.String()
}

func showStep(t *testing.T, task *plan.Task, host string) string {
	t.Helper()
	text := host
	if on := task.On(host); on != host {
		text += " on " + on
	}
	if name := task.Called(host); name != task.Name {
		text += fmt.Sprintf(" %q", name)
	}
	if task.Later() {
		return text
	}
	step, err := task.Step(host)
	if err != nil && strings.HasPrefix(err.Error(), "a secret is read only") {
		return text + " sealed"
	}
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := step.(interface{ values() *set }); ok {
		text += " " + s.values().String()
	}
	return text
}

func (s *set) values() *set { return s }

// String shows what differs from the zero set.
func (s *set) String() string {
	m := map[string]any{"text": s.text, "count": s.count, "flag": s.flag, "list": s.list, "raw": s.raw.Plain(), "src": s.src, "made": s.made}
	if s.mode != nil {
		m["mode"] = steps.FormatMode(*s.mode)
	}
	for key, v := range m {
		if text := fmt.Sprint(v); text == "" || text == "0" || text == "false" || text == "[]" || text == "<nil>" {
			delete(m, key)
		}
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func names(hosts []plan.Host) string {
	out := make([]string, len(hosts))
	for i, h := range hosts {
		out[i] = h.Name
	}
	return strings.Join(out, " ")
}

func TestCompile(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no case files: %v", err)
	}
	for _, file := range files {
		abs, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(abs)
			if err != nil {
				t.Fatal(err)
			}
			got := compile(t, a)
			for range 2 {
				if again := compile(t, a); again != got {
					t.Fatalf("compiled again it differs:\n%s\nbefore:\n%s", again, got)
				}
			}
			if *update {
				a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
				a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(abs, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := string(part(a, "want")); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// An expression that would fill the memory, or go on for ages, ends as an error.
func TestExpressionsAreBounded(t *testing.T) {
	for text, want := range map[string]string{
		"len(1..100000000)":                       "memory budget",
		"let x = 1..30000; any(x, any(x, # < 0))": "longer than 5s",
	} {
		a := &txtar.Archive{Files: []txtar.File{{Name: "plan.yml", Data: []byte("hosts: all\nsteps:\n  - put: {text: \"{{ " + text + " }}\"}\n")}}}
		start := time.Now()
		if got := compile(t, a); !strings.Contains(got, want) {
			t.Errorf("got %s", got)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
	}
}
