package executor

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"lockstep/steps"
)

// block is what a small file takes on most file systems.
const block = 4096

// space checks at the end of a dry run that each host has room for what would
// be written: a new file is put beside the old one before it takes its place.
func (r *run) space(ctx context.Context) error {
	for _, h := range r.Plan.Hosts {
		if r.failed[h.Name] {
			continue
		}
		if err := r.overlays[h.Name].checkSpace(ctx); err != nil {
			r.fail(h.Name, "", err, false)
		}
	}
	return ctx.Err()
}

func (o *overlay) checkSpace(ctx context.Context) error {
	need, err := o.needs(ctx)
	if err != nil {
		return err
	}
	dirs := make([]string, 0, len(need))
	for dir := range need {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	rooms := make([]steps.Output, len(dirs))
	var asks errgroup.Group
	for i, dir := range dirs {
		asks.Go(func() (err error) {
			rooms[i], err = o.base.Query(ctx, roomQuery(dir))
			return err
		})
	}
	if err := asks.Wait(); err != nil {
		return err
	}
	perMount := map[string]int64{}
	for i, dir := range dirs {
		mount, free, ok := parseDF(string(rooms[i].Stdout))
		if !ok {
			continue // an odd df; the commit itself still leaves targets whole
		}
		perMount[mount] += need[dir]
		if perMount[mount] > free {
			return &steps.Problem{
				What: fmt.Sprintf("no space on %s: the new files need %d KiB beside the old ones, and %d KiB are free", mount, perMount[mount]/1024, free/1024),
				Do:   "make room there, then run again; nothing was changed", Err: steps.ErrRefused,
			}
		}
	}
	return nil
}

func roomQuery(dir string) steps.Command {
	return steps.Command{Argv: []string{"df", "-Pk", "--", dir}}
}

// needs sums what would be written, by the nearest directory that exists now.
func (o *overlay) needs(ctx context.Context) (map[string]int64, error) {
	sizes, big := o.sizes()
	for p, from := range big {
		held, err := o.held(ctx, p, from)
		if err != nil {
			return nil, err
		}
		sizes[path.Dir(p)] -= min(held, from.Size)
	}
	need := map[string]int64{}
	for dir, size := range sizes {
		for dir != "/" {
			st, err := o.base.Stat(ctx, dir)
			if err != nil {
				return nil, err
			}
			if st.Kind != steps.Absent {
				break
			}
			dir = path.Dir(dir)
		}
		need[dir] += size
	}
	return need, nil
}

// sizes sums what would be written by directory, and lists the big files in it.
func (o *overlay) sizes() (byDir map[string]int64, big map[string]*steps.Content) {
	o.mu.Lock()
	defer o.mu.Unlock()
	byDir, big = map[string]int64{}, map[string]*steps.Content{}
	for p, f := range o.files {
		if f.op != PutFile || !f.hasData || f.foreseen {
			continue
		}
		byDir[path.Dir(p)] += (f.stat.Size/block + 1) * block
		if f.from != nil {
			big[p] = f.from
		}
	}
	return byDir, big
}

// Holder is implemented by a machine that keeps what an interrupted batch
// brought of a big file.
type Holder interface {
	// Held is how much room that takes now, for this content at path.
	Held(ctx context.Context, path string, from *steps.Content) (int64, error)
}

func (o *overlay) held(ctx context.Context, p string, from *steps.Content) (int64, error) {
	h, ok := o.base.Machine.(Holder)
	if !ok {
		return 0, nil
	}
	return h.Held(ctx, p, from)
}

// parseDF reads the POSIX format of df -P: the second line holds size, used
// and available 1024-byte blocks, and ends with the mount point.
func parseDF(text string) (mount string, free int64, ok bool) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	fields := strings.Fields(lines[len(lines)-1])
	if len(lines) != 2 || len(fields) < 6 {
		return "", 0, false
	}
	kib, err := strconv.ParseInt(fields[3], 10, 64)
	return strings.Join(fields[5:], " "), kib * 1024, err == nil
}
