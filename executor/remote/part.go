package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"lockstep/executor"
	"lockstep/steps"
)

// A big file arrives in a part: a private file beside the target whose name
// tells the target and the content. It is kept when the transfer is
// interrupted, and the next one sends only the chunks that are not there by
// their hashes; a hole is a chunk that is not there. A part goes away with the
// commit, when the target gets or loses any other content, and when it is not
// touched for partAge days and another part comes into the directory.
const (
	chunkSize = 8 << 20
	partAge   = 7
)

// partPrefix is what the names of all parts for a target begin with.
func partPrefix(real string) string {
	sum := sha256.Sum256([]byte(path.Clean(real)))
	return ".lockstep-part-" + hex.EncodeToString(sum[:8]) + "-"
}

// partName can be guessed by who knows the content: what has the name is looked
// at before it is used.
func partName(real string, c *steps.Content) string { return partPrefix(real) + c.SHA256[:32] }

var _ executor.Holder = (*Conn)(nil)

// Held is how much room the part takes that an interrupted transfer left.
func (c *Conn) Held(ctx context.Context, real string, from *steps.Content) (int64, error) {
	a, err := c.ask(ctx, "stat -c '%b %B' -- "+shellescape.Quote(path.Join(dirOf(real), partName(real, from)))+" 2>/dev/null || echo 0 0")
	if err != nil {
		return 0, err
	}
	var blocks, size int64
	if _, err := fmt.Sscan(string(a.out), &blocks, &size); err != nil {
		return 0, fmt.Errorf("the host's stat answers %q", a.out)
	}
	return blocks * size, nil
}

// openPart makes the part of s or finds what is there of it, and returns the
// hashes of its chunks. A file of that name which is not surely our own is
// removed, or is an error where that is not allowed.
func openPart(s staged) string {
	dir := path.Dir(s.temp)
	prefix := shellescape.Quote(path.Join(dir, partPrefix(s.real)))
	return hashFunction + "t=" + shellescape.Quote(s.temp) + "; set -- " + shellescape.Quote(s.temp) + ` "$t"
umask 077; set -C
for f in ` + prefix + `*; do [ "$f" = "$t" ] || rm -f -- "$f"; done
find ` + shellescape.Quote(dir) + ` -maxdepth 1 -name '.lockstep-part-*' -user "$(id -u)" -mtime +` + strconv.Itoa(partAge) + ` -exec rm -f -- {} \; 2>/dev/null
own() { [ -f "$t" ] && [ ! -L "$t" ] && [ -O "$t" ] && [ "$(stat -c '%a:%h' -- "$t")" = 600:1 ]; }
own || { rm -f -- "$t" && : >"$t"; } || { ` + freeFunction + `; exit 1; }
n=$((($(wc -c <"$t") + ` + strconv.Itoa(chunkSize-1) + `) / ` + strconv.Itoa(chunkSize) + `)); i=0
while [ $i -lt $n ]; do
dd if="$t" bs=` + strconv.Itoa(chunkSize) + ` skip=$i count=1 2>/dev/null | sha || exit 1
i=$((i+1)); done
`
}

// missingChunks are those of the source that the part does not have. there are
// the hashes of the part's chunks as openPart prints them.
func missingChunks(ctx context.Context, from io.ReaderAt, size int64, there string) ([]int64, error) {
	have := strings.Split(there, "\n")
	var missing []int64
	for i := range chunks(size) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found := ""
		if i < int64(len(have)) {
			found, _, _ = strings.Cut(have[i], " ")
		}
		if len(found) == 2*sha256.Size {
			sum := sha256.New()
			if _, err := io.Copy(sum, chunk(from, size, i)); err != nil {
				return nil, err
			}
			if hex.EncodeToString(sum.Sum(nil)) == found {
				continue
			}
		}
		missing = append(missing, i)
	}
	return missing, nil
}

func chunks(size int64) int64 { return (size + chunkSize - 1) / chunkSize }

// chunk is the ith chunk of a source.
func chunk(from io.ReaderAt, size, i int64) *io.SectionReader {
	return io.NewSectionReader(from, i*chunkSize, min(chunkSize, size-i*chunkSize))
}

// proven asks the host whether the part is the content that was to be sent.
func (c *Conn) proven(ctx context.Context, s staged) error {
	a, err := c.aside(ctx, describeScript(s.temp))
	if err != nil {
		return err
	}
	if a.code != 0 {
		return readProblem("hash", s.temp, "regular file", a)
	}
	if got, want := strings.Fields(string(a.out)), fmt.Sprint(s.From.Size); len(got) < 2 || got[0] != want || got[1] != s.From.SHA256 {
		return &steps.Problem{
			What: "what arrived for " + s.real + " is not what was to be sent; the old content stays",
			Why:  "its source on the control machine was changed while it was sent",
			Do:   "let the source be finished, and start again",
			Err:  steps.ErrDrifted,
		}
	}
	return nil
}

// keepsParts reports whether what is there of a big file is of use to the next
// run: nothing is wrong with it, it only could not go on.
func keepsParts(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, steps.ErrUnreachable)
}
