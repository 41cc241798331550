package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

const (
	clustersKey     = "number_of_clusters:"
	defaultClusters = 10
	// maxConfiguration is the largest size of a configuration file in bytes, far more than one
	// needs. A longer file is no configuration file.
	maxConfiguration = 1 << 16
)

// readConfiguration reads the number of clusters from a configuration file. The file holds pairs of
// "number_of_clusters:" and a whole number from 1 on. The last pair counts; an empty file means 10.
// Anything else in the file is an error. The original mostly went on with 10 or with the digits
// that it could read.
func readConfiguration(name string) (k int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, fmt.Errorf("cannot %w", err) // open or read, the name, and why
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfiguration+1))
	if err != nil {
		return 0, fmt.Errorf("cannot %w", err)
	}
	if len(text) > maxConfiguration {
		return 0, fmt.Errorf("%s: more than %d bytes, too long for a configuration file",
			name, maxConfiguration)
	}
	k = defaultClusters
	// invalid returns the error of a line.
	invalid := func(line int, format string, args ...any) error {
		return fmt.Errorf("%s: line %d: invalid configuration: %s",
			name, line, fmt.Sprintf(format, args...))
	}
	line, key := 1, false // key: the key of the pair has been read
	for text := range strings.Lines(string(text)) {
		for word := range strings.FieldsSeq(text) {
			if !key {
				if word != clustersKey {
					return 0, invalid(line, "expected %q, found %q", clustersKey, word)
				}
				key = true
				continue
			}
			if k, err = strconv.Atoi(word); err != nil || k < 1 {
				return 0, invalid(line,
					"expected a whole number of clusters from 1 on, found %q", word)
			}
			key = false
		}
		line++
	}
	if key {
		return 0, invalid(line-1, "no number follows %q", clustersKey)
	}
	return k, nil
}
