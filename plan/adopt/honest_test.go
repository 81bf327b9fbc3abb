package adopt_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
	"golang.org/x/tools/txtar"

	"lockstep/internal/source"
	"lockstep/plan"
	"lockstep/plan/adopt"
)

// one is an inventory of one host, with the variables that the case files use.
type one struct{}

func (one) Match(string) ([]plan.Target, error) {
	return []plan.Target{{Host: plan.Host{Name: "db1", Address: "192.0.2.1"}, Vars: map[string]source.Value{}}}, nil
}

// compiles returns why a plan does not compile, but for variables that are not
// there.
func compiles(t *testing.T, text string) string {
	t.Helper()
	_, err := plan.Compile("plan.yml", []byte(text), one{}, language(t).Kinds, plan.Options{})
	list, ok := err.(*multierror.Error)
	if err != nil && !ok {
		list = multierror.Append(nil, err)
	}
	unknown := regexp.MustCompile(`is not defined|the local file|known only while`)
	var left []string
	for _, problem := range list.WrappedErrors() {
		if !unknown.MatchString(problem.Error()) {
			left = append(left, problem.Error())
		}
	}
	return strings.Join(left, "\n")
}

// What the report says to write is what plans understand.
func TestSpellingsCompile(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	expression := regexp.MustCompile(`^(\{\{ .* \}\})(, and .*)?$`)
	condition := regexp.MustCompile(`^(?:when|that|until): (.*?)(, and .*)?$`)
	tried := 0
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report(t, language(t), a.Files[0].Data).Findings {
			text := ""
			if m := expression.FindStringSubmatch(f.Note); m != nil {
				text = "hosts: all\nvars:\n  under_test: |-\n    " + m[1] + "\nsteps: []\n"
			} else if m := condition.FindStringSubmatch(f.Note); m != nil && strings.HasPrefix(m[1], "[") {
				text = "hosts: all\nsteps:\n  - command: {argv: [id]}\n    when: " + m[1] + "\n"
			} else if m != nil {
				text = "hosts: all\nsteps:\n  - command: {argv: [id]}\n    when: |-\n      " + m[1] + "\n"
			}
			if f.Verdict != adopt.Spelled || text == "" {
				continue
			}
			tried++
			if why := compiles(t, text); why != "" {
				t.Errorf("%s: %s\n%s", file, f, why)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d spellings were tried: are they found?", tried)
	}
}

// A play of which all is said to run as it is, but for the frame around it,
// compiles when that is changed.
func TestWhatIsAsItIsCompiles(t *testing.T) {
	data, err := os.ReadFile("testdata/as-it-is.txtar")
	if err != nil {
		t.Fatal(err)
	}
	text := string(txtar.Parse(data).Files[0].Data)
	if n := report(t, language(t), []byte(text)).Count(adopt.Missing); n > 0 {
		t.Errorf("%d findings are missing", n)
	}
	text = strings.Replace("  "+strings.TrimPrefix(text, "- "), "  tasks:", "  steps:", 1)
	if why := compiles(t, text); why != "" {
		t.Error(why)
	}
}
