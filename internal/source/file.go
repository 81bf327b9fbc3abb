package source

import (
	"crypto/sha256"
	"encoding/hex"
)

// File is a file that was read, and what was in it.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// ReadFrom describes the bytes that were read from a path.
func ReadFrom(path string, data []byte) File {
	sum := sha256.Sum256(data)
	return File{path, hex.EncodeToString(sum[:])}
}
