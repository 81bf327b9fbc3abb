// Package spell finds the word that a person most likely meant. It knows
// letters, and not what the words are for.
package spell

import "strings"

// longest is the length in bytes beyond which no name is mistyped but made by
// something else; it bounds the work, which grows with the square.
const longest = 128

// Nearest returns the name among known that a person most likely meant by
// name, or "" when none is near enough to be worth suggesting.
func Nearest(name string, known []string) string {
	best, bestAt := "", len(name)/3+2
	for _, k := range known {
		if d := Distance(strings.ToLower(name), strings.ToLower(k)); d < bestAt {
			best, bestAt = k, d
		}
	}
	return best
}

// Distance counts the letters to insert, delete, exchange or swap with their
// neighbour until a is b: Damerau's edit distance, restricted to adjacent
// swaps. For a word over 128 bytes it is the longer length, which is near to
// nothing.
func Distance(a, b string) int {
	switch {
	case a == b:
		return 0
	case max(len(a), len(b)) > longest:
		return max(len(a), len(b))
	}
	x, y := []rune(a), []rune(b)
	var before []int // the row above the one above
	above := make([]int, len(y)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row := make([]int, len(y)+1)
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(y)]
}
