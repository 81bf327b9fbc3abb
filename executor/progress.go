package executor

import (
	"sync"
	"time"
)

// progressPause is the least time between two events about one host's files.
const progressPause = 500 * time.Millisecond

// progress returns what tells how far a host's big files are.
func (r *run) progress(host string) func(path string, bytes, size int64) {
	var mu sync.Mutex
	var last time.Time
	return func(path string, bytes, size int64) {
		mu.Lock()
		defer mu.Unlock()
		if bytes < size && time.Since(last) < progressPause {
			return
		}
		last = time.Now()
		r.emit(Event{Type: EventProgress, Host: host, Name: path, Bytes: bytes, Size: size})
	}
}
