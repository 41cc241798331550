// Package configuration reads the configuration file of cluster.
package configuration

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"imagesimilarity/pkg/infile"
	"imagesimilarity/pkg/quote"
)

const (
	clustersKey     = "number_of_clusters:"
	defaultClusters = 10
	// maxConfiguration is the largest size of a configuration file in bytes, far more than one
	// needs. A longer file is no configuration file.
	maxConfiguration = 1 << 16
)

// Read reads the number of clusters from a configuration file. The file holds pairs of
// "number_of_clusters:" and a whole number from 1 on. The last pair counts; an empty file means 10.
// What follows // in a line is a comment. Beside the number of clusters there may be pairs of other
// keys and a value, as files have them that configure other methods, too. Anything else in the file
// is an error. The original mostly went on with 10 or with the digits that it could read.
func Read(name string) (k int, err error) {
	f, _, err := infile.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfiguration+1))
	if err != nil {
		return 0, fmt.Errorf("cannot %w", err) // read, the name, and why
	}
	if len(text) > maxConfiguration {
		return 0, fmt.Errorf("%s: more than %d bytes, too long for a configuration file",
			name, maxConfiguration)
	}
	if kind := infile.KindOf(text); len(text) > 0 && kind.Name != "" && !kind.Text {
		return 0, fmt.Errorf("%s: %s", name, kind.Instead("a configuration file"))
	}
	// invalid returns the error of a line.
	invalid := func(line int, format string, args ...any) error {
		return fmt.Errorf("%s: line %d: invalid configuration: %s",
			name, line, fmt.Sprintf(format, args...))
	}
	line := 1
	var key, other string // the key of the pair, as long as its value is missing; the first other key
	var otherLine int
	for text := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		text, _, _ = strings.Cut(text, "//")
		for word := range strings.FieldsSeq(text) {
			switch {
			case key == "" && word == clustersKey:
				key = word
			case key == "" && strings.HasPrefix(word, clustersKey):
				return 0, invalid(line, "found %s; expected a blank after %q",
					quote.Short(word), clustersKey)
			case key == "" && similar(word):
				return 0, invalid(line, "found %s; did you mean %q?", quote.Short(word), clustersKey)
			case key == "" && !otherKey.MatchString(word):
				return 0, invalid(line, "expected %q, found %s", clustersKey, quote.Short(word))
			case key == "":
				if key = word; other == "" {
					other, otherLine = word, line
				}
			case key == clustersKey:
				if k, err = strconv.Atoi(word); err != nil || k < 1 {
					return 0, invalid(line, "expected a whole number of clusters from 1 on, found %s",
						quote.Short(word))
				}
				key = ""
			default:
				if otherKey.MatchString(word) {
					return 0, invalid(line, "no value follows %s", quote.Short(key))
				}
				key = ""
			}
		}
		line++
	}
	switch {
	case key == clustersKey:
		return 0, invalid(line-1, "no number follows %q", clustersKey)
	case key != "":
		return 0, invalid(line-1, "no value follows %s", quote.Short(key))
	case k == 0 && other != "":
		return 0, invalid(otherLine, "expected %q, found %s only", clustersKey, quote.Short(other))
	case k == 0:
		return defaultClusters, nil
	}
	return k, nil
}

// Check returns an error if the configuration file name asks for more clusters, k, than there are
// images, n in the file images.
func Check(name string, k, n int, images string) error {
	if k > n {
		return fmt.Errorf("%s: %d clusters, expected at most %d, one for each image of %s",
			name, k, n, images)
	}
	return nil
}

// otherKey is the form of keys.
var otherKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*:$`)

// similar reports whether a word looks like a slip in writing the key of the number of clusters: it
// speaks of clusters, or a few letters are wrong.
func similar(word string) bool {
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, s)
	}
	got := letters(word)
	const slips = 3
	return got == "k" || strings.Contains(got, "cluster") ||
		len(got) <= len(clustersKey) && distance(got, letters(clustersKey)) <= slips
}

// distance returns the least number of letters to insert, delete or replace that makes b of a
// (Levenshtein 1966).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
