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
	// maxConfiguration is far more than a configuration file needs; a longer file is another file.
	maxConfiguration = 1 << 16
)

// readConfiguration reads a configuration file, pairs of "number_of_clusters:" and a whole number from 1 on; the last counts, and an empty file
// means 10. Whatever else a file holds is an error, where the original mostly went on with 10 or with the digits it could read.
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
		return 0, fmt.Errorf("%s: more than %d bytes, too long for a configuration file", name, maxConfiguration)
	}
	k = defaultClusters
	line, key := 1, false // key: the key of the pair has been read
	for text := range strings.Lines(string(text)) {
		for word := range strings.FieldsSeq(text) {
			if !key {
				if word != clustersKey {
					return 0, fmt.Errorf("%s: line %d: invalid configuration: expected %q, found %q", name, line, clustersKey, word)
				}
				key = true
				continue
			}
			if k, err = strconv.Atoi(word); err != nil || k < 1 {
				return 0, fmt.Errorf("%s: line %d: invalid configuration: expected a whole number of clusters from 1 on, found %q", name, line, word)
			}
			key = false
		}
		line++
	}
	if key {
		return 0, fmt.Errorf("%s: line %d: invalid configuration: no number follows %q", name, line-1, clustersKey)
	}
	return k, nil
}
