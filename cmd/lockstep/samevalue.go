package main

import (
	"strconv"
	"strings"
)

// sameValue compares a value in an option file with that of the running server,
// which prints truths, sizes and lists in its own way.
func sameValue(file, running string) bool {
	a, b := plainValue(file), plainValue(running)
	return a == b || strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/")
}

func plainValue(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	switch text {
	case "on", "true", "yes":
		return "1"
	case "off", "false", "no":
		return "0"
	}
	if text == "" {
		return ""
	}
	digits, unit := text[:len(text)-1], strings.IndexByte("kmgtpe", text[len(text)-1])
	if n, err := strconv.ParseFloat(digits, 64); err == nil && unit >= 0 {
		for range unit + 1 {
			n *= 1024
		}
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return text
}
