package certs

import (
	"context"
	"crypto/x509"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/rotation"
)

// The modes of the directory and its files.
const (
	dirMode  fs.FileMode = 0o700
	keyMode  fs.FileMode = 0o600
	certMode fs.FileMode = 0o644
)

// set is what the directory holds.
type set struct {
	dir   steps.Stat
	files map[string]file
	// former are the authorities that were kept aside, aside the content of
	// the files that they would be kept in, by name, where they are.
	former []*x509.Certificate
	aside  map[string][]byte
}

// file is one file of the set, at the end of its links.
type file struct {
	at   string
	stat steps.Stat
	data []byte
}

func (f file) exists() bool { return f.stat.Kind != steps.Absent }

// clock asks for the time: steps know none, and a certificate is judged by the
// clock of the machine that makes it. The answer rests on nothing that a run
// can change, unless reads say that it is to come after something.
func clock(ctx context.Context, r steps.Reader, reads ...string) (time.Time, error) {
	c := steps.Command{Argv: []string{"date", "+%s"}, Reads: reads}
	out, err := r.Query(ctx, c)
	if err := steps.Succeed(c, out, err); err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out.Stdout)), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("date told %q, not the seconds since 1970", out.Stdout)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func readSet(ctx context.Context, r steps.Reader, dir string) (set, error) {
	s := set{files: map[string]file{}, aside: map[string][]byte{}}
	at, stat, err := steps.Follow(ctx, r, dir)
	if err != nil {
		return s, err
	}
	s.dir = stat
	switch stat.Kind {
	case steps.Absent:
		if err := parents(ctx, r, dir); err != nil {
			return s, err
		}
	case steps.Directory:
	default:
		return s, &steps.Problem{What: fmt.Sprintf("%s is a %s, not a directory", at, stat.Kind), Do: "choose another dir"}
	}
	for _, name := range []string{caCert, caKey, serverCert, serverKey, clientCert, clientKey} {
		if s.files[name], err = readFile(ctx, r, path.Join(dir, name), stat.Kind); err != nil {
			return s, err
		}
	}
	return s, s.readAside(ctx, r, dir)
}

// readAside reads what was kept of former authorities.
func (s *set) readAside(ctx context.Context, r steps.Reader, dir string) (err error) {
	if s.dir.Kind == steps.Absent {
		return nil
	}
	if s.former, err = rotation.Former(ctx, r, dir); err != nil {
		return err
	}
	certs, err := pki.ParseCerts(s.files[caCert].data)
	if err != nil {
		return nil // told by who needs it
	}
	certName, keyName := rotation.FormerFiles(certs[0])
	for _, name := range []string{certName, keyName} {
		f, err := readFile(ctx, r, path.Join(dir, name), s.dir.Kind)
		if err != nil {
			return err
		}
		if f.exists() {
			s.aside[name] = f.data
		}
	}
	return nil
}

func parents(ctx context.Context, r steps.Reader, dir string) error {
	missing, err := steps.MissingParents(ctx, r, dir)
	if err == nil && len(missing) > 0 {
		err = &steps.Problem{What: fmt.Sprintf("%s cannot be made: %s does not exist on the control machine", dir, path.Dir(dir)),
			Do: "make it, or correct dir; a relative dir counts from the plan's folder"}
	}
	return err
}

func readFile(ctx context.Context, r steps.Reader, at string, dir steps.FileKind) (file, error) {
	f := file{at: at, stat: steps.Stat{Kind: steps.Absent}}
	if dir == steps.Absent {
		return f, nil
	}
	var err error
	if f.at, f.stat, err = steps.Follow(ctx, r, at); err != nil || !f.exists() {
		return f, err
	}
	if f.stat.Kind != steps.Regular {
		return f, &steps.Problem{What: fmt.Sprintf("%s is a %s, not a file", at, f.stat.Kind), Do: "move it away"}
	}
	f.data, err = r.ReadFile(ctx, f.at)
	return f, err
}

// keepDir makes the directory, or closes it to others.
func keepDir(dir string, found steps.Stat) []steps.Edit {
	mode := dirMode
	wanted := steps.Attrs{Mode: &mode}
	diff := steps.DiffAttrs(found, wanted)
	switch {
	case found.Kind == steps.Absent:
		return []steps.Edit{{Op: steps.Create, Subject: dir, Wanted: wanted,
			Attrs: append([]steps.AttrEdit{{Name: "kind", After: string(steps.Directory)}}, diff...)}}
	case len(diff) > 0:
		return []steps.Edit{{Op: steps.Update, Subject: dir, Attrs: diff, Wanted: wanted, Why: "it holds private keys"}}
	}
	return nil
}

func attrs(name string) steps.Attrs {
	mode := certMode
	if strings.HasSuffix(name, "-key.pem") {
		mode = keyMode
	}
	return steps.Attrs{Mode: &mode}
}

// keep are the edits of files whose content stays: their modes.
func (s set) keep(names ...string) []steps.Edit {
	var edits []steps.Edit
	for _, name := range names {
		f, wanted := s.files[name], attrs(name)
		if diff := steps.DiffAttrs(f.stat, wanted); len(diff) > 0 {
			edits = append(edits, steps.Edit{Op: steps.Update, Subject: f.at, Attrs: diff, Wanted: wanted})
		}
	}
	return edits
}

// write is the edit of a file that gets new content at apply.
func (s set) write(name, summary, why string) steps.Edit {
	f := s.files[name]
	return write(f.at, f.stat, f.data, summary, why)
}

func write(at string, found steps.Stat, have []byte, summary, why string) steps.Edit {
	wanted := attrs(at)
	e := steps.Edit{Op: steps.Create, Subject: at, Summary: summary, Why: why, Wanted: wanted,
		Attrs: steps.DiffAttrs(found, wanted), After: steps.NewContent(nil, true)}
	if found.Kind != steps.Absent {
		e.Op, e.Before = steps.Update, steps.NewContent(have, found.Unsettled)
	}
	return e
}
