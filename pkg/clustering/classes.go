package clustering

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// WriteClasses writes the classes of images as a class file, k lines for the classes 0 to k-1:
//
//	CLUSTER-0 { size: 4, 3, 10, 13, 25}}
//	CLUSTER-1 { size: 0}}
//
// A line gives the indices of a class's images in ascending order. The two braces at the end are
// the original's. WriteClasses panics if a class is not below k.
func WriteClasses(w io.Writer, class []uint8, k int) error {
	size := make([]int, k)
	for _, c := range class {
		size[c]++
	}
	b := bufio.NewWriter(w)
	for c := range k {
		fmt.Fprintf(b, "CLUSTER-%d { size: %d", c, size[c])
		for i, of := range class {
			if int(of) == c {
				fmt.Fprintf(b, ", %d", i)
			}
		}
		b.WriteString("}}\n")
	}
	return b.Flush()
}

// classWords is the number of words before the indices of a class: its name, "{", "size:" and the
// size.
const classWords = 4

// ReadClasses reads a class file for n images. It returns the class of each image, which is the
// number of its line from 0, and the number k of classes.
//
// It ignores the first four words of a line, so the size in the file may be wrong. Every further
// word is the index of an image and whatever follows its digits. A class may be empty. An image
// that a class names twice counts once. ReadClasses returns an error if the file leaves an image
// without a class or names it in two. The original crashed or went on with less.
func ReadClasses(name string, n int) (label []int32, k int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot %w", err) // open, the name, and why
	}
	defer f.Close()

	const none = -1
	label = make([]int32, n)
	for i := range label {
		label[i] = none
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, lineLimit(n))
	for ; lines.Scan(); k++ {
		if k == math.MaxInt32 {
			return nil, 0, fmt.Errorf("%s: line %d: too many classes", name, k+1)
		}
		words := 0
		for word := range bytes.FieldsSeq(lines.Bytes()) {
			if words++; words <= classWords {
				continue
			}
			i, ok := leadingNumber(word)
			if !ok {
				return nil, 0, fmt.Errorf("%s: line %d: expected the index of an image, found %q",
					name, k+1, clip(word))
			}
			if i >= n {
				return nil, 0, fmt.Errorf(
					"%s: line %d: image %s does not exist; there are %d images, counted from 0",
					name, k+1, clip(word), n)
			}
			if c := label[i]; c != none && int(c) != k {
				return nil, 0, fmt.Errorf("%s: line %d: image %d is also in the class of line %d",
					name, k+1, i, c+1)
			}
			label[i] = int32(k)
		}
		if words < classWords {
			return nil, 0, fmt.Errorf("%s: line %d: expected a class such as "+
				"\"CLUSTER-%d { size: 2, 5, 8}}\", found %d words", name, k+1, k, words)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, 0, fmt.Errorf(
			"%s: line %d: more than %d bytes, too long for a class of at most %d images",
			name, k+1, lineLimit(n), n)
	} else if err != nil {
		return nil, 0, fmt.Errorf("cannot %w", err) // read, the name, and why
	}
	for i, c := range label {
		if c == none {
			return nil, 0, fmt.Errorf("%s: image %d of %d is in no class", name, i, n)
		}
	}
	return label, k, nil
}

// lineLimit returns the length of the longest line that is accepted for n images. It has room for
// twice the bytes of each index with its comma.
func lineLimit(n int) int { return 1024 + 24*n }

// leadingNumber returns the number of a word's first digits, at most math.MaxInt. It ignores the
// rest.
func leadingNumber(word []byte) (v int, ok bool) {
	for i, c := range word {
		if c < '0' || c > '9' {
			return v, i > 0
		}
		if v > (math.MaxInt-9)/10 {
			return math.MaxInt, true
		}
		v = 10*v + int(c-'0')
	}
	return v, len(word) > 0
}

// clip shortens a word for a message.
func clip(word []byte) []byte {
	const most = 20
	if len(word) > most {
		return append(word[:most:most], "..."...)
	}
	return word
}
