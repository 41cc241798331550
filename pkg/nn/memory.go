package nn

import (
	"math"
	"runtime"

	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/plural"
)

// A Size counts the values that a layer needs: numbers of four bytes.
type Size struct {
	Parameters float64 // of its weights
	Values     float64 // kept for each sample until the gradient is known
	Window     float64 // of a convolution's filters, spread over the upsampling before it
	Scratch    float64 // of a core while it computes the layer
}

// Sizes connects layers like Connect and estimates what each of them needs. It takes layers of any
// size: floating point numbers do not overflow.
func Sizes(layers []*Layer) ([]Size, error) {
	specs, err := connect(layers, math.Inf(1))
	if err != nil {
		return nil, err
	}
	sizes := make([]Size, len(layers))
	for i, l := range layers {
		for _, s := range specs[i] {
			sizes[i].Parameters += values(s.Shape)
		}
		sizes[i].Values = float64(classes[l.Class].kept) * values(l.Output)
		if classes[l.Class].image && l.Kernel[0] > 0 && len(l.Output) == 3 {
			sizes[i].convolution(l, InputsOf(layers, i)[0])
		}
	}
	return sizes, nil
}

// convolution sets what a convolution of the output of layer in needs beyond its weights and
// outputs. It is what the CPU engine takes, or somewhat more.
func (s *Size) convolution(l, in *Layer) {
	const (
		group = 8    // images whose gradients a core computes together
		room  = 8    // rows and columns around an image to which tiles may reach
		tiles = 64   // of 4x4 pixels that are computed together
		fixed = 1e5  // whatever the sizes
		plane = 36.0 // elements of a tile
	)
	dimensions := func(rows, cols, channels int) (h, w, c float64) {
		return float64(rows), float64(cols), float64(channels)
	}
	h, w, c := dimensions(l.image(in.Output))
	outH, outW, f := dimensions(l.image(l.Output))
	h, w = max(h, outH), max(w, outW)
	kh, kw := float64(l.Kernel[0]), float64(l.Kernel[1])
	span := kh * kw
	if in.Class == UpSampling2D { // the engine spreads the filters instead of the image
		span = (kh - 1 + float64(in.Size[0])) * (kw - 1 + float64(in.Size[1]))
	}
	s.Window = span * c * f
	frame := (h + max(kh, room)) * (w + max(kw, room))
	s.Scratch = float64((group+2)*h*w*f) + float64(group*frame*(c+f)) + fixed
	switch {
	case f == 1:
		s.Scratch += float64(h * w * span)
	case kh == 3 && kw == 3:
		s.Scratch += float64(plane * max(tiles, frame/16) * (c + 2*f))
	}
}

// What is needed for each parameter and for each value of a convolution's window.
const (
	// the weight, its gradient and its transpose, two moments, and a copy from before the epoch
	perParameter = 6
	// filters as each network computes with them, which 36/9 tiles make four of, and their
	// gradients
	perWindow = 14
)

// TrainingMemory returns the bytes that a training needs with its weights, for batches of batch
// samples and of evaluation samples to validate.
func TrainingMemory(sizes []Size, batch, evaluation int) float64 {
	groups := math.Ceil(float64(batch) / 8) // each has its sums of a filter's gradients
	need, scratch := 0.0, 0.0
	for _, s := range sizes {
		need += float64(perParameter*s.Parameters) + float64((perWindow+groups)*s.Window) +
			float64((2*float64(batch)+float64(evaluation))*s.Values)
		scratch = max(scratch, s.Scratch)
	}
	return 4 * (need + float64(float64(2*runtime.GOMAXPROCS(0))*scratch))
}

// PredictionMemory returns the bytes that a prediction of the last of some layers needs in batches
// of batch samples, without weights and results. It connects the layers, which need no weights yet.
// If they do not fit together, no memory is enough.
func PredictionMemory(layers []*Layer, batch int) float64 {
	const (
		small, large = 16, 64  // samples that a core takes through all layers together
		cached       = 1 << 18 // with more weights it takes the large number
		most         = 1 << 24 // values that it then has at most, if that is more than one sample
	)
	specs, err := connect(layers, math.Inf(1))
	if err != nil {
		return math.Inf(1)
	}
	need, scratch, weights := 0.0, 0.0, 0.0
	for i, l := range layers {
		for _, s := range specs[i] {
			weights += values(s.Shape)
		}
		filters, s := predicting(l, InputsOf(layers, i), specs[i])
		need += filters
		scratch = max(scratch, s)
	}
	width := widest(layers)
	group := small
	if weights > cached {
		group = large
	}
	width = max(width, min(float64(min(group, batch))*width, most))
	need += float64(float64(batch) * values(layers[len(layers)-1].Output))
	return 4 * (need + float64(float64(runtime.GOMAXPROCS(0))*(width+scratch)))
}

// widest returns the most values that are in use at a time while one sample goes through the
// layers: what later layers take, what a layer puts out, and a copy with the axes in another order.
func widest(layers []*Layer) float64 {
	last := map[*Layer]int{} // the place of the layer that uses an output last
	for i := range layers {
		for _, in := range InputsOf(layers, i) {
			last[in] = i
		}
	}
	ending := make([]float64, len(layers)) // values that a layer uses last
	most, live := 0.0, 0.0
	for i, l := range layers {
		out := values(l.Output)
		live += out
		most = max(most, live+out)
		ending[max(last[l], i)] += out
		live -= ending[i]
	}
	return most
}

// predicting returns the number of values that a layer needs in a prediction: of filters in another
// order or transformed, and of what a core needs besides inputs and outputs.
func predicting(l *Layer, in []*Layer, specs []WeightSpec) (filters, scratch float64) {
	if l.Kernel[0] < 1 || len(l.Output) != 3 || len(in) != 1 {
		return 0, 0
	}
	const (
		room     = 8    // rows and columns around an image to which tiles may reach
		tiles    = 32   // of 4x4 pixels that are computed together
		elements = 36.0 // of a tile
		fixed    = 1e5  // whatever the sizes
	)
	h, w, c := l.image(in[0].Output)
	outH, outW, f := l.image(l.Output)
	if in[0].Class == UpSampling2D {
		filters = 4 * float64(l.Kernel[0]*l.Kernel[1]) * float64(c) * float64(f)
	}
	for _, s := range specs {
		filters += float64(elements / 9 * values(s.Shape))
	}
	rows := float64(max(h, outH)) + float64(max((l.Kernel[0]-1)*max(l.Dilation[0], 1), room))
	cols := float64(max(w, outW)) + float64(max((l.Kernel[1]-1)*max(l.Dilation[1], 1), room))
	between := float64(float64(c) * float64(max(l.Multiplier, 1)))
	scratch = fixed + float64(rows*cols*(between+float64(2*f)))
	if l.Kernel == [2]int{3, 3} {
		scratch += float64(elements * max(tiles, rows*cols/16) * float64(c+2*f))
	}
	if f < 8 {
		scratch += float64(float64(h*w) * float64(l.Kernel[0]*l.Kernel[1]) * float64(f))
	}
	return filters, scratch
}

// CheckPrediction returns an error if there is no memory for PredictEach with n samples in batches
// of batch: for the outputs of a batch from the layer named until, or from the last one for "", and
// from the layers before it.
func (m *Model) CheckPrediction(n int, until string, batch int) error {
	return m.checkPrediction(n, min(n, batch), until, batch, 0)
}

// checkPrediction is CheckPrediction if the outputs of kept samples are in memory at a time, and
// room bytes are needed to read the samples.
func (m *Model) checkPrediction(n, kept int, until string, batch int, room float64) error {
	last, err := m.index(until)
	if err != nil {
		return err
	}
	need := PredictionMemory(Sub(m.Layers, last), min(n, batch)) +
		float64(4*float64(kept)*values(m.Layers[last].Output)) + room
	return memory.Check(need, "computing the layer %q for %s in batches of %d needs",
		m.Layers[last].Name, plural.Of(n, "image"), min(n, batch))
}

// checkTraining returns an error if there is no memory for a training of the model, whose weights
// are there already, on n samples. room bytes are needed to read the samples.
func (m *Model) checkTraining(n, batch, evaluation int, room float64) error {
	sizes, err := Sizes(m.Layers)
	if err != nil {
		return err
	}
	need := TrainingMemory(sizes, batch, evaluation) + room +
		float64(4*float64(n)) // with their order
	for _, s := range sizes {
		need -= float64(4 * s.Parameters)
	}
	return memory.Check(need, "training this network in batches of %s needs",
		plural.Of(batch, "image"))
}
