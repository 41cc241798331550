package idx

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A wrong file says what it is, what was expected, and what to do if there is something.
func TestWrongFiles(t *testing.T) {
	images := func(name string) error { _, err := ReadImages(name); return err }
	latents := func(name string) error { _, err := ReadLatents(name); return err }
	labels := func(name string) error { _, err := ReadLabels(name); return err }
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("t10k-images-idx3-ubyte")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(four)
	z.Close()
	header := func(n int, h ...uint32) []byte { return append(words(h...), make([]byte, n)...) }
	for _, c := range []struct {
		what    string
		read    func(string) error
		content []byte
		want    string // the error after the name of the file
	}{
		{
			"zip", images, archive.Bytes(),
			"byte 0: this is a zip archive, expected 8-bit images; unpack it with unzip",
		},
		{
			"gzip within gzip", images, zipped(zipped(four)),
			"byte 0: gzip within gzip, expected 8-bit images; unpack it with gunzip once",
		},
		{
			"web page", labels, []byte("<!DOCTYPE html><html><title>404 Not Found</title>"),
			"byte 0: this is a web page (HTML), expected labels; a server may send one for a file that " +
				"it does not have; download it again",
		},
		{
			"web page in gzip", labels, zipped([]byte("\n<html>\n<title>404</title>")),
			"byte 0: this is a web page (HTML), expected labels; a server may send one for a file that " +
				"it does not have; download it again",
		},
		{
			"Git LFS", images, []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"),
			"byte 0: this is a pointer of Git LFS and not the file itself, expected 8-bit images; fetch " +
				"the file with git lfs pull",
		},
		{
			"text", images, []byte("0 1 2\n\x80 3"),
			"byte 9: the file ends within its header of 16 bytes; expected 8-bit images",
		},
		{
			"a short text", latents, []byte("0 1 2\n"),
			`byte 0: this is text that begins with "0 1 2", expected 16-bit latent vectors`,
		},
		{
			"numbers as text", labels, []byte("label,pixel0,pixel1\n5,0,0\n"),
			`byte 0: this is text that begins with "label,pixel0,pixel1", expected labels`,
		},
		{
			"colour images", images, header(40, 0x804, 10, 2, 2, 1),
			"byte 0: magic number 2052, expected 2051 (8-bit images); this is an IDX file of 8-bit " +
				"values in 4 dimensions (10x2x2x1), as colour images are; write them as grey levels in " +
				"three dimensions",
		},
		{
			"labels of QMNIST", labels, header(32*4, 0xc02, 4, 8),
			"byte 0: magic number 3074, expected 2049 (labels); this is an IDX file of 32-bit integers " +
				"in 2 dimensions (4x8), as the labels of QMNIST are; its first column holds the labels; " +
				"write it as 8-bit values in one dimension",
		},
		{
			"labels of 32 bits", labels, header(16, 0xc01, 4),
			"byte 0: magic number 3073, expected 2049 (labels); this is an IDX file of 32-bit integers " +
				"in one dimension (4); write it as 8-bit values",
		},
		{
			"floats", images, header(64, 0xd03, 4, 2, 2),
			"byte 0: magic number 3331, expected 2051 (8-bit images); this is an IDX file of 32-bit " +
				"floating-point numbers in 3 dimensions (4x2x2)",
		},
		{
			"doubles", labels, header(8, 0xe01, 1),
			"byte 0: magic number 3585, expected 2049 (labels); this is an IDX file of 64-bit " +
				"floating-point numbers in one dimension (1); write it as 8-bit values",
		},
		{
			"little-endian images", images,
			[]byte("\x03\x08\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x07"),
			"byte 0: this is a file of 8-bit images with its header in little-endian byte order, " +
				"expected 8-bit images; write its numbers in big-endian order",
		},
		{
			"little-endian latents", latents,
			[]byte("\xe7\x03\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x07\x00"),
			"byte 0: this is a file of 16-bit latent vectors with its header in little-endian byte " +
				"order, expected 16-bit latent vectors; write its numbers in big-endian order",
		},
		{
			"latents under 2051", latents, header(40, 2051, 2, 1, 10),
			"byte 0: magic number 2051, expected 999 (16-bit latent vectors); this is a file of 8-bit " +
				"images, but its values have 16 bits; its magic number should be 999",
		},
		{
			"latents under 2051 for images", images, header(40, 2051, 2, 1, 10),
			"byte 0: magic number 2051 of 8-bit images, but its values have 16 bits; the header promises " +
				"2 images of 1x10 pixels, 20 bytes, but 40 follow it",
		},
		{
			"images under 999", images, header(20, 999, 2, 1, 10),
			"byte 0: magic number 999, expected 2051 (8-bit images); this is a file of 16-bit latent " +
				"vectors, but its values have 8 bits; its magic number should be 2051",
		},
		{
			"images under 999 for latents", latents, header(20, 999, 2, 1, 10),
			"byte 36: the file ends early: the header promises 2 vectors of 10 16-bit values, 40 bytes, " +
				"but 20 follow it, as if its values had 8 bits; images have the magic number 2051",
		},
		{
			"latents under 2051 in gzip", latents, zipped(header(40, 2051, 2, 1, 10)),
			"byte 0: magic number 2051, expected 999 (16-bit latent vectors); this is a file of 8-bit " +
				"images, but its values have 16 bits; its magic number should be 999",
		},
		{
			"images under 999 in gzip", images, zipped(header(20, 999, 2, 1, 10)),
			"byte 0: magic number 999, expected 2051 (8-bit images); this is a file of 16-bit latent " +
				"vectors, but its values have 8 bits; its magic number should be 2051",
		},
		{
			"images under 999 in gzip for latents", latents, zipped(header(20, 999, 2, 1, 10)),
			"byte 36: the file ends early: the header promises 2 vectors of 10 16-bit values, 40 bytes, " +
				"but 20 follow it, as if its values had 8 bits; images have the magic number 2051",
		},
		{
			"empty", labels, nil,
			"byte 0: the file ends within its header of 8 bytes; expected labels; the file is empty",
		},
		{
			"empty in gzip", labels, zipped(nil),
			"byte 0: the file ends within its header of 8 bytes; expected labels; the file is empty",
		},
		{
			"zeros", images, make([]byte, 100),
			"byte 0: magic number 0, expected 2051 (8-bit images); this is a file that begins with zeros",
		},
		{
			"unknown", images, []byte(strings.Repeat("\x01\x02\x81\xff", 9)),
			"byte 0: magic number 16941567, expected 2051 (8-bit images)",
		},
	} {
		name := file(t, c.content)
		err := c.read(name)
		fe := (*FormatError)(nil)
		if err == nil || err.Error() != name+": "+c.want || !errors.As(err, &fe) {
			t.Errorf("%s:\n%v\nwant\n%s", c.what, err, c.want)
		}
	}
	model := t.TempDir()
	if err := os.WriteFile(filepath.Join(model, "saved_model.pb"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := images(model); err == nil || !strings.Contains(err.Error(), "SavedModel") {
		t.Errorf("a folder SavedModel gives %v", err)
	}
}

// What the header tells is known before the values are read.
func TestOpen(t *testing.T) {
	short := file(t, zipped(four[:20]))
	f, err := OpenImages(short)
	if err != nil || f.N != 4 || f.Rows != 2 || f.Cols != 2 || f.Name != short {
		t.Fatalf("%+v, error %v", f, err)
	}
	if _, err := f.Read(); err == nil {
		t.Error("the missing images are not noticed")
	}
	if _, err := OpenImages(file(t, four[:20])); err == nil {
		t.Error("that a plain file is too short is not noticed when it is opened")
	}
	l, err := OpenLabels(file(t, append(words(0x801, 3), 7, 8, 9)))
	if err != nil || l.N != 3 {
		t.Fatalf("%+v, error %v", l, err)
	}
	if values, err := l.Read(); err != nil || !slices.Equal(values, []uint8{7, 8, 9}) {
		t.Errorf("labels %v, error %v", values, err)
	}
}

// Each image has one label and one latent vector.
func TestNumbers(t *testing.T) {
	images, err := OpenImages(file(t, append(words(0x803, 3, 1, 1), 1, 2, 3)))
	if err != nil {
		t.Fatal(err)
	}
	labels := file(t, append(words(0x801, 1), 7))
	latents := file(t, append(words(999, 4, 1, 1), make([]byte, 8)...))
	_, ofLabels := OpenLabelsOf(images, labels)
	_, ofLatents := OpenLatentsOf(images, latents)
	for want, got := range map[string]error{
		labels + ": 1 label, expected 3, one for each image of " + images.Name:           ofLabels,
		latents + ": 4 latent vectors, expected 3, one for each image of " + images.Name: ofLatents,
	} {
		if got == nil || got.Error() != want {
			t.Errorf("error %v, want %s", got, want)
		}
	}
}
