package optionfile

import (
	"fmt"
	"strings"
)

// Occurrence is a line that has a say in an option.
type Occurrence struct {
	Option
	// Text is what the line says, for people: the value, or of a parameter
	// inside wsrep_provider_options its own. Secret values are withheld.
	Text string
	// Counts: the program goes by this line.
	Counts bool
	// Why it does not count.
	Why string
}

// Explain returns the lines that have a say in key, in the order of options,
// which are those of one program as it reads them. Key may be a parameter
// inside wsrep_provider_options, such as socket.ssl.
func Explain(options []Option, key string) []Occurrence {
	var out []Occurrence
	last := -1
	for _, o := range options {
		if !o.Touches(inFile(key)) {
			continue
		}
		if !o.Limits() {
			last = len(out)
		}
		out = append(out, Occurrence{Option: o, Text: said(o, key)})
	}
	for i := range out {
		switch {
		case i == last:
			out[i].Counts = true
		case out[i].Limits():
			out[i].Why = "sets the greatest value that sessions may give it"
		case last >= 0:
			out[i].Why = "replaced by " + out[last].place()
		}
	}
	return out
}

// inFile is the option under which key stands in a file.
func inFile(key string) string {
	if IsParameter(key) {
		return providerOptions
	}
	return key
}

// IsParameter reports whether key is a parameter inside wsrep_provider_options:
// no option of the server has a dot in its name.
func IsParameter(key string) bool {
	return strings.Contains(key, ".") || key == "base_host" || key == "base_port" || key == "base_dir"
}

// Parameter returns the value that a list of wsrep_provider_options gives a
// parameter.
func Parameter(list, key string) (value string, found bool, err error) { return lookup(list, key) }

// said is what a line says about key.
func said(o Option, key string) string {
	switch {
	case IsSecret(o.Key) && !o.Flag:
		return "(secret)"
	case o.Flag:
		return "(no value)"
	case !IsParameter(key):
		return o.Value
	}
	value, found, err := lookup(o.Value, key)
	switch {
	case err != nil:
		return fmt.Sprintf("(the list is damaged: %v)", err)
	case !found:
		return "(not in its list)"
	}
	return value
}

// place is where an option stands, in words if it stands in no file's line.
func (o Option) place() string {
	if o.Line == 0 {
		return o.File
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}
