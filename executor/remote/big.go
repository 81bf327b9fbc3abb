package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"al.essio.dev/pkg/shellescape"
	"golang.org/x/sync/errgroup"

	"lockstep/steps"
)

// lanes is how many SFTP channels carry the chunks of one big file: sshd's
// window bounds what one channel carries over a long line. With the two shells
// and one for ending things that makes 7 of the 10 sessions that sshd grants.
const lanes = 4

// stageBig brings what is missing of a big file into its part, in constant
// memory, and proves that all is there.
func (c *Conn) stageBig(ctx context.Context, l *link, s staged) error {
	from, err := s.From.Open()
	if err != nil {
		return fmt.Errorf("its source: %w", err)
	}
	defer func() { _ = from.Close() }()
	there, err := c.aside(ctx, openPart(s))
	if err != nil {
		return err
	}
	if there.code != 0 {
		return stageError(s, steps.Output{Stdout: there.out, Stderr: there.err, Code: there.code})
	}
	missing, err := missingChunks(ctx, from, s.From.Size, string(there.out))
	if err != nil {
		return fmt.Errorf("its source: %w", err)
	}
	b := &big{staged: s, from: from, missing: missing}
	b.done.Store(s.From.Size)
	for _, i := range missing {
		b.done.Add(-chunk(from, s.From.Size, i).Size())
	}
	if err := c.sendBig(ctx, l, b); err != nil {
		return err
	}
	return c.proven(ctx, s)
}

func (c *Conn) sendBig(ctx context.Context, l *link, b *big) error {
	if len(b.missing) == 0 {
		return nil
	}
	err := l.sendSFTP(ctx, b, c.servers)
	if !errors.Is(err, errNoSFTP) {
		return err
	}
	c.sayCat()
	return l.sendCat(ctx, b)
}

// big is a big file on its way.
type big struct {
	staged
	from    io.ReaderAt
	missing []int64
	next    atomic.Int64 // index into missing
	done    atomic.Int64 // bytes
}

// take returns the next chunk to send.
func (b *big) take() (*metered, int64, bool) {
	n := b.next.Add(1) - 1
	if n >= int64(len(b.missing)) {
		return nil, 0, false
	}
	i := b.missing[n]
	return &metered{chunk(b.from, b.From.Size, i), b}, i * chunkSize, true
}

// metered tells how far the file is as it is read.
type metered struct {
	*io.SectionReader
	big *big
}

func (r *metered) Read(p []byte) (int, error) {
	n, err := r.SectionReader.Read(p)
	if done := r.big.done.Add(int64(n)); n > 0 && r.big.Sent != nil {
		r.big.Sent(done)
	}
	return n, err
}

// sendSFTP sends the chunks over several channels. Where the host does not open
// as many, fewer do.
func (l *link) sendSFTP(ctx context.Context, b *big, servers []string) error {
	first, err := l.files.get(ctx, func(*sftpSession) bool { return true }, func() (*sftpSession, error) {
		return startSFTP(ctx, l, servers)
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := first.lane(ctx, b); err != nil {
			return l.transferError(ctx, first, b.staged, err)
		}
		return nil
	})
	var refused sync.Once
	for range min(lanes, len(b.missing)) - 1 {
		group.Go(func() error {
			more, err := startSFTP(ctx, l, servers)
			if err != nil {
				refused.Do(func() { l.log.Debug("fewer channels for a big file", "host", l.target.Name, "error", err) })
				return nil
			}
			defer func() {
				_ = more.Close()
				more.process.end()
			}()
			if err := more.lane(ctx, b); err != nil {
				return l.transferFailure(ctx, b.staged, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// lane sends chunk after chunk over one channel: two at a time, so that the line
// is not idle while the last answers of one are on their way.
func (s *sftpSession) lane(ctx context.Context, b *big) error {
	// Only the end of the whole session stops a transfer.
	stop := context.AfterFunc(ctx, func() { _ = s.process.session.Close() })
	defer stop()
	var group errgroup.Group
	for range 2 {
		group.Go(func() error { return s.send(b) })
	}
	return group.Wait()
}

// send sends chunk after chunk.
func (s *sftpSession) send(b *big) error {
	f, err := s.OpenFile(b.temp, os.O_WRONLY)
	if err != nil {
		return err
	}
	for {
		part, at, some := b.take()
		if !some {
			return f.Close()
		}
		_, err := f.Seek(at, io.SeekStart)
		if err == nil {
			_, err = f.ReadFrom(part)
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
	}
}

// sendCat sends all from the first missing chunk on through the stdin of a cat.
func (l *link) sendCat(ctx context.Context, b *big) error {
	at := b.missing[0]
	b.missing = nil
	for i := at; i < chunks(b.From.Size); i++ {
		b.missing = append(b.missing, i)
	}
	b.done.Store(at * chunkSize)
	temp := shellescape.Quote(b.temp)
	script := fmt.Sprintf("dd if=/dev/null of=%s bs=%d seek=%d 2>/dev/null && cat >>%s", temp, chunkSize, at, temp)
	return l.pour(ctx, b.staged, script, func(to io.Writer) error {
		for {
			part, _, some := b.take()
			if !some {
				return nil
			}
			if _, err := io.Copy(to, part); err != nil {
				return err
			}
		}
	})
}
