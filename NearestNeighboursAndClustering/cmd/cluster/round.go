package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"imagesimilarity/NearestNeighboursAndClustering/internal/configuration"
	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/quote"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// A data is the content of the files of a round. They are opened in the order of its methods,
// before one is read whole, so that what does not fit together is told at once.
type data struct {
	open       idx.Opener
	imageFile  *idx.ImageFile
	latentFile *idx.LatentFile

	files      results.ClusterRound // without the clusterings
	images     *imageset.Set[uint8]
	latents    *imageset.Set[uint16]
	space      *clustering.Space[uint8]  // of the images
	newSpace   *clustering.Space[uint16] // of the latent vectors
	class      []int32                   // of each image
	labels     []uint8                   // of each image; nil if they are not known
	classCount int
}

// openImages opens the images, which are to be grouped into k clusters, as the file conf says.
func (d *data) openImages(path string, k int, conf string) (err error) {
	if d.imageFile, err = d.open.OpenImages(path); err != nil {
		return err
	}
	n := d.imageFile.N
	switch {
	case n == 0:
		return fmt.Errorf("%s: there are no images in it to cluster", path)
	case n > clustering.MaxImages:
		return fmt.Errorf("%s has %d images; expected at most %d", path, n, clustering.MaxImages)
	}
	return configuration.Check(conf, k, n, path)
}

// openLatents opens the latent vectors of the images.
func (d *data) openLatents(path string) (err error) {
	d.latentFile, err = idx.OpenLatentsOf(d.imageFile, path)
	return err
}

// readClasses reads the classes of the images.
func (d *data) readClasses(path string) (err error) {
	d.files.Classes = path
	d.class, d.classCount, err = clustering.ReadClasses(path, d.imageFile.N)
	if m := (*clustering.MismatchError)(nil); errors.As(err, &m) {
		return fmt.Errorf("%w; the images are those of %s", err, d.imageFile.Name)
	}
	return err
}

// readLabels reads the true labels of the images. It does nothing if path is "".
func (d *data) readLabels(path string) error {
	if path == "" {
		return nil
	}
	f, err := idx.OpenLabelsOf(d.imageFile, path)
	if err != nil {
		return err
	}
	d.files.Labels = path
	d.labels, err = f.Read()
	return err
}

// readImages reads the images, or makes them ready to be read in blocks.
func (d *data) readImages() (err error) {
	if d.images, err = d.imageFile.Set(); err != nil {
		return err
	}
	d.files.Images = results.FileOf(d.imageFile.Name, d.images)
	if d.space, err = clustering.NewSpace(d.images); err != nil {
		return idx.Named(d.imageFile.Name, err)
	}
	return nil
}

// readLatents reads the latent vectors, or makes them ready to be read in blocks.
func (d *data) readLatents() (err error) {
	if d.latents, err = d.latentFile.Set(); err != nil {
		return err
	}
	d.files.Latents = results.FileOf(d.latentFile.Name, d.latents)
	if d.newSpace, err = clustering.NewSpace(d.latents); err != nil {
		return idx.Named(d.latentFile.Name, err)
	}
	return nil
}

// inBlocks returns a line for each file that does not fit into memory, and "" if all do.
func (d *data) inBlocks() string {
	line := func(name string, kept bool, size float64) string {
		if kept {
			return ""
		}
		return fmt.Sprintf("%s has %s, which stay in the file and are read block by block\n",
			quote.Printable(name), memory.Size(size))
	}
	return line(d.imageFile.Name, d.images.Whole() != nil,
		float64(d.images.N)*float64(d.images.Dim())) +
		line(d.latentFile.Name, d.latents.Whole() != nil,
			2*float64(d.latents.N)*float64(d.latents.Dim()))
}

// read reads all files of the first round.
func (opt options) read(k int, open idx.Opener) (*data, error) {
	d, in := &data{open: open}, opt.inputs
	if err := d.openImages(in.original, k, opt.configuration); err != nil {
		return nil, err
	}
	if err := d.openLatents(in.reduced); err != nil {
		return nil, err
	}
	if err := d.readClasses(in.classes); err != nil {
		return nil, err
	}
	if err := d.readLabels(in.labels); err != nil {
		return nil, err
	}
	if err := d.readImages(); err != nil {
		return nil, err
	}
	return d, d.readLatents()
}

// cluster clusters the images of one round, and closes their files. It lets go of the latent
// vectors when their clusters are known.
func (opt options) cluster(d *data, k int) (*results.ClusterRound, error) {
	defer d.images.Close()
	defer d.latents.Close() // again, unless there was an error
	if err := opt.checkMemory(d, k); err != nil {
		return nil, err
	}
	r := d.files
	const newSpace, originalSpace = "the new space", "the original space"
	label, c, err := kMedians(opt, d.newSpace, k, newSpace)
	if err != nil {
		return nil, err
	}
	r.Latents.BlockPasses = d.latents.Passes()
	d.latents.Close()
	d.newSpace, d.latents, d.latentFile = nil, nil, nil
	if r.Reduced, err = opt.judge(d, label, k, newSpace, c); err != nil {
		return nil, err
	}
	if label, c, err = kMedians(opt, d.space, k, originalSpace); err != nil {
		return nil, err
	}
	if r.Original, err = opt.judge(d, label, k, originalSpace, c); err != nil {
		return nil, err
	}
	c = results.Clustering{Seconds: results.Number(math.NaN())}
	if r.Network, err = opt.judge(d, d.class, d.classCount, "the classes", c); err != nil {
		return nil, idx.Named(d.files.Classes, err)
	}
	r.Images.BlockPasses = d.images.Passes()
	opt.display.Phase("comparing the clusters")
	if err := checkCompare(d, k, 0); err != nil {
		return nil, err
	}
	r.Compare()
	if d.labels != nil {
		r.Judge(d.files.Labels, d.labels)
	}
	return &r, opt.checkText(d, k, 0)
}

// checkMemory returns an error if some part of the round will find no memory. The parts before it
// may take hours, and nothing of what they find would be written.
func (opt options) checkMemory(d *data, k int) error {
	n, dim := d.images.N, d.images.Dim()
	more := 0. // bytes in use more than now, as far as they are certain
	check := func(part func(k int, more float64) error, k int, kept float64) func() error {
		return func() error {
			err := part(k, more)
			more += kept
			return err
		}
	}
	judge := func(k int, more float64) error { return clustering.CheckEvaluation(d.space, k, more) }
	labels, judged := clustering.LabelSize(n), clustering.EvaluationSize(k, n, dim)
	for _, part := range []func() error{
		check(d.newSpace.CheckSeed, k, 0),
		check(d.newSpace.CheckLloyd, k, labels-d.newSpace.Size()),
		check(judge, k, judged+d.images.PassSize()),
		check(d.space.CheckSeed, k, 0),
		check(d.space.CheckLloyd, k, labels),
		check(judge, k, judged),
		check(judge, d.classCount, clustering.EvaluationSize(d.classCount, n, dim)),
		func() error { return checkCompare(d, k, more) },
		func() error { return opt.checkText(d, k, more) },
		func() error { return opt.checkPage(n, more) },
	} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// checkCompare returns an error if there is no memory to compare the three clusterings when more
// bytes are in use than now.
func checkCompare(d *data, k int, more float64) error {
	n := d.images.N
	return memory.CheckLater(more, results.CompareSize(n, max(k, d.classCount)),
		"comparing clusters of %s needs", plural.Of(n, "image"))
}

// checkText returns an error if there is no memory for the medians as text when more bytes are in
// use than now.
func (opt options) checkText(d *data, k int, more float64) error {
	medians := 2 * k
	if opt.json != "" {
		medians += medians + d.classCount
	}
	const value = 5 // bytes: three digits, a comma and a blank
	need := value * float64(medians) * float64(d.images.Dim())
	// The buffer may grow to twice its size while it is copied.
	return memory.CheckLater(more, 3*need, "writing %s of %dx%d pixels needs",
		plural.Of(medians, "median"), d.images.Rows, d.images.Cols)
}

// checkPage returns an error if there is no memory for the page or the plots of n images when more
// bytes are in use than now.
func (opt options) checkPage(n int, more float64) error {
	if opt.html == "" && opt.png == "" {
		return nil
	}
	err := memory.CheckLater(more, report.ClusterSize(n),
		"drawing the silhouettes of %s needs", plural.Of(n, "image"))
	if err != nil {
		return err
	}
	return report.CheckMemory(opt.html != "", opt.png != "", more)
}

// kMedians clusters the images in a space, whose name is for the display. It returns the cluster of
// each image, and the passes and the time of Lloyd's iteration. The time is that of the wall clock;
// the original counted processor seconds.
func kMedians[P uint8 | uint16](
	opt options, space *clustering.Space[P], k int, name string,
) (label []int32, c results.Clustering, err error) {
	seeds, err := space.Seed(k, opt.mode, opt.display.Task("seeds in "+name, "clusters"))
	if err != nil {
		return nil, c, err
	}
	tell := opt.display.Passes("k-medians in "+name, "image")
	start := time.Now()
	label, err = space.Lloyd(seeds, opt.mode, func(pass, changed int) {
		c.Passes = pass
		tell(pass, changed)
	})
	c.Seconds = results.Number(time.Since(start).Seconds())
	return label, c, err
}

// judge judges clusters in the original space. name, that of the space in which they were found, is
// for the display. c has the passes and the time that it took to find them.
func (opt options) judge(
	d *data, label []int32, k int, name string, c results.Clustering,
) (results.Clustering, error) {
	judged, err := clustering.Evaluate(d.space, label, k, opt.mode,
		opt.display.Task("silhouettes of "+name, "images of all passes"))
	if err != nil {
		return c, err
	}
	of := results.NewClustering(label, judged, float64(c.Seconds))
	of.Passes = c.Passes
	return of, nil
}

// writeAssignments writes the clusters of every image as a table with tabs between the columns and
// a header. Rounds are counted from 1 and images from 0. Clusters have the numbers of the text,
// from 1, and classes those of the class file, from 0.
func writeAssignments(w io.Writer, rounds []results.ClusterRound) error {
	_, err := io.WriteString(w, "round\timage\tnew_space\toriginal_space\tclass\n")
	if err != nil {
		return err
	}
	var line []byte
	for i := range rounds {
		r := &rounds[i]
		for image, class := range r.Network.Label {
			line = line[:0]
			for _, v := range []int{
				i + 1, image, int(r.Reduced.Label[image]) + 1, int(r.Original.Label[image]) + 1,
			} {
				line = append(strconv.AppendInt(line, int64(v), 10), '\t')
			}
			line = append(strconv.AppendInt(line, int64(class), 10), '\n')
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// found returns what was found in the last round, in a few lines for the person at the screen.
func found(run *results.Cluster) string {
	r := &run.Rounds[len(run.Rounds)-1]
	text := ""
	if n := len(run.Rounds); n > 1 {
		text = fmt.Sprintf("Last of %d rounds:\n", n)
	}
	text += fmt.Sprintf("Images: %d, clusters: %d\n", r.Images.Images, run.Settings.Clusters)
	for _, c := range []struct {
		name string
		*results.Clustering
	}{
		{"new space", &r.Reduced}, {"original space", &r.Original}, {"classes as clusters", &r.Network},
	} {
		text += fmt.Sprintf("%s: silhouette %s, objective %s", c.name,
			libstdcxx.Double(float64(c.Average)), libstdcxx.Double(float64(c.Objective)))
		if c.Truth != nil {
			text += fmt.Sprintf(", purity %s, adjusted Rand index %s",
				libstdcxx.Double(float64(c.Truth.Purity)),
				libstdcxx.Double(float64(c.Truth.AdjustedRand)))
		}
		text += "\n"
	}
	for _, f := range []results.File{r.Latents, r.Images} {
		if f.BlockPasses > 0 {
			text += fmt.Sprintf("%s: read %d times\n", quote.Printable(f.Name), f.BlockPasses)
		}
	}
	return text
}
