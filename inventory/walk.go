package inventory

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"lockstep/internal/source"
)

// maxFile bounds the bytes of a file, so that a link to /dev/zero or to a dump
// is an answer and not a full memory.
const maxFile = 64 << 20

// readFile returns what a file holds; it records why when it cannot.
func (b *builder) readFile(path string) ([]byte, bool) {
	data, err := readBounded(path)
	if err != nil {
		b.failFile(path, "", "the file cannot be read: %v", reason(err))
	}
	b.inv.files = append(b.inv.files, source.ReadFrom(path, data))
	return data, err == nil
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	_ = file.Close() // nothing was written
	if err == nil && len(data) > maxFile {
		return nil, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	return data, err
}

// isFile tells whether what stands in a folder can be read to an end. A pipe
// would wait for somebody who writes.
func (b *builder) isFile(path string, info fs.FileInfo) bool {
	if info.Mode().IsRegular() {
		return true
	}
	b.failFile(path, "move it out of the folder", "this is neither a file nor a folder")
	return false
}

// ancestors are the folders on the way down to one that is read.
type ancestors []fs.FileInfo

// maxFolders bounds the walk through one folder, for links that multiply.
const maxFolders = 1000

// enter notes that a folder is being read. It is not ok when the folder leads
// back to one above it or is one too many; that is recorded.
func (b *builder) enter(folder string, above ancestors) (ancestors, bool) {
	if len(above) == 0 {
		b.folders = 0
	}
	info, err := os.Stat(folder)
	if err != nil {
		b.failFile(folder, "", "the folder cannot be read: %v", reason(err))
		return nil, false
	}
	if slices.ContainsFunc(above, func(f fs.FileInfo) bool { return os.SameFile(f, info) }) {
		b.failFile(folder, "take the link away", "this is a link to a folder above it")
		return nil, false
	}
	if b.folders++; b.folders > maxFolders {
		if b.folders == maxFolders+1 {
			b.failFile(folder, "are there links from folder to folder?", "this is the folder in which the count passes %d", maxFolders)
		}
		return nil, false
	}
	return append(slices.Clip(above), info), true
}
