package clustering

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
		{
			name: "two braces", text: "CLUSTER-0 { size: 2, 0, 2}}\nCLUSTER-1 { size: 1, 1}}\n",
			want: []int32{0, 1, 0}, k: 2,
		},
		{
			name: "one brace", text: "CLUSTER-0 { size: 2, 0, 2}\nCLUSTER-1 { size: 1, 1}\n",
			want: []int32{0, 1, 0}, k: 2,
		},
		{
			name: "carriage returns, no last newline",
			text: "CLUSTER-0 { size: 2, 0, 2}}\r\nCLUSTER-1 { size: 1, 1}}", want: []int32{0, 1, 0}, k: 2,
		},
		{
			name: "wrong size and other words", text: "a b c d 0 2\na b c 77, 1\n", want: []int32{0, 1, 0},
			k: 2,
		},
		{
			name: "twice in a class", text: "CLUSTER-0 { size: 2, 0, 2, 0, 1}}\n", want: []int32{0, 0, 0},
			k: 1,
		},
		{
			name: "empty class", text: "CLUSTER-0 { size: 0}}\nCLUSTER-1 { size: 3, 0, 1, 2}}\n",
			want: []int32{1, 1, 1}, k: 2,
		},
		{
			name: "no number", text: "CLUSTER-0 { size: 3, 0, 1, 2}}\nCLUSTER-1 { size: 1, x}}\n",
			wantErr: `line 2: expected the index of an image, found "x}}"`,
		},
		{
			name: "negative", text: "CLUSTER-0 { size: 3, -1, 1, 2}}\n",
			wantErr: `line 1: expected the index of an image, found "-1,"`,
		},
		{
			name: "beyond the images", text: "CLUSTER-0 { size: 3, 0, 1, 2, 3}}\n",
			wantErr: "line 1: image 3 does not exist, expected an index below 3",
		},
		{
			name: "beyond all numbers", text: "CLUSTER-0 { size: 3, 99999999999999999999999}}\n",
			wantErr: "line 1: image 99999999999999999999... does not exist",
		},
		{
			name: "in no class", text: "CLUSTER-0 { size: 2, 0, 2}}\n",
			wantErr: "image 1 of 3 is in no class",
		},
		{
			name: "in two classes", text: "CLUSTER-0 { size: 2, 0, 2}}\nCLUSTER-1 { size: 1, 1, 2}}\n",
			wantErr: "line 2: image 2 is also in the class of line 1",
		},
		{
			name: "blank line", text: "CLUSTER-0 { size: 2, 0, 2}}\n\nCLUSTER-1 { size: 1, 1}}\n",
			want: []int32{0, 1, 0}, k: 2,
		},
		{
			name: "blank lines at the end",
			text: "CLUSTER-0 { size: 7, 0, 1}}\nCLUSTER-1 { size: 2, 2}}\n\n \r\n", want: []int32{0, 0, 1},
			k: 2,
		},
		{
			name: "no blanks after commas", text: "CLUSTER-0 { size: 2,0,1}}\nCLUSTER-1 { size: 1,2}}\n",
			want: []int32{0, 0, 1}, k: 2,
		},
		{
			name: "no blanks at all", text: "CLUSTER-0{size:2,0,1}\nCLUSTER-1{size:1,2}",
			want: []int32{0, 0, 1}, k: 2,
		},
		{
			name: "cluster's header", text: "CLUSTER-1 {size: 2, 0, 1}\nCLUSTER-2 {size: 1, 2}\n",
			want: []int32{0, 0, 1}, k: 2,
		},
		{
			name: "blanks before brackets and commas",
			text: "Cluster 0 { size : 2 , 0 , 1 } }\nCluster 1 [size=1; 2 ]\n", want: []int32{0, 0, 1}, k: 2,
		},
		{
			name: "byte order mark", text: "\ufeffCLUSTER-0 { size: 3, 0, 1, 2}}\r\n",
			want: []int32{0, 0, 0}, k: 1,
		},
		{
			name: "carriage returns in blank lines", text: "CLUSTER-0 { size: 3, 0, 1, 2}}\r\n\r\n",
			want: []int32{0, 0, 0}, k: 1,
		},
		{
			name:    "line of a fault after blank lines",
			text:    "\n\nCLUSTER-0 { size: 2, 0, 2}}\n\nCLUSTER-1 { size: 1, 1, 2}}\n",
			wantErr: "line 5: image 2 is also in the class of line 3",
		},
		{
			name: "another word after an index", text: "CLUSTER-0 { size: 3, 0, 1, 2x}}\n",
			wantErr: `line 1: expected the index of an image, found "2x}}"`,
		},
		{
			name: "indices between slashes", text: "CLUSTER-0 { size: 3, 0/1/2}}\n",
			wantErr: `line 1: expected the index of an image, found "0/1/2}}"`,
		},
		{
			name: "an index after the braces", text: "CLUSTER-0 { size: 3, 0, 1}} 2\n",
			wantErr: `line 1: expected the end of the line after "}}", found "2"`,
		},
		{
			name: "medians of cluster", text: "CLUSTER-1 {size: 3, centroid: [0, 1]}\n",
			wantErr: `line 1: expected the index of an image, found "centroid:"`,
		},
		{
			name: "no size", text: "CLUSTER-0 { 0, 1, 2}}\n",
			wantErr: `line 1: expected a class such as "CLUSTER-0 { size: 3, 2, 5, 8}}", found ` +
				`"CLUSTER-0 { 0, 1, 2}}"`,
		},
		{name: "indices only", text: "0 1 2 0 1 2\n", wantErr: "line 1: expected a class such as"},
		{
			name: "control characters", text: "CLUSTER-0 { size: 3, \x1b[31m}}\n",
			wantErr: `line 1: expected the index of an image, found "\x1b[31m}}"`,
		},
		{
			name: "a zip archive", text: "PK\x03\x04\x14\x00",
			wantErr: "this is a zip archive, expected a class file; unpack it with unzip",
		},
		{
			name: "a web page", text: "<html><body>",
			wantErr: "this is a web page (HTML), expected a class file",
		},
		{
			name: "images", text: "\x00\x00\x08\x03\x00\x00\x00\x01",
			wantErr: "this is a file of 8-bit images, expected a class file",
		},
		{
			name: "many lines", text: strings.Repeat("a b c d\n", 5000),
			wantErr: "line 257: more than 256 classes for 3 images",
		},
		{
			name: "many blank lines", text: strings.Repeat("\n", 5000),
			wantErr: "line 1001: more than 1000 blank lines",
		},
		{
			name: "long lines", text: strings.Repeat("a b c "+strings.Repeat("d", 1080)+"\n", 50),
			wantErr: "line 19: too many bytes for the classes of 3 images",
		},
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
	f.Add([]byte("\ufeffCLUSTER-0{size:2,0,1}\n\nCLUSTER-1 [size = 1; 2]\r\n \n"))
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

// Lines that are longer than a piece are read as short ones are.
func TestReadClassesInPieces(t *testing.T) {
	const n = 3000
	r := rand.New(rand.NewPCG(1, 1))
	lines := make([]string, 7)
	want := make([]int32, n)
	blanks := []string{", ", ",", " ", ";\t", "\u00a0", " \u2003 ", strings.Repeat(" ", 60) + ","}
	for i := range want {
		c := r.IntN(len(lines) - 1) // the last class is empty
		want[i] = int32(c)
		for range 1 + r.IntN(2) {
			lines[c] += blanks[r.IntN(len(blanks))] + strconv.Itoa(i)
		}
	}
	for c := range lines {
		lines[c] = fmt.Sprintf("CLUSTER-%d { size: %d%s}}%s", c, n, lines[c], strings.Repeat(" ", c))
	}
	read := func(size int, text string) (*classReader, error) {
		c := &classReader{images: n, label: make([]int32, n)}
		for i := range c.label {
			c.label[i] = none
		}
		return c, c.readFile("classes", bufio.NewReaderSize(strings.NewReader(text), size))
	}
	text := "\ufeff \n" + strings.Join(lines, "\r\n")
	for _, size := range []int{50, 64, 97, 1000, pieceSize} {
		c, err := read(size, text)
		if err != nil || len(c.lines) != len(lines) || !slices.Equal(c.label, want) {
			t.Errorf("pieces of %d: %d classes, error %v", size, len(c.lines), err)
		}
	}
	indices := strings.Repeat("1, ", 1000)
	for _, tt := range []struct{ text, want string }{
		{"a b c 3, " + indices + "2x}}", `line 1: expected the index of an image, found "2x}}"`},
		{"a b c 3, " + indices + "3000}}", `line 1: image 3000 does not exist`},
		{"a b c 3, " + indices + "}}" + strings.Repeat(" ", 500) + "7 " + indices,
			`line 1: expected the end of the line after "}}", found "7"`},
		{"a b c 3, " + indices + "\na b c 3 2, 1, 3", "line 2: image 1 is also in the class of line 1"},
		{"a b c 3, " + indices + "\na b c", "line 2: expected a class such as"},
		{strings.Repeat("a b c 3\n", n) + indices, "line 3001: more than 3000 classes for 3000 images"},
		{"a b c 3, 2" + strings.Repeat(" ", 80000) + "}}", "line 1: more than 73024 bytes, too long"},
		{strings.Repeat(strings.Repeat(" 1", 35000)+"\n", 3), "line 1: expected a class such as"},
		{strings.Repeat("a b c 3"+strings.Repeat(" ", 70000)+"\n", 30),
			"too many bytes for the classes of 3000 images"},
	} {
		for _, size := range []int{50, 97, pieceSize} {
			_, err := read(size, tt.text)
			if err == nil || !strings.Contains(err.Error(), "classes: "+tt.want) &&
				!strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("pieces of %d: error %v, want %q", size, err, tt.want)
			}
		}
	}
	// A word that is as long as a piece is an error, and not two words.
	_, err := read(50, "a b c 3, "+strings.Repeat("0", 100)+"1")
	if err == nil || !strings.Contains(err.Error(), "found a word of more than") {
		t.Errorf("a long word: error %v", err)
	}
}
