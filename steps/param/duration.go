package param

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// ParseDuration reads what time.ParseDuration reads, and days and weeks: 90d,
// 2w. A bare number is refused, since nobody can know its unit.
func ParseDuration(text string) (time.Duration, error) {
	for unit, length := range map[string]time.Duration{"d": day, "w": 7 * day} {
		if n, ok := strings.CutSuffix(text, unit); ok {
			count, err := strconv.Atoi(n)
			if err != nil || count < 0 || count > 36500 {
				return 0, fmt.Errorf("%q is not a duration", text)
			}
			return time.Duration(count) * length, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || text == "0" {
		return 0, fmt.Errorf("%q is not a duration", text)
	}
	return d, nil
}

// FormatDuration is the inverse of ParseDuration, in the shortest spelling; a
// duration of zero is "".
func FormatDuration(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return d.String()
	}
}
