package shard

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
)

// A store keeps images that have room, until others need it and nobody has asked for them lately.
// It keeps labels always. It tells if a file that it keeps was changed.
func TestStore(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 10))
	images, latents := randomImages[uint8](r, 9, rows, cols), randomImages[uint16](r, 9, 1, 3)
	shards := cut(t, r, images, latents, 3, NewQueries("", images, nil))
	if len(shards) != 3 {
		t.Fatalf("%d shards, want 3", len(shards))
	}
	c := &Clusterer{Folder: t.TempDir()}
	var stages []Stage // with different centroids
	for range 4 {
		file, err := write(c, randomImages[uint8](r, 2, rows, cols))
		if err != nil {
			t.Fatal(err)
		}
		stage, err := Counts(Pixels, Labels{Centroids: file, Space: Pixels}, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		stages = append(stages, stage)
	}
	size := int64(3*rows*cols + metric.PointsSize[uint8](3, rows*cols)) // of a shard
	s := NewStore(2 * size)
	for i := range shards {
		shards[i].Latents = nil
	}
	work := func(stage Stage, shards ...Shard) error {
		lines := ""
		for i := range shards {
			lines += shards[i].Line() + "\n"
		}
		return s.Work(strings.NewReader(lines), new(bytes.Buffer), nil, stage)
	}
	read := func(i int) *imageset.Images[uint8] {
		p, err := shards[i].read(s)
		if err != nil {
			t.Fatal(err)
		}
		return p.images
	}
	expect := func(when string, want ...bool) {
		t.Helper()
		for i, kept := range want {
			once, again := read(i), read(i)
			if got := once == again; got != kept {
				t.Errorf("%s: images of shard %d are kept: %t, want %t", when, i, got, kept)
			}
		}
		if s.used > s.most {
			t.Errorf("%s: %d bytes, of which there may be %d", when, s.used, s.most)
		}
	}
	for i, stage := range stages {
		if err := work(stage, shards...); err != nil {
			t.Fatal(err)
		}
		expect("all shards in turn", true, true, false)
		for _, k := range s.known {
			if k.labels[0].from != stage.(*counts[uint8]).now.parameters {
				t.Errorf("pass %d: labels are not kept", i)
			}
		}
	}
	for i := range 2 * recent {
		if err := work(stages[i%2], shards[2]); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range s.known {
		if k.labels[0].label == nil {
			t.Error("labels have gone with the images")
		}
	}
	expect("the last alone", false, true, true)
	name := shards[2].Images.Ranges[0].File
	if err := os.Truncate(name, shards[2].Images.Ranges[0].Size-1); err != nil {
		t.Fatal(err)
	}
	if err := work(stages[0], shards[2]); err == nil ||
		!strings.Contains(err.Error(), "the file was changed after it was cut: ") {
		t.Errorf("error %v for a file that was changed", err)
	}
}

// Files of centroids without any are refused.
func TestNoCentroids(t *testing.T) {
	file := filepath.Join(t.TempDir(), "centroids")
	if err := idx.WriteImages(file, &imageset.Images[uint8]{Rows: 2, Cols: 2}); err != nil {
		t.Fatal(err)
	}
	_, err := Counts(Pixels, Labels{Centroids: file, Space: Pixels}, nil, true)
	if want := file + ": 0 centroids; expected one at least"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
