package infile

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	if err := os.WriteFile(name, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, size, err := Open(name)
	if err != nil || size != 5 {
		t.Fatalf("size %d, error %v", size, err)
	}
	f.Close()
	_, _, err = Open(filepath.Join(dir, "none"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "cannot open "+dir) {
		t.Errorf("a missing file: %v", err)
	}
	_, _, err = Open(dir)
	if err == nil || err.Error() != "cannot read "+dir+": it is a directory" {
		t.Errorf("a folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "saved_model.pb"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, err = Open(dir)
	if err == nil || !strings.Contains(err.Error(), "SavedModel, expected a file; save a model") {
		t.Errorf("a folder SavedModel: %v", err)
	}
}

// archive returns a zip archive with one empty member.
func archive(t *testing.T, member string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.Create(member); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct{ start, name, advice string }{
		{"", "an empty file", ""},
		{"\x1f\x8b\x08\x00", "a gzip file", "unpack it with gunzip"},
		{archive(t, "images.idx"), "a zip archive", "unpack it with unzip"},
		{archive(t, "x_train.npy"), "an archive of NumPy (.npz)", ""},
		{archive(t, "metadata.json"), "a model archive of Keras (.keras)", ""},
		{"PK\x03\x04", "a zip archive", "unpack it with unzip"},
		{"BZh91AY&SY", "a bzip2 file", "unpack it with bunzip2"},
		{"\xfd7zXZ\x00\x00", "an xz file", "unpack it with unxz"},
		{"\x28\xb5\x2f\xfd", "a Zstandard file", "unpack it with unzstd"},
		{strings.Repeat("\x00", 257) + "ustar\x0000", "a tar archive", "unpack it with tar -xf"},
		{"\x93NUMPY\x01\x00v\x00{'descr': '|u1'", "an array of NumPy (.npy)", ""},
		{"\x89HDF\r\n\x1a\n\x00", "an HDF5 file", ""},
		{"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG picture", ""},
		{"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG picture", ""},
		{"GIF89a", "a GIF picture", ""},
		{"RIFF\x24\x00\x00\x00WEBPVP8 ", "a WebP picture", ""},
		{"\x80\x04\x95\x10\x00", "a pickle of Python", ""},
		{
			"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS and not the file itself",
			"fetch the file with git lfs pull",
		},
		{
			"\ufeff<!doctype HTML>", "a web page (HTML)",
			"a server may send one for a file that it does not have; download it again",
		},
		{
			"  <html lang=en>", "a web page (HTML)",
			"a server may send one for a file that it does not have; download it again",
		},
		{"<?xml version='1.0'?>", "an XML document", ""},
		{
			"{\"class_name\": \"Functional\"}\n", `text that begins with "{\"class_name\": \"Functional\"}"`,
			"",
		},
		{"naïve", `text that begins with "naïve"`, ""},
		{"a\u202eb", `text that begins with "a\u202eb"`, ""},
		{"\xff\xfea\x00", "text in UTF-16", "save it as UTF-8"},
		{"\x00\x00\x00\x00\x00", "a file that begins with zeros", ""},
		{"\x00\x00\x08\x03", "a file of 8-bit images", ""},
		{"\x00\x00\x08\x01\x00", "a file of labels", ""},
		{"\x00\x00\x03\xe7", "a file of 16-bit latent vectors", ""},
		{"\x00\x00\x0d\x02", "an IDX file of 32-bit floating-point numbers in 2 dimensions", ""},
		{
			"\x01\x08\x00\x00", "a file of labels with its header in little-endian byte order",
			"write its numbers in big-endian order",
		},
		{"\x00\x00", "a file that begins with zeros", ""},
		{"\x01\x02\x03", "", ""},
		{"\xfe", "", ""},
	} {
		if k := KindOf([]byte(c.start)); k.Name != c.name || k.Advice != c.advice {
			t.Errorf("%.20q is %q, %q; want %q, %q", c.start, k.Name, k.Advice, c.name, c.advice)
		}
	}
	if got := KindOf([]byte("BZh9")).Instead("labels"); got !=
		"this is a bzip2 file, expected labels; unpack it with bunzip2" {
		t.Errorf("the sentence is %q", got)
	}
}

// Whatever the bytes, a kind is a short text that a terminal shows as it is.
func FuzzKindOf(f *testing.F) {
	f.Add([]byte("\x1b[31mred"))
	f.Add([]byte("\x00\x00\x0c\x08\x00\x00"))
	f.Add([]byte("PK\x03\x04\x14\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		k := KindOf(b)
		if len(k.Name) > 300 || len(k.Advice) > 300 {
			t.Errorf("%q is %q, %q", b, k.Name, k.Advice)
		}
		for _, r := range k.Name {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Errorf("%q is %q", b, k.Name)
			}
		}
	})
}
