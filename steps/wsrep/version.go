package wsrep

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is that of a Galera provider, such as 4.23. The number of its API, 25
// for the third and 26 for the fourth generation, stands before it in some
// builds and is left out here.
type Version struct{ Major, Minor int }

// ParseVersion reads wsrep_provider_version: "4.23(r7dd8a7b)" or
// "26.4.23(r7dd8a7b)", "3.67(r...)" or "25.3.37(r...)". What is none of these
// gives the zero Version.
func ParseVersion(text string) Version {
	text, _, _ = strings.Cut(text, "(")
	var numbers []int
	for _, part := range strings.Split(strings.TrimSpace(text), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return Version{}
		}
		numbers = append(numbers, n)
	}
	if len(numbers) >= 3 && numbers[0] >= 25 {
		numbers = numbers[1:]
	}
	if len(numbers) < 2 {
		return Version{}
	}
	return Version{numbers[0], numbers[1]}
}

// Known reports whether the version could be read.
func (v Version) Known() bool { return v != Version{} }

// AtLeast compares two versions.
func (v Version) AtLeast(o Version) bool {
	return v.Major > o.Major || v.Major == o.Major && v.Minor >= o.Minor
}

// String is such as 26.4.23.
func (v Version) String() string {
	switch {
	case !v.Known():
		return "unknown"
	case v.Major == 3:
		return fmt.Sprintf("25.%d.%d", v.Major, v.Minor)
	}
	return fmt.Sprintf("26.%d.%d", v.Major, v.Minor)
}

// Dynamic is the first provider that knows socket.dynamic and socket.ssl_reload
// (Galera 26.4.8 release notes).
func Dynamic() Version { return Version{4, 8} }
