package clustering

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWriteClassesBytes(t *testing.T) {
	var got bytes.Buffer
	if err := WriteClasses(&got, []uint8{2, 0, 0, 2, 3, 0}, 5); err != nil {
		t.Fatal(err)
	}
	want := "CLUSTER-0 { size: 3, 1, 2, 5}}\n" +
		"CLUSTER-1 { size: 0}}\n" +
		"CLUSTER-2 { size: 2, 0, 3}}\n" +
		"CLUSTER-3 { size: 1, 4}}\n" +
		"CLUSTER-4 { size: 0}}\n"
	if got.String() != want {
		t.Errorf("wrote\n%swant\n%s", got.String(), want)
	}
}

func TestReadClassesOfTheOriginal(t *testing.T) {
	label, k, err := ReadClasses("../testdata/mnist/classes1000.txt", 1000)
	if err != nil {
		t.Fatal(err)
	}
	if k != 10 {
		t.Errorf("%d classes, want 10", k)
	}
	// The first images of the file's lines, and the last.
	for i, want := range map[int]int32{
		1: 0, 21: 0, 3: 1, 6: 1, 5: 2, 7: 3, 2: 4, 0: 5, 13: 6, 15: 7, 17: 8, 4: 9, 980: 9,
	} {
		if label[i] != want {
			t.Errorf("image %d has class %d, want %d", i, label[i], want)
		}
	}
}

func TestReadClassesReadsWhatWriteClassesWrote(t *testing.T) {
	class := []uint8{9, 0, 0, 2, 3, 0, 9, 9, 1}
	var b bytes.Buffer
	if err := WriteClasses(&b, class, 10); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "classes.txt")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	label, k, err := ReadClasses(name, len(class))
	if err != nil || k != 10 {
		t.Fatalf("k = %d, %v", k, err)
	}
	for i, c := range class {
		if label[i] != int32(c) {
			t.Errorf("image %d has class %d, want %d", i, label[i], c)
		}
	}
}

func TestReadClasses(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []int32 // nil if wantErr tells what is wrong
		k          int
		wantErr    string
	}{
		{name: "two braces", text: "CLUSTER-0 { size: 2, 0, 2}}\nCLUSTER-1 { size: 1, 1}}\n", want: []int32{0, 1, 0}, k: 2},
		{name: "one brace", text: "CLUSTER-0 { size: 2, 0, 2}\nCLUSTER-1 { size: 1, 1}\n", want: []int32{0, 1, 0}, k: 2},
		{name: "carriage returns, no last newline", text: "CLUSTER-0 { size: 2, 0, 2}}\r\nCLUSTER-1 { size: 1, 1}}", want: []int32{0, 1, 0}, k: 2},
		{name: "wrong size and other words", text: "a b c d 0 2\na b c 77, 1\n", want: []int32{0, 1, 0}, k: 2},
		{name: "twice in a class", text: "CLUSTER-0 { size: 2, 0, 2, 0, 1}}\n", want: []int32{0, 0, 0}, k: 1},
		{name: "empty class", text: "CLUSTER-0 { size: 0}}\nCLUSTER-1 { size: 3, 0, 1, 2}}\n", want: []int32{1, 1, 1}, k: 2},
		{name: "no number", text: "CLUSTER-0 { size: 3, 0, 1, 2}}\nCLUSTER-1 { size: 1, x}}\n", wantErr: `line 2: expected the index of an image, found "x}}"`},
		{name: "negative", text: "CLUSTER-0 { size: 3, -1, 1, 2}}\n", wantErr: `line 1: expected the index of an image, found "-1,"`},
		{name: "beyond the images", text: "CLUSTER-0 { size: 3, 0, 1, 2, 3}}\n", wantErr: "line 1: image 3}} does not exist; there are 3 images"},
		{name: "beyond all numbers", text: "CLUSTER-0 { size: 3, 99999999999999999999999}}\n", wantErr: "line 1: image 99999999999999999999... does not exist"},
		{name: "in no class", text: "CLUSTER-0 { size: 2, 0, 2}}\n", wantErr: "image 1 of 3 is in no class"},
		{name: "in two classes", text: "CLUSTER-0 { size: 2, 0, 2}}\nCLUSTER-1 { size: 1, 1, 2}}\n", wantErr: "line 2: image 2 is also in the class of line 1"},
		{name: "blank line", text: "CLUSTER-0 { size: 2, 0, 2}}\n\nCLUSTER-1 { size: 1, 1}}\n", wantErr: "line 2: expected a class"},
		{name: "empty file", text: "", wantErr: "image 0 of 3 is in no class"},
		{name: "endless line", text: strings.Repeat("0 ", 2000), wantErr: "line 1: more than 1096 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "classes.txt")
			if err := os.WriteFile(name, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			label, k, err := ReadClasses(name, 3)
			if c.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), c.wantErr) ||
					!strings.HasPrefix(err.Error(), name+": ") {
					t.Fatalf("error %v, want the file's name and %q", err, c.wantErr)
				}
				return
			}
			if err != nil || k != c.k || !slices.Equal(label, c.want) {
				t.Errorf("classes %v of %d, error %v; want %v of %d", label, k, err, c.want, c.k)
			}
		})
	}
	_, _, err := ReadClasses(filepath.Join(t.TempDir(), "none"), 3)
	if err == nil || !strings.Contains(err.Error(), "cannot open") {
		t.Errorf("a missing file gives %v", err)
	}
}

func FuzzReadClasses(f *testing.F) {
	f.Add([]byte("CLUSTER-0 { size: 2, 0, 2}}\r\nCLUSTER-1 { size: 1, 1}}"))
	f.Add([]byte("CLUSTER-0 { size: 0}}\n\nCLUSTER-1 { size: 3, 0, 1, 2}}\n"))
	name := filepath.Join(f.TempDir(), "classes.txt")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
		label, k, err := ReadClasses(name, 3)
		if err != nil {
			return
		}
		for i, c := range label {
			if c < 0 || int(c) >= k {
				t.Errorf("image %d has class %d of %d", i, c, k)
			}
		}
	})
}
