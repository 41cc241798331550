package keras

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"testing"
)

// Every changed byte of the members that are read is an error, because an archive has their CRC-32.
func TestFlippedArchive(t *testing.T) {
	const name = "../testdata/keras/tf2.15.1_classifier.keras"
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range archive.File {
		start, err := member.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		// A step that is odd meets bytes at every place of a word.
		step := 1 + 2*(int(member.CompressedSize64)/1000)
		for i := int(start); i < int(start)+int(member.CompressedSize64); i += step {
			b[i] ^= 1 << (i % 8)
			_, err := readBytes(b)
			b[i] ^= 1 << (i % 8)
			if !errors.Is(err, zip.ErrChecksum) {
				t.Fatalf("%s: byte %d changed: error %v, expected one of its CRC-32", member.Name, i, err)
			}
		}
	}
}
