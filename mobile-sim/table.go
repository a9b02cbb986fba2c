package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/text/width"
)

// printTable prints rows in columns that line up.
func printTable(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], places(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			b.WriteString(strings.Repeat(" ", widths[i]-places(cell)+2))
		}
		_, _ = fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// places is how much room a text takes in a terminal: a Chinese character takes two places (Unicode's UAX 11).
func places(text string) (n int) {
	for _, r := range text {
		n++
		if slices.Contains([]width.Kind{width.EastAsianWide, width.EastAsianFullwidth}, width.LookupRune(r).Kind()) {
			n++
		}
	}
	return n
}
