package clustering

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"unicode"
	"unicode/utf8"

	"imagesimilarity/pkg/infile"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/quote"
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
	var text []byte
	for c := range k {
		fmt.Fprintf(b, "CLUSTER-%d { size: %d", c, size[c])
		for i, of := range class {
			if int(of) == c {
				text = strconv.AppendInt(append(text[:0], ", "...), int64(i), 10)
				b.Write(text)
			}
		}
		b.WriteString("}}\n")
	}
	return b.Flush()
}

// maxBlankLines is how many lines without a class a class file may have, so that an endless input
// ends.
const maxBlankLines = 1000

// A MismatchError tells that a class file does not belong to the images: it names one that does not
// exist, or leaves one out.
type MismatchError struct{ reason string }

func (e *MismatchError) Error() string { return e.reason }

// mismatch returns a MismatchError.
func mismatch(format string, args ...any) error {
	return &MismatchError{fmt.Sprintf(format, args...)}
}

// ReadClasses reads a class file for n images. It returns the class of each image, which is the
// number of its line from 0, and the number k of classes. It skips blank lines.
//
// A line is a header and the indices of images, between commas or blanks, with or without braces at
// the end. The header ends with "size:" and a number, which may be wrong. A line without a brace
// and without a size has any four words as its header, as the original takes them. A class may be
// empty. An image that a class names twice counts once. ReadClasses returns an error if the file
// names an image in two classes, and a MismatchError if it leaves one out or names one that does
// not exist. The original crashed or went on with less.
func ReadClasses(name string, n int) (label []int32, k int, err error) {
	f, _, err := infile.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	c := classReader{images: n}
	err = memory.Check(4*float64(n), "%s: the classes of %s need", name, plural.Of(n, "image"))
	if err != nil {
		return nil, 0, err
	}
	c.label = make([]int32, n)
	for i := range c.label {
		c.label[i] = none
	}
	if err := c.readFile(name, bufio.NewReaderSize(f, pieceSize)); err != nil {
		return nil, 0, err
	}
	return c.label, len(c.lines), nil
}

// pieceSize is the most bytes that are read at a time. A line can have millions of images.
const pieceSize = 1 << 16

// lineLimit returns the length of the longest line that is accepted for n images. It has room for
// twice the bytes of each index with its comma.
func lineLimit(n int) int { return 1024 + 24*n }

// none stands for the class of an image that no line has named.
const none = -1

// A classReader reads the lines of a class file piece by piece. A piece ends between two words.
type classReader struct {
	images int
	label  []int32 // of each image, or none
	lines  []int   // line of each class
	blank  int     // lines without a class
	bytes  int     // in all lines with a class before this one

	// The line that is being read.
	line   int
	length int    // bytes so far
	header bool   // of a class was read
	closed string // the braces after its indices, if they were read
}

// readFile reads a class file.
func (c *classReader) readFile(name string, in *bufio.Reader) error {
	start, _ := in.Peek(infile.Peek)
	if kind := infile.KindOf(start); len(start) > 0 && kind.Name != "" && !kind.Text {
		return fmt.Errorf("%s: %s", name, kind.Instead("a class file"))
	}
	if bom := "\ufeff"; bytes.HasPrefix(start, []byte(bom)) {
		in.Discard(len(bom))
	}
	c.line = 1
	var text []byte // of the line, as far as it was not read yet
	for end := false; !end; {
		part, err := in.ReadSlice('\n')
		end = err == io.EOF
		if err != nil && !end && err != bufio.ErrBufferFull {
			return fmt.Errorf("cannot %w", err) // read, the name, and why
		}
		text = append(text, part...)
		c.length += len(part)
		piece := len(text)
		if err == bufio.ErrBufferFull {
			piece = bytes.LastIndexFunc(text, separates) // the word after it may go on
		}
		if err := c.read(text, piece); err != nil {
			return fmt.Errorf("%s: line %d: %w", name, c.line, err)
		}
		text = text[:copy(text, text[piece:])]
		if err != bufio.ErrBufferFull && c.length > 0 {
			if err := c.endLine(); err != nil {
				return fmt.Errorf("%s: line %d: %w", name, c.line, err)
			}
		}
	}
	for i, class := range c.label {
		if class == none {
			return mismatch("%s: image %d of %d is in no class", name, i, c.images)
		}
	}
	return nil
}

// endLine ends a line.
func (c *classReader) endLine() error {
	if c.header {
		c.bytes += c.length
	} else if c.blank++; c.blank > maxBlankLines {
		return fmt.Errorf("more than %d blank lines", maxBlankLines)
	}
	c.line++
	c.length, c.header, c.closed = 0, false, ""
	return nil
}

// read reads the next piece of a line, which is text up to end. end is below 1 if a word is too
// long for a piece.
func (c *classReader) read(text []byte, end int) error {
	if c.length > lineLimit(c.images) {
		return fmt.Errorf("more than %d bytes, too long for a class of at most %s",
			lineLimit(c.images), plural.Of(c.images, "image"))
	}
	if end < 1 && len(text) > 0 {
		return fmt.Errorf("expected the index of an image, found a word of more than %d bytes",
			len(text)-1)
	}
	text = bytes.TrimSpace(text[:end])
	if len(text) == 0 {
		return nil
	}
	class := len(c.lines)
	if c.header {
		class--
	}
	// A network has at most 256 classes, so more lines than images can be right.
	if most := max(c.images, math.MaxUint8+1); class == most {
		return fmt.Errorf("more than %d classes for %s", most, plural.Of(c.images, "image"))
	}
	// All lines together have room for each index once.
	if c.bytes+c.length > 2*lineLimit(c.images)+1024*class {
		return fmt.Errorf("too many bytes for the classes of %s", plural.Of(c.images, "image"))
	}
	if !c.header {
		var err error
		c.lines = append(c.lines, c.line)
		if text, err = afterHeader(text, class); err != nil {
			return err
		}
		c.header = true
	}
	return c.indices(text, class)
}

// indices reads indices of images of a class, which lie in one piece of its line.
func (c *classReader) indices(text []byte, class int) error {
	for {
		text = bytes.TrimLeftFunc(text, separates)
		after := bytes.TrimLeftFunc(text, ends)
		if len(after) < len(text) && c.closed == "" {
			c.closed = word(text)
		}
		switch {
		case len(after) == 0:
			return nil
		case c.closed != "":
			return fmt.Errorf("expected the end of the line after %q, found %q", c.closed, word(after))
		}
		i, rest, ok := leadingNumber(text)
		if r, _ := utf8.DecodeRune(rest); len(rest) > 0 && !ends(r) {
			ok = false
		}
		switch {
		case !ok:
			return fmt.Errorf("expected the index of an image, found %q", word(text))
		case i >= c.images:
			return mismatch("image %s does not exist, expected an index below %d",
				word(text[:len(text)-len(rest)]), c.images)
		case c.label[i] != none && int(c.label[i]) != class:
			return fmt.Errorf("image %d is also in the class of line %d", i, c.lines[c.label[i]])
		}
		c.label[i] = int32(class)
		text = rest
	}
}

// separates reports whether a character stands between indices.
func separates(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' }

// ends reports whether a character stands after an index.
func ends(r rune) bool { return separates(r) || r == '}' || r == ']' || r == ')' }

var sizeOfClass = regexp.MustCompile(`(?i)size["']?\s*[:=]\s*[0-9]+`)

// afterHeader returns what follows the header of a class.
func afterHeader(line []byte, class int) ([]byte, error) {
	if at := sizeOfClass.FindIndex(line); at != nil {
		return line[at[1]:], nil
	}
	const wordsOfHeader = 4 // of the original: the name, "{", "size:" and the size
	words := bytes.Fields(line)
	_, _, number := leadingNumber(line)
	if len(words) < wordsOfHeader || number || bytes.ContainsRune(line, '{') {
		return nil, fmt.Errorf("expected a class such as \"CLUSTER-%d { size: 3, 2, 5, 8}}\", found %s",
			class, quote.Short(string(line)))
	}
	for _, w := range words[:wordsOfHeader] {
		line = bytes.TrimLeftFunc(line, unicode.IsSpace)[len(w):]
	}
	return line, nil
}

// leadingNumber returns the number of the first digits, at most math.MaxInt, and what follows them.
func leadingNumber(text []byte) (v int, rest []byte, ok bool) {
	for i, c := range text {
		if c < '0' || c > '9' {
			return v, text[i:], i > 0
		}
		if v > (math.MaxInt-9)/10 {
			v = math.MaxInt - 9
			continue
		}
		v = 10*v + int(c-'0')
	}
	return v, nil, len(text) > 0
}

// word returns the first word of text for a message, up to a blank or the next index. It is short.
func word(text []byte) string {
	const most = 20
	if i := bytes.IndexFunc(text, unicode.IsSpace); i >= 0 {
		text = text[:i]
	}
	if i := bytes.IndexAny(text, ",;"); i >= 0 {
		text = text[:i+1]
	}
	if len(text) > most {
		return string(text[:most]) + "..."
	}
	return string(text)
}
