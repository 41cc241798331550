package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"imagesimilarity/pkg/imageset"
)

const (
	maxPoints         = 2000      // points of the scatter
	maxSheet          = 1_600_000 // pixels of the pictures behind them
	badLatents        = "report: a latent vector is needed for each point"
	badHistory        = "report: training loss and validation loss need a value an epoch"
	badReconstruction = "report: an input and an output of the images' size are needed for each reconstruction"
)

// Training is what the training of a network left.
type Training struct {
	Loss, ValLoss []float64 // one value an epoch
	Phases        []int     // epochs of each phase, where there is more than one
}

// Reduce is one autoencoder.
type Reduce struct {
	Facts           []Fact
	Training        *Training // nil for a network that was read from a file
	Images          *imageset.Images[uint8]
	Labels          []uint8   // nil where they are not known
	Points          []int     // the images whose latent vectors are shown; see Points
	Latents         []float32 // (len(Points), dimensions); values that are not finite are not shown
	Reconstructions []Reconstruction
}

// Points is a choice of images, evenly spread, whose latent vectors a page has room for.
func Points(m *imageset.Images[uint8]) []int {
	_, h, w := shrink(make([]uint8, m.Dim()), m.Rows, m.Cols)
	return sample(m.N, min(maxPoints, maxSheet/(h*w)))
}

// Examples is a choice of images, evenly spread, for reconstructions.
func Examples(m *imageset.Images[uint8]) []int { return sample(m.N, examples) }

// A Reconstruction is an image as the autoencoder gets it and what it makes of it, both (rows, cols) and of one scale.
type Reconstruction struct {
	Index         int // of the image
	Input, Output []float32
}

// AddReduce appends the sections of one autoencoder.
func (p *Page) AddReduce(r Reduce) {
	p.round()
	p.add("network", "The network", execute("network", map[string]any{"Facts": r.Facts, "Plots": r.Training.plots()}))
	if len(r.Points) > 0 {
		p.add("latents", "Latent space", r.scatter())
	}
	if len(r.Reconstructions) > 0 {
		cards := make([]card, len(r.Reconstructions))
		for i, c := range r.Reconstructions {
			if len(c.Input) != r.Images.Dim() || len(c.Output) != r.Images.Dim() {
				panic(badReconstruction)
			}
			rows, cols := r.Images.Rows, r.Images.Cols
			top := slices.Max(c.Input)
			cards[i] = card{Title: called(c.Index, r.Labels), Tiles: []tile{
				{Picture: picture(r.Images.At(c.Index), rows, cols), Alt: called(c.Index, r.Labels), Lines: []string{"original"}},
				{Picture: picture(grey(c.Input, top), rows, cols), Alt: "the same as input of the network", Lines: []string{"input"}},
				{Picture: picture(grey(c.Output, top), rows, cols), Alt: "the output of the network", Lines: []string{"output"}},
			}}
		}
		p.add("reconstructions", "Reconstructions", execute("gallery", map[string]any{
			"Text":  "Images, what the network gets of them, and what it makes of that; both drawn on the scale of the input.",
			"Cards": cards,
		}))
	}
}

// plots draws the losses of a training; there are none where there was no training.
func (t *Training) plots() []drawing {
	if t == nil || len(t.Loss) == 0 {
		return nil
	}
	if len(t.ValLoss) != len(t.Loss) {
		panic(badHistory)
	}
	caption := "Loss after every epoch."
	var marks []int
	if len(t.Phases) > 1 {
		caption += " The dashed line parts the phases."
		marks = t.Phases[:len(t.Phases)-1]
	}
	return []drawing{{
		Drawing: losses("Loss curves", []curve{{"training data", t.Loss}, {"validation data", t.ValLoss}}, marks...),
		Caption: caption,
	}}
}

// grey scales values from 0 to top to grey levels.
func grey(values []float32, top float32) []uint8 {
	pix := make([]uint8, len(values))
	for i, v := range values {
		if level := math.Round(float64(v) / float64(top) * 255); level > 0 { // false for what is not a number, too
			pix[i] = uint8(min(level, 255))
		}
	}
	return pix
}

// scatter draws the latent vectors in the plane of their two principal components, with the pictures for the script that shows them.
func (r Reduce) scatter() template.HTML {
	if len(r.Latents)%len(r.Points) != 0 {
		panic(badLatents)
	}
	const size = 600 // of the drawing, with a margin for the dots at its edge
	const margin = 8
	dim := len(r.Latents) / len(r.Points)
	label := func(i int) int {
		if i < len(r.Labels) {
			return int(r.Labels[i])
		}
		return -1
	}
	// Points of one label stand together, so that the colour is told once.
	order := sample(len(r.Points), len(r.Points))
	slices.SortStableFunc(order, func(a, b int) int { return label(r.Points[a]) - label(r.Points[b]) })
	var points []int
	var vectors [][]float32
	for _, i := range order {
		v := r.Latents[i*dim : (i+1)*dim]
		if !slices.ContainsFunc(v, func(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) }) {
			points, vectors = append(points, r.Points[i]), append(vectors, v)
		}
	}
	if len(points) == 0 {
		return execute("notice", "No latent vector is finite.")
	}

	place, share := plane(vectors)
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, at := range place {
		for c, v := range at {
			low[c], high[c] = min(low[c], v), max(high[c], v)
		}
	}
	extent := max(high[0]-low[0], high[1]-low[1]) // both directions have one scale
	if extent == 0 {
		extent = 1
	}
	scale := (size - 2*margin) / extent
	type group struct {
		Label  string
		Colour template.CSS
		Dots   template.HTML
	}
	var groups []group
	var names []string
	var dots strings.Builder
	different := labels(r.Labels[:min(len(r.Labels), r.Images.N)])
	for i, at := range place {
		fmt.Fprintf(&dots, `<circle cx="%.1f" cy="%.1f" r="4"/>`, margin+float64((at[0]-low[0])*scale), margin+float64((high[1]-at[1])*scale))
		names = append(names, called(points[i], r.Labels))
		if l := label(points[i]); i+1 == len(points) || label(points[i+1]) != l {
			g := group{Dots: template.HTML(dots.String()), Colour: "var(--c0)"}
			if l >= 0 {
				g.Label, g.Colour = fmt.Sprint(l), colour(slices.Index(different, uint8(l)), len(different))
			}
			groups = append(groups, g)
			dots.Reset()
		}
	}
	return execute("scatter", map[string]any{
		"Groups": groups, "Names": strings.Join(names, "|"), "Sheet": sprites(r.Images, points),
		"Width": margin*2 + math.Ceil((high[0]-low[0])*scale), "Height": margin*2 + math.Ceil((high[1]-low[1])*scale),
		"Shown": len(points), "Images": r.Images.N, "Dimensions": dim,
		"Share": percent(int(math.Round(1000*share)), 1000), "Labelled": len(different) > 0,
	})
}

// labels is the different labels, ascending.
func labels(all []uint8) []uint8 {
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// colour is the colour of kind i of n: up to ten from the style sheet, more are spread over the colour circle.
func colour(i, n int) template.CSS {
	if n <= len(series) {
		return template.CSS(fmt.Sprintf("var(--c%d)", i))
	}
	return template.CSS(fmt.Sprintf("hsl(%d 60%% 50%%)", i*360/n))
}

// plane is the place of each of the vectors in the plane of their two principal components, the directions of the largest variance,
// and the share of the variance that lies in that plane. One dimension gives a line.
//
// The components come from orthogonal iteration on the scatter matrix (Golub & Van Loan, Matrix Computations, 4th edition, 8.2.4).
// Where variances are nearly equal it may end between their directions, which shows as much.
func plane(vectors [][]float32) ([][2]float64, float64) {
	const rounds = 60
	d := len(vectors[0])
	mean := make([]float64, d)
	for _, vector := range vectors {
		for j, v := range vector {
			mean[j] += float64(v)
		}
	}
	for j := range mean {
		mean[j] /= float64(len(vectors))
	}
	total := 0.0
	for _, vector := range vectors {
		for j, v := range vector {
			x := float64(v) - mean[j]
			total += float64(x * x)
		}
	}

	// Two directions that nothing is orthogonal to but by accident.
	var axes [2][]float64
	for c := range axes {
		axes[c] = make([]float64, d)
		for j := range axes[c] {
			axes[c][j] = 1 / float64(1+(j+c)%(3+c))
		}
	}
	place := make([][2]float64, len(vectors))
	project := func() {
		for n, vector := range vectors {
			place[n] = [2]float64{}
			for j, v := range vector {
				x := float64(v) - mean[j]
				place[n][0] += float64(x * axes[0][j])
				place[n][1] += float64(x * axes[1][j])
			}
		}
	}
	orthonormal(axes[0], axes[1])
	for range rounds {
		project()
		clear(axes[0])
		clear(axes[1])
		for n, vector := range vectors {
			for j, v := range vector {
				x := float64(v) - mean[j]
				axes[0][j] += float64(x * place[n][0])
				axes[1][j] += float64(x * place[n][1])
			}
		}
		orthonormal(axes[0], axes[1])
	}
	project()

	// The sign of a direction is free: its largest value is made positive.
	for c, axis := range axes {
		largest := 0
		for j, v := range axis {
			if math.Abs(v) > math.Abs(axis[largest]) {
				largest = j
			}
		}
		if axis[largest] < 0 {
			for n := range place {
				place[n][c] = -place[n][c]
			}
		}
	}
	inside := 0.0
	for _, at := range place {
		inside += float64(at[0]*at[0]) + float64(at[1]*at[1])
	}
	if total == 0 {
		return place, 1
	}
	return place, inside / total
}

// orthonormal makes two directions of length 1 at right angles of a and b, or of length 0 where they have no direction of their own.
func orthonormal(a, b []float64) {
	unit(a)
	dot := 0.0
	for j := range a {
		dot += float64(a[j] * b[j])
	}
	length := norm(b)
	for j := range b {
		b[j] -= float64(dot * a[j])
	}
	if norm(b) <= 1e-9*length { // what is left is rounding
		clear(b)
	}
	unit(b)
}

func norm(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x * x)
	}
	return math.Sqrt(sum)
}

func unit(v []float64) {
	if n := norm(v); n > 0 {
		for j := range v {
			v[j] /= n
		}
	}
}
