package audit

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Writer writes a report in some format.
type Writer func(io.Writer, Report) error

// WriterOf is the format of a file, by the end of its name.
func WriterOf(file string) (Writer, error) {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".html":
		return HTML, nil
	case ".json":
		return JSON, nil
	case ".xml":
		return JUnit, nil
	case ".sarif":
		return SARIF, nil
	case ".prom":
		return Prometheus, nil
	}
	return nil, fmt.Errorf("%s: the end of the name says the format, it is one of .html, .json, .prom, .sarif and .xml (JUnit)", file)
}
