package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lockstep/internal/spell"
)

// Run is a journal that was read.
type Run struct {
	Header
	File    string
	Begun   time.Time
	Records []Record // all but the first
	// Torn tells that the last line is not whole: the run ended while it was
	// written, and what it announced did not happen.
	Torn bool
}

// End is the record of the run's exit; nil when it is still under way, or was
// killed.
func (r *Run) End() *Record {
	if n := len(r.Records); n > 0 && r.Records[n-1].Type == TypeEnd {
		return &r.Records[n-1]
	}
	return nil
}

// All are the records of the run, the first included.
func (r *Run) All() []Record {
	first := Record{Seq: 1, Time: r.Begun, Type: TypeRun, Run: &r.Header}
	return append([]Record{first}, r.Records...)
}

// Acts are the announced acts in order, each with how it came out; nil when
// nobody wrote that down.
func (r *Run) Acts() []Act {
	var out []Act
	at := map[int]int{}
	for i, rec := range r.Records {
		switch rec.Type {
		case TypeAct:
			at[rec.Act] = len(out)
			out = append(out, Act{Record: rec})
		case TypeDone:
			if n, ok := at[rec.Act]; ok {
				out[n].Done = &r.Records[i]
			}
		}
	}
	return out
}

// Act is an announced act.
type Act struct {
	Record
	Done *Record
}

// Parse reads a journal. Only its errors use name.
func Parse(name string, data []byte) (*Run, error) {
	run := &Run{File: name}
	for n := 1; len(data) > 0; n++ {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		data = rest
		var r Record
		err := json.Unmarshal(line, &r)
		switch {
		case !whole:
			run.Torn = true
		case err != nil:
			return nil, fmt.Errorf("%s:%d: this line is no record: %w\n  why: something else has written to the file, or the disk lost a part of it\n  do:  do not build on it; a new `lockstep apply` looks at the hosts themselves", name, n, err)
		case r.Seq != n:
			return nil, fmt.Errorf("%s:%d: this is record %d: lines are missing, or stand twice", name, n, r.Seq)
		case n == 1 && (r.Type != TypeRun || r.Run == nil):
			return nil, fmt.Errorf("%s:1: a journal begins with its run, and this is a record of type %q", name, r.Type)
		case n == 1 && r.Run.Version != Version:
			return nil, fmt.Errorf("%s:1: the journal has the form %d, and this lockstep reads %d: use the lockstep that wrote it, %s", name, r.Run.Version, Version, r.Run.Lockstep)
		case n == 1:
			run.Header, run.Begun = *r.Run, r.Time
		default:
			run.Records = append(run.Records, r)
		}
	}
	if run.ID == "" {
		return nil, fmt.Errorf("%s: the journal has no first line: its run ended before it changed anything", name)
	}
	return run, nil
}

// Open reads the journal of a run below dir. The beginning of the run's name is
// enough where only one has it, and "last" is the last one.
func Open(dir, id string) (*Run, error) {
	all, err := names(dir)
	if err != nil {
		return nil, err
	}
	fits := func(name string) bool { return strings.HasPrefix(name, id) }
	switch found := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !fits(name) }); {
	case id == "last" && len(all) > 0:
		id = all[len(all)-1]
	case len(found) == 1 && id != "":
		id = found[0]
	case len(found) > 1 && !slices.Contains(found, id):
		return nil, fmt.Errorf("%d runs begin with %q: write more of the name; `lockstep history` lists them", len(found), id)
	case len(found) == 0:
		hint := "`lockstep history` lists those that are kept"
		if near := spell.Nearest(id, all); near != "" {
			hint = "did you mean " + near + "? " + hint
		}
		return nil, fmt.Errorf("no run %q is kept in %s: %s", id, dir, hint)
	}
	return read(dir, id)
}

func read(dir, id string) (*Run, error) {
	file := filepath.Join(dir, id, fileName)
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, data)
}

// All reads the journals below dir, the oldest first. What cannot be read is in
// the error, beside those that can.
func All(dir string) ([]*Run, error) {
	list, err := names(dir)
	if err != nil {
		return nil, err
	}
	var runs []*Run
	var problems []error
	for _, id := range list {
		run, err := read(dir, id)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		runs = append(runs, run)
	}
	return runs, errors.Join(problems...)
}

// names are the runs below dir, the oldest first: they begin with their time.
func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// Prune removes the oldest journals below dir, so that at most keep are left.
func Prune(dir string, keep int) error {
	list, err := names(dir)
	if err != nil {
		return err
	}
	for _, id := range list[:max(0, len(list)-keep)] {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, id)))
	}
	return err
}
