package numpy

import (
	"fmt"
	"strings"
)

// ArrayText returns the text of str(a) for a square matrix of whole numbers that are not negative.
// Numbers are right-aligned to the widest. Lines are wrapped at 75 columns. Of more than 1,000
// numbers the first and last three rows and columns are shown. The last line has no line end.
func ArrayText(a [][]int) string {
	const gap = -1 // stands for the rows or columns that are left out
	n := len(a)
	shown := make([]int, n)
	for i := range shown {
		shown[i] = i
	}
	if n*n > 1000 {
		shown = []int{0, 1, 2, gap, n - 3, n - 2, n - 1}
	}
	width := 0
	for _, i := range shown {
		for _, j := range shown {
			if i != gap && j != gap {
				width = max(width, len(fmt.Sprint(a[i][j])))
			}
		}
	}
	var rows []string
	for _, i := range shown {
		if i == gap {
			rows = append(rows, "...")
			continue
		}
		var words []string
		for _, j := range shown {
			if j == gap {
				words = append(words, "...")
			} else {
				words = append(words, fmt.Sprintf("%*d", width, a[i][j]))
			}
		}
		rows = append(rows, rowText(words))
	}
	return "[" + strings.Join(rows, "\n ") + "]"
}

// rowText returns the words of a row in brackets, on as many lines as they need.
func rowText(words []string) string {
	const (
		indent  = "  " // takes the place of the brackets before the first word
		columns = 73   // 75 less the brackets at the end of the matrix
	)
	var text strings.Builder
	line := indent
	for _, word := range words {
		if len(line)+len(word) > columns && len(line) > len(indent) {
			text.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += word + " "
	}
	text.WriteString(strings.TrimSuffix(line, " "))
	return "[" + text.String()[len(indent):] + "]"
}
