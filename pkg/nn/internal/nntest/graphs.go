// Package nntest holds networks on which the tests of every engine run.
package nntest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"imagesimilarity/pkg/nn"
)

// Activations are all of them.
var Activations = []nn.Activation{
	nn.Linear, nn.ReLU, nn.Sigmoid, nn.Softmax, nn.LogSoftmax, nn.Tanh, nn.ELU, nn.SELU, nn.GELU,
	nn.LeakyReLU, nn.ReLU6, nn.Softplus, nn.Softsign, nn.Swish, nn.Mish, nn.Exponential,
	nn.HardSwish,
}

// randomLayer draws a layer of a class, which need not fit.
func randomLayer(r *rand.Rand, class nn.Class, rank int) *nn.Layer {
	pair := func(most int) [2]int { return [2]int{1 + r.IntN(most), 1 + r.IntN(most)} }
	l := &nn.Layer{
		Class: class, Kernel: pair(4), Size: pair(3), Strides: pair(3), Dilation: pair(2),
		Padding: []nn.Padding{nn.Valid, nn.Same}[r.IntN(2)], Groups: 1 + r.IntN(3),
		Multiplier: 1 + r.IntN(3), NoBias: r.IntN(3) == 0, ChannelsFirst: r.IntN(4) == 0,
		KeepDims: r.IntN(2) == 0, Bilinear: r.IntN(2) == 0,
		Border: [2][2]int{{r.IntN(3), r.IntN(3)}, {r.IntN(3), r.IntN(3)}},
		Slope:  r.Float64(), Threshold: float64(r.Float64()) - 0.5,
		NoScale: r.IntN(3) == 0, NoCentre: r.IntN(3) == 0, RMSScaling: r.IntN(3) == 0,
		Epsilon: 0.01, Scale: []float32{0.7}, Offset: []float32{-0.2}, Invert: r.IntN(2) == 0,
	}
	if r.IntN(2) == 0 {
		l.Kernel = [2]int{3, 3}
	}
	if r.IntN(2) == 0 {
		l.Strides, l.Groups = [2]int{1, 1}, 1
	}
	if r.IntN(2) == 0 {
		l.Dilation = [2]int{1, 1}
	}
	switch class {
	case nn.Conv2D, nn.SeparableConv2D, nn.Conv2DTranspose, nn.Dense, nn.DepthwiseConv2D:
		l.Activation = Activations[r.IntN(len(Activations))]
		if class != nn.DepthwiseConv2D {
			l.Output = []int{l.Groups * (1 + r.IntN(17/l.Groups))}
		}
		if r.IntN(2) == 0 {
			l.OutputPadding = &[2]int{r.IntN(3), r.IntN(3)}
		}
	case nn.MaxPooling2D, nn.AveragePooling2D, nn.UpSampling2D:
		l.Kernel, l.Dilation = [2]int{}, [2]int{1, 1}
		if r.IntN(2) == 0 {
			l.Strides = [2]int{}
		}
	case nn.ActivationLayer:
		l.Activation = Activations[r.IntN(len(Activations))]
	case nn.ReLULayer:
		if r.IntN(2) == 0 {
			l.MaxValue = new(float64)
			*l.MaxValue = 1
		}
	case nn.Permute:
		l.Axes = r.Perm(rank)
		for i := range l.Axes {
			l.Axes[i]++
		}
	case nn.Reshape:
		l.Output = []int{-1, 1 + r.IntN(3)}
	case nn.Normalization:
		if r.IntN(2) == 0 {
			l.Mean, l.Variance = []float32{0.3}, []float32{0.5}
		}
		fallthrough
	case nn.LayerNormalization, nn.PReLU, nn.SoftmaxLayer:
		for a := 1; a <= rank; a++ {
			if r.IntN(2) == 0 {
				l.Axes = append(l.Axes, a)
			}
		}
	case nn.BatchNormalization, nn.Concatenate:
		l.Axes = []int{1 + r.IntN(rank)}
	}
	return l
}

// RandomGraph draws layers that fit together, the last of that class if one fits.
func RandomGraph(r *rand.Rand, class nn.Class) []*nn.Layer {
	input := []int{1 + r.IntN(9), 1 + r.IntN(9), 1 + r.IntN(6)}
	layers := []*nn.Layer{{Class: nn.InputLayer, Name: "input", Output: input}}
	count, classes := 1+r.IntN(5), nn.Classes()
	for tries := 0; tries < 60 && len(layers) <= count; tries++ {
		of := layers[len(layers)-1]
		if r.IntN(4) == 0 {
			of = layers[r.IntN(len(layers))]
		}
		next := class
		if len(layers) < count || tries > 40 {
			next = classes[r.IntN(len(classes))]
		}
		l := randomLayer(r, next, len(of.Output))
		l.Name, l.Inputs = fmt.Sprint("layer ", len(layers)), []*nn.Layer{of}
		for slices.Contains(merging, next) && len(l.Inputs) < 4 && r.IntN(3) > 0 {
			l.Inputs = append(l.Inputs, layers[r.IntN(len(layers))])
		}
		with := append(slices.Clone(layers), l)
		if _, err := nn.Connect(with); err == nil && size(l.Output) < 3000 {
			layers = with
		}
	}
	return layers
}

var merging = []nn.Class{
	nn.Add, nn.Subtract, nn.Multiply, nn.Average, nn.Maximum, nn.Minimum, nn.Concatenate,
}

// Describe returns the layers of a graph, one a line.
func Describe(layers []*nn.Layer) string {
	text := ""
	for i, l := range layers {
		text += fmt.Sprintf("\n%s %s %v from", l.Name, l.Class, l.Output)
		for _, in := range nn.InputsOf(layers, i) {
			text += " " + in.Name
		}
		text += fmt.Sprintf(": kernel %v size %v strides %v dilation %v %s groups %d multiplier %d "+
			"first %v axes %v %s", l.Kernel, l.Size, l.Strides, l.Dilation, l.Padding, l.Groups,
			l.Multiplier, l.ChannelsFirst, l.Axes, l.Activation)
	}
	return text
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
