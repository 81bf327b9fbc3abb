package remote

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// private is in content that only its owner may read.
const private = "-PRIVATE-"

// watcher looks at each file of a directory in the moment in which it is made,
// written, renamed or given a mode.
type watcher struct {
	dir    string
	notify *os.File
	done   chan struct{}
	leaks  []string
}

// watch looks until stop, which returns what others could read.
func watch(t *testing.T, dir string) (stop func() []string) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err == nil {
		_, err = unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MODIFY|unix.IN_ATTRIB|unix.IN_MOVED_TO)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{dir: dir, notify: os.NewFile(uintptr(fd), "inotify"), done: make(chan struct{})}
	go w.run()
	return func() []string {
		_ = w.notify.Close()
		<-w.done
		w.look()
		return w.leaks
	}
}

func (w *watcher) run() {
	defer close(w.done)
	buf := make([]byte, 64<<10)
	for {
		if _, err := w.notify.Read(buf); err != nil {
			return
		}
		w.look()
	}
}

func (w *watcher) look() {
	entries, _ := os.ReadDir(w.dir)
	for _, e := range entries {
		file := filepath.Join(w.dir, e.Name())
		f, err := os.Open(file)
		if err != nil {
			continue
		}
		info, err := f.Stat() // of what is read, whatever takes its name
		data := make([]byte, 4096)
		n, _ := f.Read(data)
		_ = f.Close()
		if err == nil && info.Mode()&0o077 != 0 && bytes.Contains(data[:n], []byte(private)) {
			w.leaks = append(w.leaks, fmt.Sprintf("%s %s", info.Mode(), e.Name()))
		}
	}
}

func TestWatcherSeesWhatOthersCouldRead(t *testing.T) {
	dir := t.TempDir()
	stop := watch(t, dir)
	file := filepath.Join(dir, "key")
	put(t, file, private)
	if leaks := stop(); len(leaks) == 0 {
		t.Error("a readable key was not seen")
	}
}
