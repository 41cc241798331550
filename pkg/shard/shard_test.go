package shard

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/nearest"
)

const rows, cols = 4, 6 // of the images of the tests

// randomImages returns images of few different values, so that there are many ties.
func randomImages[P uint8 | uint16](r *rand.Rand, n, rows, cols int) *imageset.Images[P] {
	m := &imageset.Images[P]{N: n, Rows: rows, Cols: cols, Pix: make([]P, n*rows*cols)}
	for i := range m.Pix {
		m.Pix[i] = P(r.IntN(3) * 80)
	}
	return m
}

// pieces writes images into files of random sizes, some without images, and returns their names.
func pieces[P uint8 | uint16](t *testing.T, r *rand.Rand, folder, name string,
	m *imageset.Images[P], write func(string, *imageset.Images[P]) error) string {

	t.Helper()
	var names []string
	for from := 0; from < m.N || len(names) == 0; {
		n := r.IntN(m.N - from + 1)
		file := filepath.Join(folder, fmt.Sprintf("%s%02d", name, len(names)))
		part := &imageset.Images[P]{
			N: n, Rows: m.Rows, Cols: m.Cols, Pix: m.Pix[from*m.Dim() : (from+n)*m.Dim()],
		}
		if err := write(file, part); err != nil {
			t.Fatal(err)
		}
		names = append(names, file)
		from += n
	}
	return strings.Join(names, ",")
}

// cut writes images and latent vectors into files and cuts them.
func cut(t *testing.T, r *rand.Rand, images *imageset.Images[uint8],
	latents *imageset.Images[uint16], size int, q *Queries) []Shard {

	t.Helper()
	folder := t.TempDir()
	grey, err := Find(pieces(t, r, folder, "images", images, idx.WriteImages))
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := Find(pieces(t, r, folder, "latents", latents, idx.WriteLatents))
	if err != nil {
		t.Fatal(err)
	}
	shards, err := Cut(grey, vectors, size, q.Checksum)
	if err != nil {
		t.Fatal(err)
	}
	return shards
}

// filesOf writes images into one file.
func filesOf(t *testing.T, images *imageset.Images[uint8]) []File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "images")
	if err := idx.WriteImages(name, images); err != nil {
		t.Fatal(err)
	}
	files, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// workers are stores of workers, some of which have room for few shards or for none.
type workers []*Store

func newWorkers(r *rand.Rand) workers {
	w := make(workers, 1+r.IntN(3))
	for i := range w {
		w[i] = NewStore(roomOf(r))
	}
	return w
}

func roomOf(r *rand.Rand) int64 { return []int64{0, 20000, 1 << 30}[r.IntN(3)] }

// any returns the store of a worker, which may have died and begun anew.
func (w workers) any(r *rand.Rand) *Store {
	i := r.IntN(len(w))
	if r.IntN(8) == 0 {
		w[i] = NewStore(roomOf(r))
	}
	return w[i]
}

// anyhow lets the stage that make returns answer for the shards: by one or several workers, in any
// order, some shards twice, some workers beginning with what others have found. It merges the
// answers in steps, in any order and with repeats.
func anyhow(t *testing.T, r *rand.Rand, workers workers, shards []Shard, q *Queries,
	make func(found Result) (Stage, error)) Result {

	t.Helper()
	lines := []string{}
	for i := range shards {
		lines = append(lines, shards[i].Line())
		if r.IntN(4) == 0 {
			lines = append(lines, shards[i].Line())
		}
	}
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	var answers []string
	for len(lines) > 0 {
		n := 1 + r.IntN(len(lines))
		found := Result(nil)
		if r.IntN(2) == 0 {
			found = collect(t, mergeAnyhow(t, r, slices.Clone(answers)))
		}
		stage, err := make(found)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		some := strings.NewReader(strings.Join(lines[:n], "\n"))
		if err := workers.any(r).Work(some, &out, q, stage); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, strings.Split(strings.TrimSpace(out.String()), "\n")...)
		lines = lines[n:]
	}
	return collect(t, mergeAnyhow(t, r, answers))
}

// mergeAnyhow merges some of the lines, then some of what it has merged, and repeats some of that.
func mergeAnyhow(t *testing.T, r *rand.Rand, lines []string) []string {
	t.Helper()
	// A sum of the shards 0 and 1 cannot be added to one of 1 and 2. So repeats of sums are whole.
	known := map[string]bool{}
	once := lines[:0]
	for _, line := range lines {
		a, err := ParseAnswer(line)
		if err != nil {
			t.Fatal(err)
		}
		name := a.Key() + a.Shards.String()
		if !known[name] || mergers[a.Stage].repeats {
			once = append(once, line)
		}
		known[name] = true
	}
	lines = once
	for range 3 {
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		n := r.IntN(len(lines) + 1)
		some := slices.Sorted(slices.Values(lines[:n]))
		var merged []string
		err := Merge(strings.NewReader(strings.Join(some, "\n")), func(a *Answer) error {
			merged = append(merged, a.Line())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(merged, lines[n:]...)
	}
	return append(lines, lines[:r.IntN(len(lines)+1)]...)
}

// collect merges lines of lists.
func collect(t *testing.T, lines []string) Result {
	t.Helper()
	all, err := Collect(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Whatever the files, the cut, the workers, the order and the repeats: the lists are those of one
// machine.
func TestListsAreThoseOfOneMachine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 60 {
		n := 1 + r.IntN(120)
		images, latents := randomImages[uint8](r, n, rows, cols), randomImages[uint16](r, n, 1, 3)
		asked := r.IntN(80)
		q := NewQueries("queries", randomImages[uint8](r, asked, rows, cols),
			randomImages[uint16](r, asked, 1, 3))
		shards := cut(t, r, images, latents, 1+r.IntN(n), q)
		k := 1 + r.IntN(12)

		index, err := knn.New(images.Set())
		if err != nil {
			t.Fatal(err)
		}
		want, err := index.Nearest(q.Images, k, nil)
		if err != nil {
			t.Fatal(err)
		}
		exact := anyhow(t, r, newWorkers(r), shards, q, func(found Result) (Stage, error) {
			return Exact(q, k, found)
		})
		compare(t, "exact", lists[int64], exact, want, nil)

		vectors, err := knn.New(latents.Set())
		if err != nil {
			t.Fatal(err)
		}
		want, err = vectors.Nearest(q.Latents, k, nil)
		if err != nil {
			t.Fatal(err)
		}
		latent := anyhow(t, r, newWorkers(r), shards, q, func(found Result) (Stage, error) {
			return Latent(q, k, found)
		})
		compare(t, "latent", lists[int64], latent, want, func(query int, image int64) int64 {
			return metric.Manhattan(q.Images.At(query), images.At(int(image)))
		})

		one, err := CutSample(filesOf(t, images))
		if err != nil {
			t.Fatal(err)
		}
		samples := anyhow(t, r, newWorkers(r), []Shard{*one}, nil, func(Result) (Stage, error) {
			return Sample(Pixels), nil
		})
		widths := anyhow(t, r, newWorkers(r), shards, nil, func(found Result) (Stage, error) {
			return Width(samples, found)
		})
		width, err := knn.Width(index, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := widths.width(); got != width || err != nil {
			t.Fatalf("width %d, %v; want %d", got, err, width)
		}
		tables := Tables{1 + r.IntN(6), 1 + r.IntN(3), r.IntN(2) == 0}
		lsh, err := knn.NewLSH(int64(n), rows, cols, width, tables.Functions)
		if tables.Textbook {
			lsh, err = knn.NewTextbookLSH(int64(n), rows, cols, width, tables.Functions, tables.Tables)
		}
		if err != nil {
			t.Fatal(err)
		}
		want, candidates, err := lsh.Nearest(index, q.Images, k, nil)
		if err != nil {
			t.Fatal(err)
		}
		hashed := anyhow(t, r, newWorkers(r), shards, q, func(found Result) (Stage, error) {
			return LSH(q, k, tables, widths, found)
		})
		compare(t, "lsh", lists[int64], hashed, want, nil)
		counts, err := hashed.counts("lsh-compared", 2)
		if err != nil || counts[0] != uint64(candidates) || counts[1] != uint64(n) {
			t.Fatalf("compared %d, %v; want %d with %d images", counts, err, candidates, n)
		}

		search, err := emd.NewSearch(q.Images, k, 2)
		if err == nil {
			err = search.Add(images, 0, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		earth := anyhow(t, r, newWorkers(r), shards, q, func(found Result) (Stage, error) {
			return EMD(q, k, 2, found)
		})
		compare(t, "emd", lists[float64], earth, search.Nearest(), nil)
	}
}

// compare expects the lists in want, of which places with the index -1 are empty.
func compare[D nearest.Distance](t *testing.T, stage string,
	lists func(Result, string) (*Lists[D], error), r Result, want []nearest.Neighbour[D],
	original func(query int, image int64) int64) {

	t.Helper()
	got, err := lists(r, stage)
	if err != nil {
		t.Fatal(err)
	}
	for q, list := range got.Of {
		each := len(want) / len(got.Of)
		var all []nearest.Neighbour[D]
		for _, n := range want[q*each : (q+1)*each] {
			if n.Index >= 0 {
				all = append(all, n)
			}
		}
		for i, f := range list {
			if i >= len(all) || f.Neighbour != all[i] ||
				original != nil && f.Original != original(q, f.Index) {
				t.Fatalf("%s, query %d: %v, want %v", stage, q, list, all)
			}
		}
		if len(list) != len(all) {
			t.Fatalf("%s, query %d: %v, want %v", stage, q, list, all)
		}
	}
}

// Shards cover all images once, in order, and are as large as they should be.
func TestCutCoversAll(t *testing.T) {
	for _, c := range []struct {
		files []int64
		size  int
		want  int // shards
	}{
		{[]int64{1}, 30000, 1}, {[]int64{60000}, 30000, 2}, {[]int64{59999}, 30000, 1},
		{[]int64{5, 0, 7}, 1, 12}, {[]int64{0, 100, 1, 99}, 30, 6},
		{[]int64{1 << 32, 1<<32 - 1, 1 << 32}, 1 << 27, 95},
	} {
		var files []File
		total := int64(0)
		for i, n := range c.files {
			files = append(files, fileOf(fmt.Sprint(i), n))
			total += min(n, 1<<32-1)
		}
		shards, err := Cut(files, nil, c.size, "")
		if err != nil {
			t.Fatal(err)
		}
		if len(shards) != c.want {
			t.Errorf("%v in shards of %d: %d shards, want %d", c.files, c.size, len(shards), c.want)
		}
		next := int64(0)
		for i := range shards {
			s, err := Parse(shards[i].Line())
			if err != nil {
				t.Fatal(err)
			}
			if s.Shard != i || s.Of != len(shards) || s.First != next || s.Total != total {
				t.Fatalf("%v: shard %d is %s", c.files, i, s.Line())
			}
			if len(shards) > 1 && (s.N < c.size || s.N >= 2*c.size) {
				t.Errorf("%v: shard %d has %d images, expected %d to %d", c.files, i, s.N, c.size,
					2*c.size-1)
			}
			next += int64(s.N)
		}
		if next != total {
			t.Errorf("%v: the shards have %d images, want %d", c.files, next, total)
		}
	}
}

// fileOf returns a file of n images of 1x1 pixels, or as many as a header can tell.
func fileOf(name string, n int64) File {
	n = min(n, 1<<32-1)
	h := []byte{
		0, 0, 8, 3, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), 0, 0, 0, 1, 0, 0, 0, 1,
	}
	return File{Name: name, Size: 16 + n, Modified: 7, Header: h}
}

// What cannot be cut is told in a sentence that names the file.
func TestCutFaults(t *testing.T) {
	good := fileOf("good", 5)
	change := func(f func(*File)) []File {
		other := fileOf("bad", 5)
		f(&other)
		return []File{good, other}
	}
	for _, c := range []struct {
		files []File
		want  string
	}{
		{change(func(f *File) { f.Header = []byte{0x1f, 0x8b, 8, 0} }),
			"bad: byte 0: gzip cannot be cut into ranges; unpack it with gunzip first"},
		{change(func(f *File) { f.Header = f.Header[:15] }),
			"bad: byte 15: the file ends within its header of 16 bytes; expected 8-bit images"},
		{change(func(f *File) { f.Header[3] = 1 }),
			"bad: byte 0: magic number 2049, expected 2051 (8-bit images)"},
		{change(func(f *File) { f.Header[11] = 0 }),
			"bad: byte 8: images of 0x1 values; expected at least 1x1"},
		{change(func(f *File) { f.Header[11] = 2 }), "bad: byte 21: the file ends early: "},
		{change(func(f *File) { f.Header[11], f.Size = 2, 26 }),
			"bad: images of 2x1 values; expected 1x1 as in good"},
		{change(func(f *File) { f.Name = "good" }), "good is named twice"},
		{[]File{fileOf("empty", 0)}, "empty: there are no images in it"},
	} {
		_, err := Cut(c.files, nil, 3, "")
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	latents := fileOf("latents", 4)
	latents.Header[2], latents.Header[3], latents.Size = 3, 0xe7, 24
	_, err := Cut([]File{good}, []File{latents}, 3, "")
	want := "latents: 4 latent vectors, expected 5, one for each image of good"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// A worker refuses what is no shard, other queries, and files that are not as they were.
func TestWorkFaults(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	images, latents := randomImages[uint8](r, 9, rows, cols), randomImages[uint16](r, 9, 1, 3)
	q := NewQueries("queries", images, nil)
	shards := cut(t, r, images, latents, 4, q)
	change := func(f func(*Shard)) string {
		b := *shards[0].Images
		s := shards[0]
		s.Images = &b
		s.Images.Ranges = slices.Clone(b.Ranges)
		f(&s)
		return s.Line()
	}
	for _, c := range []struct{ line, want string }{
		{"hello", "the line \"hello\" describes no shard: "},
		{shards[0].Line() + "{}", "something follows it"},
		{strings.Replace(shards[0].Line(), "{", `{"else":1,`, 1), `unknown field "else"`},
		{change(func(s *Shard) { s.Shard = 99 }), "number 99 of 2 shards"},
		{change(func(s *Shard) { s.N = 2000 }), "2000 images from image 0 of 9 on"},
		{change(func(s *Shard) { s.Images.Rows = 5 }), " images of 30 bytes"},
		{change(func(s *Shard) { s.Images.Ranges[0].Size = 3 }), " bytes from byte 16 of the 3 bytes"},
		{change(func(s *Shard) { s.Queries = "other" }),
			"queries: the queries have the checksum " + q.Checksum + ", but shard 0 of 2 was cut for " +
				`those of the checksum "other"`},
		{change(func(s *Shard) { s.Images.Ranges[0].File = "missing" }), "cannot open missing: "},
		{change(func(s *Shard) { s.Images.Ranges[0].Modified++ }),
			"the file was changed after it was cut: "},
		{change(func(s *Shard) { s.Images = nil }),
			"shard 0 of 2: shard 0 has no images, but latent vectors only"},
	} {
		stage, err := Exact(q, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = Work(strings.NewReader(c.line+"\n"), new(bytes.Buffer), q, stage)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: error %v, want %q", c.line, err, c.want)
		}
	}
}

// A worker reads what a pipe feeds, image by image the same as from the files, and tells if it ends
// early.
func TestFeed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	images, latents := randomImages[uint8](r, 9, rows, cols), randomImages[uint16](r, 9, 1, 3)
	q := NewQueries("queries", images, nil)
	for _, s := range cut(t, r, images, latents, 4, q) {
		var bytes []byte
		for _, v := range []*Values{s.Images, s.Latents} {
			for _, r := range v.Ranges {
				b := make([]byte, r.Bytes)
				if err := r.read(b); err != nil {
					t.Fatal(err)
				}
				bytes = append(bytes, b...)
			}
		}
		want, err := s.Read()
		if err != nil {
			t.Fatal(err)
		}
		s.Feed = filepath.Join(t.TempDir(), "feed")
		if err := os.WriteFile(s.Feed, bytes, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := s.Read()
		if err != nil || !slices.Equal(got.images.Pix, want.images.Pix) ||
			!slices.Equal(got.latents.Pix, want.latents.Pix) {
			t.Fatalf("%v: fed are %v and %v", err, got.images, got.latents)
		}
		if err := os.WriteFile(s.Feed, bytes[:len(bytes)-1], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(); err == nil || !strings.Contains(err.Error(), ": the feed ended after ") {
			t.Errorf("error %v for a feed that ends early", err)
		}
	}
}

// Answers are merged only if they belong together, sums count no shard twice, and what is missing
// is told.
func TestMergeFaults(t *testing.T) {
	line := func(key, run, shards, value string) string {
		return strings.Join([]string{key, run, shards, value}, "\t")
	}
	count := func(shards string) string { return line("lsh-time.0000000000", "a-b", shards, "BQ==") }
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{count("0/3"), count("1-2/3")}, ""},
		{[]string{count("0-1/3"), count("1/3"), count("2/3")}, ""},
		{[]string{count("0-1/3"), count("1-2/3")}, "some shards are in both"},
		{[]string{count("0/3"), count("1/3")}, "the answer of shard 2 of 3 is missing"},
		{[]string{count("0/3"), line("lsh-time.0000000000", "a-c", "1/3", "BQ==")},
			"of different runs, a-b and a-c, cannot be merged"},
		{[]string{count("0/3"), count("0/4")}, "of different runs"},
		{[]string{count("0/3"), line("lsh-time.0000000000", "a-b", "1/3", "BQU=")},
			"they have different numbers of counts"},
		{[]string{line("lsh-time.0000000001", "a-b", "0-2/3", "BQ==")},
			"the answer lsh-time.0000000000 is missing"},
		{[]string{"lsh-time.0000000000\ta-b\t0/3"}, "expected four fields with tabs between them"},
		{[]string{line("other.0000000000", "a-b", "0/3", "BQ==")}, "its key is unknown"},
		{[]string{line("lsh-time.-1", "a-b", "0/3", "BQ==")}, "its key is unknown"},
		{[]string{count("3/3")}, "its shards are unknown"}, {[]string{count("1,1/3")}, "its shards"},
		{[]string{count("2-1/3")}, "its shards are unknown"}, {[]string{count("")}, "its shards"},
		{[]string{line("lsh-time.0000000000", "a-b", "0/3", "B")}, "its value is no base64"},
	} {
		all, err := Collect(strings.NewReader(strings.Join(c.lines, "\n")))
		if err == nil {
			_, err = all.answers("lsh-time")
		}
		if c.want == "" && err != nil || c.want != "" &&
			(err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: error %v, want %q", c.lines, err, c.want)
		}
	}
}

// Whatever the bytes are, they are lists that become the same bytes, or an error.
func FuzzLists(f *testing.F) {
	l := Lists[int64]{K: 3, Queries: 5, Of: [][]Found[int64]{
		{}, {{nearest.Neighbour[int64]{Index: 1 << 40, Distance: 7}, 9}},
	}}
	f.Add(l.append(nil))
	e := Lists[float64]{K: 3, Queries: 5, Of: [][]Found[float64]{
		{{nearest.Neighbour[float64]{Index: 7, Distance: 0.1}, 0},
			{nearest.Neighbour[float64]{Index: 6, Distance: 0.5}, 0}},
	}}
	f.Add(e.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := readLists[int64](b); err == nil {
			again, err := readLists[int64](l.append(nil))
			if err != nil || fmt.Sprint(again) != fmt.Sprint(l) {
				t.Errorf("%v becomes %v, %v", l, again, err)
			}
		}
		if l, err := readLists[float64](b); err == nil {
			again, err := readLists[float64](l.append(nil))
			if err != nil || fmt.Sprint(again) != fmt.Sprint(l) {
				t.Errorf("%v becomes %v, %v", l, again, err)
			}
		}
	})
}

// Whatever a line is, it is a shard that can be written again, or an error.
func FuzzParse(f *testing.F) {
	shards, err := Cut([]File{fileOf("a", 9), fileOf("b", 9)}, nil, 4, "queries")
	if err != nil {
		f.Fatal(err)
	}
	for i := range shards {
		f.Add(shards[i].Line())
	}
	f.Fuzz(func(t *testing.T, line string) {
		s, err := Parse(line)
		if err != nil {
			return
		}
		if again, err := Parse(s.Line()); err != nil || again.Line() != s.Line() {
			t.Errorf("%q becomes %v", line, err)
		}
	})
}
