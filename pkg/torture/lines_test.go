package torture

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// columns is the greatest number of characters in a line. A tab counts as one.
const columns = 100

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// TestLines expects no line of more than 100 columns in what people write: Go, Python, scripts,
// pages and documents. Generated files are exempt. So are rows of tables in Markdown, which start
// with |.
func TestLines(t *testing.T) {
	kinds := []string{".go", ".py", ".sh", ".js", ".css", ".tmpl", ".md"}
	for _, name := range sources(t) {
		kind := filepath.Ext(name)
		base := filepath.Base(name)
		if !slices.Contains(kinds, kind) && base != "Makefile" && name != ".ci/run" {
			continue
		}
		text := read(t, root, filepath.FromSlash(name))
		if generated.MatchString(text) {
			continue
		}
		n := 0
		for line := range strings.Lines(text) {
			n++
			line = strings.TrimRight(line, "\r\n")
			row := kind == ".md" && strings.HasPrefix(strings.TrimSpace(line), "|")
			if w := utf8.RuneCountInString(line); w > columns && !row {
				t.Errorf("%s:%d: %d columns, expected at most %d", name, n, w, columns)
			}
		}
	}
}
