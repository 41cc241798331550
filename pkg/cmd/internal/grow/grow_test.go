package grow

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/memory/memorytest"
	"imagesimilarity/pkg/mnist"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/progress"
)

// digits are the options for n images made of 1,000 of MNIST.
func digits(t *testing.T, n int) Options {
	t.Helper()
	path, err := filepath.Abs("../../../testdata/mnist")
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		N: n, Seed: 1, Folder: filepath.Join(t.TempDir(), "new", "folder"),
		Images: filepath.Join(path, "train1000.dat.gz"), Labels: filepath.Join(path, "trainl1000.dat"),
	}
}

// small are the options for n images made of 7 of 2x2 pixels.
func small(t *testing.T, n int) Options {
	t.Helper()
	dir := t.TempDir()
	o := Options{
		N: n, Seed: 1, Folder: filepath.Join(dir, "out"),
		Images: filepath.Join(dir, "images"), Labels: filepath.Join(dir, "labels"),
	}
	m := &imageset.Images[uint8]{N: 7, Rows: 2, Cols: 2, Pix: make([]uint8, 28)}
	for i := range m.Pix {
		m.Pix[i] = uint8(9 * i)
	}
	for _, err := range []error{
		idx.WriteImages(o.Images, m), idx.WriteLabels(o.Labels, []uint8{3, 1, 4, 1, 5, 9, 2}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func grow(o Options) error {
	return Grow(o, outfile.Guard{}, progress.New(io.Discard, true))
}

// grown returns what Grow writes.
func grown(t *testing.T, o Options) mnist.Set {
	t.Helper()
	if err := grow(o); err != nil {
		t.Fatal(err)
	}
	m, err := idx.ReadImages(filepath.Join(o.Folder, "images.dat"))
	if err != nil {
		t.Fatal(err)
	}
	labels, err := idx.ReadLabels(filepath.Join(o.Folder, "labels.dat"))
	if err != nil {
		t.Fatal(err)
	}
	if m.N != o.N || len(labels) != o.N {
		t.Errorf("%d images and %d labels, want %d", m.N, len(labels), o.N)
	}
	return mnist.Set{Images: m, Labels: labels}
}

// A larger N adds images at the end, the cores change nothing, and labels follow the images.
func TestGrow(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	const most = 12_345 // more than are made at a time
	all := grown(t, digits(t, most))
	for _, cores := range []int{1, 3} {
		runtime.GOMAXPROCS(cores)
		for _, n := range []int{1, 999, 1000, 1001, most} {
			part := grown(t, digits(t, n))
			if !bytes.Equal(part.Images.Pix, all.Images.First(n).Pix) {
				t.Errorf("%d cores: %d images are not the first of %d", cores, n, most)
			}
		}
	}
	originals, err := idx.ReadLabels(digits(t, 1).Labels)
	if err != nil {
		t.Fatal(err)
	}
	for i, label := range all.Labels {
		if label != originals[i%len(originals)] {
			t.Fatalf("image %d has the label %d, want %d", i, label, originals[i%len(originals)])
		}
	}
}

// The original that is nearest to a deformed image has its label, though it is another one: the
// image's own original is left out.
func TestDeformedImagesAreRecognised(t *testing.T) {
	const n = 1000
	set := grown(t, digits(t, 2*n))
	originals := set.Images.First(n)
	deformed := &imageset.Images[uint8]{
		N: n, Rows: 28, Cols: 28, Pix: set.Images.Pix[len(originals.Pix):],
	}
	recognised := func(queries *imageset.Images[uint8]) int {
		index, err := knn.New(originals.Set())
		if err != nil {
			t.Fatal(err)
		}
		lists, err := index.Nearest(queries, 2, nil)
		if err != nil {
			t.Fatal(err)
		}
		right := 0
		for i := range n {
			nearest := lists[2*i]
			if int(nearest.Index) == i {
				nearest = lists[2*i+1]
			}
			if set.Labels[nearest.Index] == set.Labels[i] {
				right++
			}
		}
		return right
	}
	plain, moved := recognised(originals), recognised(deformed)
	t.Logf("of %d images, %d were recognised, deformed %d", n, plain, moved)
	if moved < plain*9/10 {
		t.Errorf("of %d images, %d were recognised, but deformed only %d", n, plain, moved)
	}
}

// MNIST is the default.
func TestMNIST(t *testing.T) {
	o := Options{N: 60_001, Seed: 1, Folder: t.TempDir()}
	set := grown(t, o)
	dir, err := mnist.Fetch()
	if err != nil {
		t.Fatal(err)
	}
	want, err := mnist.Training(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := want.Images.N
	if !bytes.Equal(set.Images.First(n).Pix, want.Images.Pix) ||
		!bytes.Equal(set.Labels[:n], want.Labels) || set.Labels[n] != want.Labels[0] {
		t.Error("the first images are not those of MNIST")
	}
}

// The memory does not depend on the number of images.
func TestMemory(t *testing.T) {
	const most = 10 << 20
	for _, n := range []int{1000, 3_000_000} { // the last are 12 MB
		o := small(t, n)
		peak := memorytest.Peak(func() {
			if err := grow(o); err != nil {
				t.Error(err)
			}
		})
		if peak > most {
			t.Errorf("%.0f bytes for %d images of 4 bytes, want at most %d", peak, n, most)
		}
	}
}

// Every need is refused in a sentence if the budget is a byte less.
func TestEveryNeedIsRefused(t *testing.T) {
	o := digits(t, 1500)
	memorytest.RefuseEach(t, func() (int, string) {
		if err := grow(o); err != nil {
			return 1, err.Error() + "\n"
		}
		return 0, ""
	})
}

func TestFaults(t *testing.T) {
	const noImages = "\x00\x00\x08\x03\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x02"
	file := func(o *Options, content string) string {
		path := filepath.Join(filepath.Dir(o.Images), "file")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		want   string
		change func(o *Options)
	}{
		{"images.dat: an IDX file has at most 4294967295 images of 2x2 pixels, not 4294967296",
			func(o *Options) { o.N = 1 << 32 }},
		{"images.dat: an IDX file has at most 1402438300 images of 28x28 pixels, not 2000000000",
			func(o *Options) { *o = digits(t, 2_000_000_000) }},
		{"7 labels, expected 1000, one for each image of ",
			func(o *Options) { o.Images = digits(t, 1).Images }},
		{"expected 2051 (8-bit images)",
			func(o *Options) { o.Images, o.Labels = o.Labels, o.Images }},
		{"cannot open missing: ", func(o *Options) { o.Labels = "missing" }},
		{": no images; expected at least 1", func(o *Options) { o.Images = file(o, noImages) }},
		{"cannot make the folder ", func(o *Options) { o.Folder = file(o, "text") }},
	} {
		o := small(t, 10)
		tt.change(&o)
		err := grow(o)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, tt.want)
		}
		if left, _ := os.ReadDir(o.Folder); len(left) > 0 {
			t.Errorf("%s: left behind %v", tt.want, left)
		}
	}
}

// An input is not overwritten.
func TestInputIsNoOutput(t *testing.T) {
	o := small(t, 10)
	o.Folder = filepath.Dir(o.Labels)
	labels := filepath.Join(o.Folder, "labels.dat")
	if err := os.Rename(o.Labels, labels); err != nil {
		t.Fatal(err)
	}
	o.Labels = labels
	want := "cannot write " + labels + ": it is the same file as " + labels + ", which is read"
	if err := grow(o); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if l, err := idx.ReadLabels(labels); err != nil || len(l) != 7 {
		t.Errorf("%d labels, %v", len(l), err)
	}
}
