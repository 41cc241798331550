package infile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"imagesimilarity/pkg/quote"
)

// Peek is the number of bytes from a file's start that KindOf needs. A shorter file has fewer.
const Peek = 512

// A Kind says what a file is. The zero Kind is an unknown one.
type Kind struct {
	Name   string // such as "a zip archive"
	Advice string // what to do, such as "unpack it with unzip", or ""
	Text   bool   // text of no known form
}

// Instead returns a sentence for an error: what a file is, what was expected, and what to do.
func (k Kind) Instead(expected string) string {
	s := fmt.Sprintf("this is %s, expected %s", k.Name, expected)
	return s + k.Hint()
}

// Hint returns the advice as the last part of a sentence, or "".
func (k Kind) Hint() string {
	if k.Advice == "" {
		return ""
	}
	return "; " + k.Advice
}

// KindOf tells from the first bytes of a file what it is. It knows what comes in the place of
// images, labels, models and texts: archives, pictures, files of other libraries, web pages, text,
// and IDX files.
func KindOf(start []byte) Kind {
	start = start[:min(len(start), Peek)]
	if len(start) == 0 {
		return Kind{Name: "an empty file"}
	}
	for _, s := range signatures {
		if len(start) >= s.offset && bytes.HasPrefix(start[s.offset:], []byte(s.bytes)) {
			return s.kind
		}
	}
	if bytes.HasPrefix(start, []byte(zipSignature)) {
		return zipKind(start)
	}
	if k := idxKind(start); k.Name != "" {
		return k
	}
	return textKind(start)
}

// Gzip is the kind of gzip files.
var Gzip = Kind{Name: "a gzip file", Advice: "unpack it with gunzip"}

const zipSignature = "PK\x03\x04"

// signatures are the bytes by which formats are known. Of several that fit, the first counts.
var signatures = []struct {
	offset int
	bytes  string
	kind   Kind
}{
	{0, "version https://git-lfs.github.com/spec/", Kind{
		Name:   "a pointer of Git LFS and not the file itself",
		Advice: "fetch the file with git lfs pull",
	}},
	{0, "\x1f\x8b", Gzip},
	{0, "\x1f\x9d", Kind{Name: "a file of compress", Advice: "unpack it with uncompress"}},
	{0, "PK\x05\x06", Kind{Name: "an empty zip archive"}},
	{0, "BZh", Kind{Name: "a bzip2 file", Advice: "unpack it with bunzip2"}},
	{0, "\xfd7zXZ\x00", Kind{Name: "an xz file", Advice: "unpack it with unxz"}},
	{0, "\x28\xb5\x2f\xfd", Kind{Name: "a Zstandard file", Advice: "unpack it with unzstd"}},
	{0, "\x04\x22\x4d\x18", Kind{Name: "an LZ4 file", Advice: "unpack it with unlz4"}},
	{0, "7z\xbc\xaf\x27\x1c", Kind{Name: "a 7-Zip archive", Advice: "unpack it first"}},
	{0, "Rar!\x1a\x07", Kind{Name: "a RAR archive", Advice: "unpack it first"}},
	{257, "ustar", Kind{Name: "a tar archive", Advice: "unpack it with tar -xf"}},
	{0, "\x93NUMPY", Kind{Name: "an array of NumPy (.npy)"}},
	{0, "\x89HDF\r\n\x1a\n", Kind{Name: "an HDF5 file"}},
	{0, "\x89PNG\r\n\x1a\n", Kind{Name: "a PNG picture"}},
	{0, "\xff\xd8\xff", Kind{Name: "a JPEG picture"}},
	{0, "GIF87a", Kind{Name: "a GIF picture"}},
	{0, "GIF89a", Kind{Name: "a GIF picture"}},
	{8, "WEBP", Kind{Name: "a WebP picture"}},
	{0, "II*\x00", Kind{Name: "a TIFF picture"}},
	{0, "MM\x00*", Kind{Name: "a TIFF picture"}},
	{0, "%PDF-", Kind{Name: "a PDF document"}},
	{0, "PAR1", Kind{Name: "a Parquet file"}},
	{0, "MATLAB 5.0 MAT-file", Kind{Name: "a MAT-file of MATLAB"}},
	{0, "\x7fELF", Kind{Name: "a program"}},
	{0, "\x80\x02", Kind{Name: "a pickle of Python"}},
	{0, "\x80\x03", Kind{Name: "a pickle of Python"}},
	{0, "\x80\x04\x95", Kind{Name: "a pickle of Python"}},
	{0, "\x80\x05\x95", Kind{Name: "a pickle of Python"}},
	{0, "\xff\xfe", Kind{Name: "text in UTF-16", Advice: "save it as UTF-8"}},
	{0, "\xfe\xff", Kind{Name: "text in UTF-16", Advice: "save it as UTF-8"}},
}

// zipKind tells zip archives apart by the name of the first member. In an archive of Keras 3 that
// is metadata.json or config.json; in one of NumPy it ends with .npy.
func zipKind(start []byte) Kind {
	const fixed = 30 // bytes of a member's header before its name
	if len(start) > fixed {
		length := int(binary.LittleEndian.Uint16(start[26:]))
		name := string(start[fixed:min(len(start), fixed+length)])
		switch {
		case strings.HasSuffix(name, ".npy"):
			return Kind{Name: "an archive of NumPy (.npz)"}
		case name == "metadata.json" || name == "config.json":
			return Kind{Name: "a model archive of Keras (.keras)"}
		}
	}
	return Kind{Name: "a zip archive", Advice: "unpack it with unzip"}
}

// The words of the types of values in IDX files, by the third byte.
var valueTypes = map[byte]string{
	0x08: "8-bit values", 0x09: "signed 8-bit values", 0x0b: "16-bit integers",
	0x0c: "32-bit integers", 0x0d: "32-bit floating-point numbers",
	0x0e: "64-bit floating-point numbers",
}

// MagicLatents is the magic number of latent vectors. It is none of the IDX scheme.
const MagicLatents = 999

// idxKind tells what an IDX file holds, also if its header is in the wrong byte order.
func idxKind(start []byte) Kind {
	if len(start) < 4 {
		return Kind{}
	}
	if k := bigEndianKind(start); k.Name != "" {
		return k
	}
	var turned []byte
	for i := 0; i+4 <= len(start); i += 4 {
		word := binary.LittleEndian.Uint32(start[i:])
		turned = binary.BigEndian.AppendUint32(turned, word)
	}
	if k := bigEndianKind(turned); k.Name != "" {
		return Kind{
			Name:   k.Name + " with its header in little-endian byte order",
			Advice: "write its numbers in big-endian order",
		}
	}
	return Kind{}
}

func bigEndianKind(start []byte) Kind {
	if binary.BigEndian.Uint32(start) == MagicLatents {
		return Kind{Name: "a file of 16-bit latent vectors"}
	}
	values, ok := valueTypes[start[2]]
	dims := int(start[3])
	if start[0] != 0 || start[1] != 0 || !ok || dims == 0 || dims > 8 {
		return Kind{}
	}
	switch {
	case start[2] == 0x08 && dims == 3:
		return Kind{Name: "a file of 8-bit images"}
	case start[2] == 0x08 && dims == 1:
		return Kind{Name: "a file of labels"}
	}
	name := fmt.Sprintf("an IDX file of %s in %d dimensions", values, dims)
	if dims == 1 {
		name = fmt.Sprintf("an IDX file of %s in one dimension", values)
	}
	if len(start) >= 4+4*dims {
		var sizes []string
		for i := range dims {
			sizes = append(sizes, fmt.Sprint(binary.BigEndian.Uint32(start[4+4*i:])))
		}
		name += " (" + strings.Join(sizes, "x") + ")"
	}
	k := Kind{Name: name}
	switch {
	case start[2] == 0x0c && dims == 2:
		k.Name += ", as the labels of QMNIST are"
		k.Advice = "its first column holds the labels; write it as 8-bit values in one dimension"
	case start[2] == 0x08 && dims == 4:
		k.Name += ", as colour images are"
		k.Advice = "write them as grey levels in three dimensions"
	case dims == 1:
		k.Advice = "write it as 8-bit values"
	}
	return k
}

// textKind tells web pages and other text, and zeros.
func textKind(start []byte) Kind {
	if len(bytes.Trim(start, "\x00")) == 0 {
		return Kind{Name: "a file that begins with zeros"}
	}
	if !isText(start) {
		return Kind{}
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(start), "\ufeff"))
	head := strings.ToLower(text[:min(len(text), 14)])
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body", "<script"} {
		if strings.HasPrefix(head, tag) {
			return Kind{
				Name:   "a web page (HTML)",
				Advice: "a server may send one for a file that it does not have; download it again",
			}
		}
	}
	if strings.HasPrefix(head, "<?xml") {
		return Kind{Name: "an XML document"}
	}
	first, _, _ := strings.Cut(text, "\n")
	return Kind{Name: "text that begins with " + quote.Short(strings.TrimSpace(first)), Text: true}
}

// isText reports whether bytes are UTF-8 without control characters other than those of lines. The
// last character may be cut.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			return !utf8.FullRune(b)
		}
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return false
		}
		b = b[size:]
	}
	return true
}
