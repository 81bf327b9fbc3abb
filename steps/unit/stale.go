package unit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"lockstep/steps"
)

// Stale tells in words why the running service s cannot have read what is in
// its files now, or "" when it has. Files are paths, globs (such as
// /etc/mysql/*.cnf) and directories, which stand for all below them; the
// unit's own files count too. A plain path at which nothing is is an error,
// for a slip of the pen must not look like good evidence.
//
// Both times come from the host: when the main process began, and when each
// file was changed last, in content, attributes or name.
func Stale(ctx context.Context, r steps.Reader, s State, files ...string) (why string, err error) {
	found, err := gather(ctx, r, s, files)
	if err != nil {
		return "", err
	}
	if s.Foreseen() {
		now, err := fingerprint(ctx, r, found)
		if err != nil || now == s.foreseen {
			return "", err
		}
		return "its files change after the restart that is foreseen", nil
	}
	changed, err := unitChanged(ctx, r, s)
	switch {
	case err != nil:
		return "", err
	case changed:
		return "its unit files changed since systemd read them", nil
	case s.Started.IsZero() && len(found) > 0:
		return "", &steps.Problem{What: fmt.Sprintf("%s does not tell when %s was started", r.Name(), s.Name),
			Why: "it runs, but there is no start time and no pid file in /run", Do: "restart it by hand, or use state: restarted"}
	}
	return newer(found, s), nil
}

// newer says which of the files are newer than the service.
func newer(found []evidence, s State) string {
	found = slices.DeleteFunc(slices.Clone(found), func(e evidence) bool { return !e.stat.Pending && !e.stat.Changed.After(s.Started) })
	slices.SortStableFunc(found, func(a, b evidence) int {
		if a.stat.Pending != b.stat.Pending {
			if a.stat.Pending {
				return -1
			}
			return 1
		}
		return b.stat.Changed.Compare(a.stat.Changed)
	})
	if len(found) == 0 {
		return ""
	}
	text := fmt.Sprintf("%s is newer than the service (%s)", found[0].path, s.Since())
	if !found[0].stat.Pending {
		text = fmt.Sprintf("%s (changed %s) is newer than the service (%s)", found[0].path, clock(found[0].stat.Changed), s.Since())
	}
	if more := len(found) - 1; more > 0 {
		text += fmt.Sprintf(", and so are %d more", more)
	}
	return text
}

// unitChanged reports whether systemd must read the unit's files again. Its
// own word, NeedDaemonReload, is not enough: it keeps a cache of directories
// and says no for a while after the first drop-in of a unit was made (seen with
// systemd 252). And what this run is about to write it cannot know yet.
func unitChanged(ctx context.Context, r steps.Reader, s State) (bool, error) {
	if !s.Systemd || s.NeedReload {
		return s.NeedReload, nil
	}
	g := newGatherer(r, s)
	if err := g.own(ctx); err != nil {
		return false, err
	}
	unread := func(e evidence) bool { return e.stat.Pending || s.unread(e) }
	return !s.Foreseen() && slices.ContainsFunc(g.found, unread), nil
}

// unread reports whether e is a unit file or drop-in that systemd did not
// load. Empty ones and links mask others, and systemd does not list them.
func (s State) unread(e evidence) bool {
	local := s.localFile()
	isUnit := e.path == local || path.Dir(e.path) == local+".d" && path.Ext(e.path) == ".conf"
	return isUnit && e.stat.Kind == steps.Regular && e.stat.Size > 0 && !slices.Contains(s.Files, e.path)
}

// localFile is where an administrator's own unit file is.
func (s State) localFile() string {
	return "/etc/systemd/system/" + strings.TrimSuffix(s.Name, ".service") + ".service"
}

// fingerprint tells what a dry run has written of the evidence: only that can
// change while it lasts. It has no version yet, so its content counts.
func fingerprint(ctx context.Context, r steps.Reader, found []evidence) (string, error) {
	h := sha256.New()
	for _, e := range found {
		if !e.stat.Pending {
			continue
		}
		content, err := inside(ctx, r, e)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q %s %s %s %s %x\n", e.path, e.stat.Kind, e.stat.Mode, e.stat.Owner, e.stat.Group, sha256.Sum256(content))
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// inside is a file's content, or the names in a directory.
func inside(ctx context.Context, r steps.Reader, e evidence) ([]byte, error) {
	switch e.stat.Kind {
	case steps.Regular:
		return r.ReadFile(ctx, e.path)
	case steps.Directory:
		names, err := r.ReadDir(ctx, e.path)
		return []byte(strings.Join(names, "\n")), err
	}
	return nil, nil
}
