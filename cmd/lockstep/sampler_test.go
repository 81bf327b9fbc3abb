package main

import (
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// marks are unmistakable words inside of planted secrets. They have letters and
// digits alone, so that quoting leaves them as they are.
type marks []string

// in returns the marks that text has: as they are, in base64 at any place of
// what was encoded, or in hex.
func (m marks) in(text string) (found []string) {
	for _, mark := range m {
		for _, form := range markForms(mark) {
			if strings.Contains(text, form) {
				found = append(found, mark+" as "+form)
			}
		}
	}
	return found
}

func markForms(mark string) []string {
	forms := []string{mark, hex.EncodeToString([]byte(mark)), strings.ToUpper(hex.EncodeToString([]byte(mark)))}
	for shift := range 3 { // a byte before or behind it changes only the ends
		bytes := strings.Repeat("x", shift) + mark
		bytes = bytes[:len(bytes)/3*3]
		forms = append(forms, base64.StdEncoding.EncodeToString([]byte(bytes))[(shift+2)/3*4:])
	}
	return forms
}

func TestMarksAreFoundInEveryForm(t *testing.T) {
	m := marks{"Pl4ntedMark7"}
	for _, before := range []string{"", "a", "ab", "abc"} {
		text := before + "Pl4ntedMark7'\"/+"
		for _, form := range []string{text, hex.EncodeToString([]byte(text)), base64.StdEncoding.EncodeToString([]byte(text)), base64.URLEncoding.EncodeToString([]byte(text))} {
			if len(m.in(form)) == 0 {
				t.Errorf("not found in %q", form)
			}
		}
	}
	if found := m.in("Pl4ntedMark8"); len(found) != 0 {
		t.Errorf("found %q", found)
	}
}

// sampler looks at all processes of this machine, which has the hosts' too, and
// at the files of some folders, as fast as it can.
type sampler struct {
	marks   marks
	allowed []string // NAME=: these variables of an environment may have a mark
	folders []string // where files that only their owner may read are written
	empty   []string // where no file may have a mark

	mu     sync.Mutex
	leaks  []string
	judged map[string]bool // what was looked at: most is seen again and again
	seen   bool            // the allowed variable was seen, so that it sees what there is
}

// watch samples until stop is called.
func (s *sampler) watch() (stop func()) {
	done := make(chan struct{})
	var work sync.WaitGroup
	for _, look := range []func(){s.processes, s.files} {
		work.Go(func() {
			for {
				look()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	return func() { close(done); work.Wait() }
}

// fresh reports whether it is the first time that this text is met there.
func (s *sampler) fresh(where, text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := where + "\x00" + text
	if s.judged[key] {
		return false
	}
	if s.judged == nil {
		s.judged = map[string]bool{}
	}
	s.judged[key] = true
	return true
}

func (s *sampler) leak(where, text string) {
	if !s.fresh(where, text) {
		return
	}
	for _, mark := range s.marks.in(text) {
		s.mu.Lock()
		if line := where + " has " + mark; !slices.Contains(s.leaks, line) {
			s.leaks = append(s.leaks, line)
		}
		s.mu.Unlock()
	}
}

func (s *sampler) processes() {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is valid
	for _, dir := range dirs {
		if data, err := os.ReadFile(dir + "/cmdline"); err == nil {
			s.leak("an argument list", string(data))
		}
		data, _ := os.ReadFile(dir + "/environ") // gone, or another user's
		if !s.fresh("", string(data)) {
			continue
		}
		for pair := range strings.SplitSeq(string(data), "\x00") {
			if slices.ContainsFunc(s.allowed, func(name string) bool { return strings.HasPrefix(pair, name) }) {
				s.mu.Lock()
				s.seen = true
				s.mu.Unlock()
				continue
			}
			s.leak("an environment", pair)
		}
	}
}

// files reads what there is. A file in a folder that nobody else may enter is
// private whatever its mode is.
func (s *sampler) files() {
	for _, pattern := range s.folders {
		found, _ := filepath.Glob(pattern)
		for _, folder := range found {
			s.below(folder, func(f *os.File, private bool) {
				info, err := f.Stat() // of what is read, whatever takes its name
				if err == nil && info.Mode()&0o077 != 0 && !private {
					s.read("a file that others may read: "+filepath.Dir(f.Name())+" "+info.Mode().String(), f)
				}
			})
		}
	}
	for _, folder := range s.empty {
		s.below(folder, func(f *os.File, _ bool) { s.read("a temporary file", f) })
	}
}

func (s *sampler) below(folder string, look func(f *os.File, private bool)) {
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error { // it may be gone
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		dir, err := os.Stat(filepath.Dir(path))
		f, err2 := os.Open(path)
		if err != nil || err2 != nil {
			return nil
		}
		defer func() { _ = f.Close() }()
		look(f, dir.Mode()&0o077 == 0)
		return nil
	})
}

func (s *sampler) read(where string, f *os.File) {
	data := make([]byte, 1<<20)
	n, _ := f.Read(data)
	s.leak(where, string(data[:n]))
}

// report fails the test for each leak.
func (s *sampler) report(t *testing.T) {
	t.Helper()
	for _, leak := range s.leaks {
		t.Error(leak)
	}
	if len(s.allowed) > 0 && !s.seen {
		t.Error("the environment of the plan's own command was not seen, so others may have been missed")
	}
}

func TestSamplerSeesLeaks(t *testing.T) {
	dir := t.TempDir()
	s := &sampler{marks: marks{"Pl4ntedInAFile", "Pl4ntedInAnArgument"}, folders: []string{dir}, empty: []string{dir}}
	must(t, os.WriteFile(filepath.Join(dir, "open"), []byte("Pl4ntedInAFile"), 0o644))
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "read -r line", "Pl4ntedInAnArgument")
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	s.processes()
	s.files()
	must(t, in.Close())
	_ = cmd.Wait()
	got := strings.Join(s.leaks, "\n")
	wantWords(t, got, "an argument list has Pl4ntedInAnArgument", "others may read", "a temporary file has Pl4ntedInAFile")
}
