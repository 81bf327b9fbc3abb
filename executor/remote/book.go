package remote

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/skeema/knownhosts"
)

// book is what a set of known_hosts files says. It is read once for all hosts
// of a run, and again when a file has changed.
type book struct {
	mu    sync.Mutex
	stamp string // of the files when they were read
	db    *knownhosts.HostKeyDB
}

func (n *Network) book(files []string) (*knownhosts.HostKeyDB, error) {
	n.mu.Lock()
	name := strings.Join(files, "\x00")
	b, ok := n.books[name]
	if !ok {
		b = &book{}
		n.books[name] = b
	}
	n.mu.Unlock()
	return b.read(files)
}

func (b *book) read(files []string) (*knownhosts.HostKeyDB, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var there []string
	stamp := "files:"
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			there = append(there, file)
			stamp += fmt.Sprintf(" %s %d %s", file, info.Size(), info.ModTime())
		}
	}
	if b.db != nil && b.stamp == stamp {
		return b.db, nil
	}
	db, err := knownhosts.NewDB(there...)
	if err != nil {
		return nil, fmt.Errorf("known hosts: %w", err)
	}
	b.db, b.stamp = db, stamp
	return db, nil
}
