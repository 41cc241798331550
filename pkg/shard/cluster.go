package shard

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/results"
)

// A Request is a stage that all shards, or some, are to answer for.
type Request struct {
	What   string            `json:"what"`             // for the progress
	Stage  string            `json:"stage"`            // its name on the command line of shard
	Flags  []string          `json:"flags,omitempty"`  // its flags but those with files
	Files  map[string]string `json:"files,omitempty"`  // by flag; they are on this machine
	Spaces []Space           `json:"spaces"`           // that the stage reads
	Shards string            `json:"shards,omitempty"` // file of their lines; "" for all shards
}

// A Clusterer clusters a data set that lies in shards. It makes the passes, and asks for what the
// shards answer.
type Clusterer struct {
	Shards []Shard
	Folder string // for files that the requests name
	Mode   clustering.Mode
	Ask    func(*Request) (Result, error)

	files int
}

// Cluster clusters the images in both spaces and judges these clusters and the classes, as cluster
// does. The round is without the files and without what is told of each image.
func (c *Clusterer) Cluster(k int, classes []int32, classCount int) (*results.ClusterRound, error) {
	n := c.Shards[0].Total
	if n > clustering.MaxImages {
		return nil, fmt.Errorf("there are %d images; expected at most %d", n, clustering.MaxImages)
	}
	if err := clustering.CheckClusters(k, int(n)); err != nil {
		return nil, err
	}
	round := new(results.ClusterRound)
	err := kMedians[uint16](c, &round.Reduced, k, Latents, "the new space")
	if err != nil {
		return nil, err
	}
	if err := kMedians[uint8](c, &round.Original, k, Pixels, "the original space"); err != nil {
		return nil, err
	}
	labelled, err := c.labelled(classes)
	if err != nil {
		return nil, err
	}
	e, err := c.evaluate(&Request{
		Flags: []string{"-clusters", fmt.Sprint(classCount)}, Shards: labelled,
	}, nil, classCount, "the classes")
	if err != nil {
		return nil, err
	}
	round.Network = results.NewClustering(nil, e, math.NaN())
	return round, nil
}

// file returns the name of a new file in the folder.
func (c *Clusterer) file() string {
	c.files++
	return filepath.Join(c.Folder, fmt.Sprint(c.files))
}

// lines writes lines into a new file and returns its name.
func (c *Clusterer) lines(n int, line func(i int) string) (string, error) {
	name := c.file()
	f, err := os.Create(name)
	if err != nil {
		return "", fmt.Errorf("cannot %w", err)
	}
	defer f.Close()
	for i := range n {
		if _, err := f.WriteString(line(i) + "\n"); err != nil {
			return "", fmt.Errorf("cannot %w", err)
		}
	}
	return name, f.Close()
}

// labelled returns the file of the shards with the classes of their images.
func (c *Clusterer) labelled(classes []int32) (string, error) {
	return c.lines(len(c.Shards), func(i int) string {
		s := c.Shards[i]
		for _, class := range classes[s.First:][:s.N] {
			s.Labels = binary.AppendUvarint(s.Labels, uint64(class))
		}
		return s.Line()
	})
}

// write writes images or latent vectors into a new file.
func write[P uint8 | uint16](c *Clusterer, m *imageset.Images[P]) (name string, err error) {
	name = c.file()
	switch m := any(m).(type) {
	case *imageset.Images[uint8]:
		err = idx.WriteImages(name, m)
	case *imageset.Images[uint16]:
		err = idx.WriteLatents(name, m)
	}
	return name, err
}

// pick returns the images at index, in that order.
func pick[P uint8 | uint16](c *Clusterer, space Space, index []int, what string) (
	*imageset.Images[P], error) {

	some, err := pickShard(c.Shards, space, index)
	if err != nil {
		return nil, err
	}
	name, err := c.lines(1, func(int) string { return some.Line() })
	if err != nil {
		return nil, err
	}
	r := &Request{What: what, Stage: "sample", Spaces: []Space{space}, Shards: name}
	if space == Latents {
		r.Flags = []string{"-latents"}
	}
	found, err := c.Ask(r)
	if err != nil {
		return nil, err
	}
	return sampleOf[P](found)
}

// pickShard returns images as a shard of their own.
func pickShard(shards []Shard, space Space, index []int) (*Shard, error) {
	one := &Shard{Of: 1, N: len(index), Total: int64(len(index)), Data: shards[0].Data}
	v := &Values{}
	for _, i := range index {
		at := int64(i) * int64(len(shards)) / shards[0].Total // a guess
		for at > 0 && shards[at].First > int64(i) {
			at--
		}
		for shards[at].First+int64(shards[at].N) <= int64(i) {
			at++
		}
		s := &shards[at]
		from, width := s.Images, int64(1)
		if space == Latents {
			from, width = s.Latents, 2
		}
		if from == nil {
			return nil, fmt.Errorf("shard %d has no %s", s.Shard, space)
		}
		v.Rows, v.Cols = from.Rows, from.Cols
		bytes := int64(v.Rows) * int64(v.Cols) * width
		skip := (int64(i) - s.First) * bytes
		for _, r := range from.Ranges {
			if skip < r.Bytes {
				v.Ranges = append(v.Ranges, Range{r.File, r.Offset + skip, bytes, r.Size, r.Modified})
				break
			}
			skip -= r.Bytes
		}
	}
	if space == Latents {
		one.Latents = v
	} else {
		one.Images = v
	}
	return one, nil
}

// kMedians clusters the images in a space and judges the clusters.
func kMedians[P uint8 | uint16](c *Clusterer, to *results.Clustering, k int, space Space,
	name string) error {

	n := int(c.Shards[0].Total)
	err := memory.Check(float64(4*n)+float64(16*n/1000), "the distances of %s need",
		plural.Of(n, "image"))
	if err != nil {
		return err
	}
	var latents []string
	if space == Latents {
		latents = []string{"-latents"}
	}
	what := "seeds in " + name
	seeds, err := clustering.SeedBy(n, k, c.Mode, nil, func(newest int, nearest []uint32) error {
		image, err := pick[P](c, space, []int{newest}, what)
		if err != nil {
			return err
		}
		file, err := write(c, image)
		if err != nil {
			return err
		}
		found, err := c.Ask(&Request{
			What: what, Stage: "distances", Flags: latents, Spaces: []Space{space},
			Files: map[string]string{"-image": file},
		})
		if err != nil {
			return err
		}
		return c.lower(found, nearest)
	})
	if err != nil {
		return err
	}
	start := time.Now()
	now, err := pick[P](c, space, seeds, what)
	if err != nil {
		return err
	}
	what = "k-medians in " + name
	var counted Result // of the clusters: the sum of the changes of all passes
	file, before := "", ""
	passes := 0
	err = clustering.Iterate(c.Mode, func(pass, _ int) { passes = pass }, func() (int, error) {
		before = file
		if file, err = write(c, now); err != nil {
			return 0, err
		}
		assigned := &Request{
			What: fmt.Sprintf("%s, pass %d", what, passes+1), Stage: "assign", Flags: latents,
			Files: map[string]string{"-centroids": file}, Spaces: []Space{space},
		}
		if before != "" {
			assigned.Files["-before"] = before
		}
		found, err := c.Ask(assigned)
		if err != nil {
			return 0, err
		}
		if counted, err = counted.changed(found, k); err != nil {
			return 0, err
		}
		changed, err := found.counts("changed", 1)
		if err != nil {
			return 0, err
		}
		return int(changed[0]), nil
	}, func() error {
		return medians(now, counted)
	})
	if err != nil {
		return err
	}
	seconds := time.Since(start).Seconds()
	labels := &Request{Flags: latents, Files: map[string]string{"-centroids": file}}
	if space == Latents {
		labels.Spaces = []Space{Latents}
		counted = nil // in the new space
	}
	e, err := c.evaluate(labels, counted, k, name)
	if err != nil {
		return err
	}
	*to = results.NewClustering(nil, e, seconds)
	to.Passes = passes
	return nil
}

// lower lowers the distances of all images to those that the shards have found.
func (c *Clusterer) lower(found Result, nearest []uint32) error {
	answers, err := found.parts("distances")
	if err != nil {
		return err
	}
	for i, a := range answers {
		s := &c.Shards[i]
		r := reader{b: a.Value}
		for j := range nearest[s.First:][:s.N] {
			d := r.uvarint()
			if d > math.MaxUint32 {
				r.bad = true
			}
			nearest[s.First+int64(j)] = min(nearest[s.First+int64(j)], uint32(d))
		}
		if r.bad || len(r.b) > 0 {
			return fmt.Errorf("%s: the value has no distances of %d images", a.Key(), s.N)
		}
	}
	return nil
}

// changed adds the changes in found to r, the counts of k clusters, or nil before the first.
func (r Result) changed(found Result, k int) (Result, error) {
	changes, err := found.answers("counts")
	if err != nil {
		return nil, err
	}
	if len(changes) != k {
		return nil, fmt.Errorf("histograms of %d clusters; expected %d", len(changes), k)
	}
	if r == nil {
		return Result{"counts": changes}, nil
	}
	for i, a := range r["counts"] {
		if a.Value, err = mergeHistograms(a.Value, changes[i].Value); err != nil {
			return nil, fmt.Errorf("%s: %w", a.Key(), err)
		}
	}
	return r, nil
}

// medians sets the centroids to the medians of their clusters, which have been counted.
func medians[P uint8 | uint16](centroids *imageset.Images[P], counted Result) error {
	counts := make([]clustering.Histogram, centroids.Dim())
	for i, a := range counted["counts"] {
		var median *clustering.Median[P]
		for _, shift := range clustering.Shifts[P]() {
			size, err := readHistograms(a.Value, counts, centroids.At(i), shift)
			if err != nil {
				return fmt.Errorf("%s: %w", a.Key(), err)
			}
			if median == nil {
				median = clustering.NewMedian(centroids.At(i), size)
			}
			median.Rank(counts, shift)
		}
	}
	return nil
}

// evaluate judges clusters. labels has the flags, files, spaces and shards by which stages find the
// cluster of each image. counted has the histograms of the clusters in the original space, or is
// nil.
func (c *Clusterer) evaluate(labels *Request, counted Result, k int, name string) (
	*clustering.Evaluation, error) {

	ask := func(stage string, files map[string]string, flags ...string) (Result, error) {
		r := *labels
		r.What, r.Stage = "silhouettes of "+name, stage
		r.Flags = append(append([]string{}, labels.Flags...), flags...)
		r.Files = map[string]string{}
		for _, some := range []map[string]string{labels.Files, files} {
			for flag, file := range some {
				r.Files[flag] = file
			}
		}
		r.Spaces = append([]Space{Pixels}, labels.Spaces...)
		return c.Ask(&r)
	}
	var err error
	if counted == nil {
		if counted, err = ask("count", nil); err != nil {
			return nil, err
		}
	}
	answers, err := counted.answers("counts")
	if err != nil {
		return nil, err
	}
	if len(answers) != k {
		return nil, fmt.Errorf("histograms of %d clusters; expected %d", len(answers), k)
	}
	v := c.Shards[0].Images
	e := &clustering.Evaluation{
		Sizes: make([]int, k), Silhouette: make([]float64, k),
		Centroids: &imageset.Images[uint8]{
			N: k, Rows: v.Rows, Cols: v.Cols, Pix: make([]uint8, k*v.Rows*v.Cols),
		},
	}
	counts := make([]clustering.Histogram, v.Rows*v.Cols)
	for i, a := range answers {
		e.Sizes[i], err = readHistograms(a.Value, counts, e.Centroids.At(i), 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.Key(), err)
		}
		clustering.NewMedian(e.Centroids.At(i), e.Sizes[i]).Rank(counts, 0)
	}
	medians, err := write(c, e.Centroids)
	if err != nil {
		return nil, err
	}
	histograms, err := c.lines(k, func(i int) string { return answers[i].Line() })
	if err != nil {
		return nil, err
	}
	var mode []string
	if c.Mode == clustering.Textbook {
		mode = []string{"-textbook"}
	}
	judged, err := ask("judge",
		map[string]string{"-medians": medians, "-counts": histograms}, mode...)
	if err != nil {
		return nil, err
	}
	parts, err := judged.parts("judge")
	if err != nil {
		return nil, err
	}
	for i, a := range parts {
		if err := readJudged(a, c.Shards[i].N, e); err != nil {
			return nil, err
		}
	}
	e.Mean()
	return e, nil
}

// parts returns the answers of a stage whose blocks are the shards.
func (r Result) parts(stage string) ([]*Answer, error) {
	list := r[stage]
	if len(list) == 0 {
		return nil, fmt.Errorf("there are no answers of the stage %q", stage)
	}
	of := list[0].Shards.Of
	for i := range of {
		if i >= len(list) || list[i].Block != i {
			return nil, fmt.Errorf("%s: the answer of shard %d of %d is missing", stage, i, of)
		}
		if list[i].Run != list[0].Run {
			return nil, fmt.Errorf("answers %s and %s are of different runs, %s and %s",
				list[0].Key(), list[i].Key(), list[0].Run, list[i].Run)
		}
	}
	return list, nil
}
