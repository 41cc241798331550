package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/results"
)

const (
	maxPoints  = 2000      // points of the scatter
	maxSheet   = 1_600_000 // pixels of the pictures behind them
	badLatents = "report: a latent vector is needed for each point"
	badHistory = "report: training loss and validation loss need a value an epoch"
	badExample = "report: a reconstruction needs an input and an output of the images' size"
)

// Points returns the images, evenly spread, whose latent vectors a page has room for.
func Points(m *imageset.Images[uint8]) []int {
	_, h, w := shrink(make([]uint8, m.Dim()), m.Rows, m.Cols)
	return sample(m.N, min(maxPoints, maxSheet/(h*w)))
}

// Examples returns the images, evenly spread, whose reconstructions a page shows.
func Examples(m *imageset.Images[uint8]) []int { return sample(m.N, examples) }

// NewReduce returns the page of a run of reduce, without its rounds.
func NewReduce(run *results.Reduce) *Page {
	s := run.Settings
	return newPage("Images as short vectors", run.Header,
		Fact{"dataset", run.Dataset.Name},
		Fact{"query set", run.Queryset.Name},
		Fact{"their vectors", s.DatasetLatents + ", " + s.QuerysetLatents},
		Fact{"seed", fmt.Sprint(s.Seed)})
}

// AddReduce appends the sections of one autoencoder. images is the dataset.
func (p *Page) AddReduce(round *results.Autoencoder, images Images) {
	if !p.round() {
		return
	}
	var facts []Fact
	if round.Answers == nil {
		facts = append(facts, Fact{"model", round.Loaded})
	} else {
		a := round.Answers
		facts = append(facts,
			layersFact(a.Encoder),
			Fact{"embedding", fmt.Sprint(a.Embedding)},
			Fact{"epochs", fmt.Sprint(a.Epochs)},
			Fact{"batch size", fmt.Sprint(a.Batch)})
	}
	if a := round.Answers; a != nil {
		p.compare(slices.Concat(encoderFacts(a.Encoder, a.Embedding), []Fact{
			{"epochs", fmt.Sprint(a.Epochs)}, {"batch size", fmt.Sprint(a.Batch)},
		}, lossFacts(round.Training)))
	}
	facts = append(facts, Fact{"images",
		fmt.Sprintf("%d of %d × %d pixels", images.N, images.Rows, images.Cols)})
	p.add("network", "The network", execute("network", map[string]any{
		"Facts": facts, "Plots": trainingPlots(round.Training),
	}))
	if len(round.Points) > 0 {
		p.add("latents", "Latent space", scatter(round, images))
	}
	if len(round.Reconstructions) > 0 {
		cards := make([]card, len(round.Reconstructions))
		for i, c := range round.Reconstructions {
			cards[i] = reconstruction(c, images)
		}
		p.add("reconstructions", "Reconstructions", execute("gallery", map[string]any{
			"Text": "Images, what the network gets of them, and what it makes of that; both drawn " +
				"on the scale of the input.",
			"Cards": cards,
		}))
	}
}

// layersFact describes the convolutional layers, with the filters as Python shows a list.
func layersFact(e results.Encoder) Fact {
	if len(e.Filters) == 0 {
		return Fact{"encoder", "that of the model file"}
	}
	filters := strings.ReplaceAll(fmt.Sprint(e.Filters), " ", ", ")
	return Fact{"convolutional layers", fmt.Sprintf("%d, filters %s of %d × %d",
		len(e.Filters), filters, e.FilterSize, e.FilterSize)}
}

// reconstruction shows an image, the input and the output of the network.
func reconstruction(c results.Reconstruction, images Images) card {
	if len(c.Input) != images.Dim() || len(c.Output) != images.Dim() {
		panic(badExample)
	}
	rows, cols := images.Rows, images.Cols
	name, top := called(c.Image, images.Labels), slices.Max(c.Input)
	return card{Title: name, Tiles: []tile{
		{
			Picture: picture(images.At(c.Image), rows, cols),
			Alt:     name, Lines: []string{"original"},
		},
		{
			Picture: picture(grey(c.Input, top), rows, cols),
			Alt:     "the same as input of the network", Lines: []string{"input"},
		},
		{
			Picture: picture(grey(c.Output, top), rows, cols),
			Alt:     "the output of the network", Lines: []string{"output"},
		},
	}}
}

// trainingPlots draws the losses of a training, which is nil if there was none.
func trainingPlots(t *results.Training) []drawing {
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
	curves := []curve{{"training data", t.Loss}, {"validation data", t.ValLoss}}
	return []drawing{{Drawing: losses("Loss curves", curves, marks...), Caption: caption}}
}

// grey scales values from 0 to top to grey levels.
func grey(values []float32, top float32) []uint8 {
	pix := make([]uint8, len(values))
	for i, v := range values {
		if level := math.Round(float64(v) / float64(top) * 255); level > 0 { // false for NaN, too
			pix[i] = uint8(min(level, 255))
		}
	}
	return pix
}

// scatter draws the latent vectors in the plane of their two principal components, and holds the
// pictures for the script that shows them.
func scatter(round *results.Autoencoder, images Images) template.HTML {
	const size = 600 // of the drawing, with a margin for the dots at its edge
	const margin = 8
	points, vectors := finitePoints(round, images.Labels)
	if len(points) == 0 {
		return execute("notice", "No latent vector is finite.")
	}

	place, share := plane(vectors)
	low := [2]float64{math.Inf(1), math.Inf(1)}
	high := [2]float64{math.Inf(-1), math.Inf(-1)}
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
	different := labels(images.Labels[:min(len(images.Labels), images.N)])
	for i, at := range place {
		x := margin + float64((at[0]-low[0])*scale)
		y := margin + float64((high[1]-at[1])*scale)
		fmt.Fprintf(&dots, `<circle cx="%.1f" cy="%.1f" r="4"/>`, x, y)
		names = append(names, called(points[i], images.Labels))
		l := labelOf(points[i], images.Labels)
		if i+1 == len(points) || labelOf(points[i+1], images.Labels) != l {
			g := group{Dots: template.HTML(dots.String()), Colour: "var(--c0)"}
			if l >= 0 {
				g.Label = fmt.Sprint(l)
				g.Colour = colour(slices.Index(different, uint8(l)), len(different))
			}
			groups = append(groups, g)
			dots.Reset()
		}
	}
	return execute("scatter", map[string]any{
		"Groups": groups, "Names": strings.Join(names, "|"),
		"Sheet":  sprites(images.Images, points),
		"Width":  margin*2 + math.Ceil((high[0]-low[0])*scale),
		"Height": margin*2 + math.Ceil((high[1]-low[1])*scale),
		"Shown":  len(points), "Images": images.N, "Dimensions": len(vectors[0]),
		"Share": percent(int(math.Round(1000*share)), 1000), "Labelled": len(different) > 0,
	})
}

// finitePoints returns the images whose latent vectors are finite, and these vectors. Points of
// one label stand together, so that the page gives their colour once.
func finitePoints(
	round *results.Autoencoder, labels []uint8,
) (points []int, vectors []results.Values) {
	if len(round.Latents) != len(round.Points) {
		panic(badLatents)
	}
	order := sample(len(round.Points), len(round.Points))
	slices.SortStableFunc(order, func(a, b int) int {
		return labelOf(round.Points[a], labels) - labelOf(round.Points[b], labels)
	})
	for _, i := range order {
		v := round.Latents[i]
		if !slices.ContainsFunc(v, notFinite) {
			points, vectors = append(points, round.Points[i]), append(vectors, v)
		}
	}
	return points, vectors
}

func notFinite(v float32) bool {
	return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0)
}

// labelOf returns the label of image i, and -1 if it is not known.
func labelOf(i int, labels []uint8) int {
	if i < len(labels) {
		return int(labels[i])
	}
	return -1
}

// labels returns the different labels, ascending.
func labels(all []uint8) []uint8 {
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// colour returns the colour of kind i of n. Up to ten kinds have the colours of the style sheet;
// more are spread over the colour circle.
func colour(i, n int) template.CSS {
	if n <= len(series) {
		return template.CSS(fmt.Sprintf("var(--c%d)", i))
	}
	return template.CSS(fmt.Sprintf("hsl(%d 60%% 50%%)", i*360/n))
}

// plane returns the place of each vector in the plane of the two principal components, which are
// the directions of the largest variance, and the share of the variance that lies in that plane.
// One dimension gives a line.
//
// The components come from orthogonal iteration on the scatter matrix (Golub & Van Loan, Matrix
// Computations, 4th edition, 8.2.4). If variances are nearly equal, it may end between their
// directions; that plane shows as much of the variance.
func plane(vectors []results.Values) ([][2]float64, float64) {
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

	// Any two directions serve to which no component is orthogonal.
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

// orthonormal makes a and b directions of length 1 at right angles. A direction gets length 0 if
// it is 0 or, for b, parallel to a.
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
