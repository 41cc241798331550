package cpu

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"sync"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
	"imagesimilarity/pkg/parallel"
)

// maxBatchValues bounds the values of one layer's output for a batch (4 GiB of float32). With much
// more, the operating system would end the program without an error.
const maxBatchValues = 1 << 30

// A network is a model as a Gorgonia graph, with room for a batch of samples. Apart from weights
// and loss every node is a matrix with a row for each sample, (batch, H*W*C) or (batch, units); the
// operators know the images in it. A batch may have fewer samples than there is room for: operators
// compute the first n rows.
type network struct {
	kernels  *kernel.Set
	batch, n int
	training bool   // with batch normalisation by the batch's statistics, and dropout
	seed     uint64 // for dropout
	step     uint64 // counts the runs, for dropout

	graph     *G.ExprGraph
	machine   G.VM
	operators int
	learn     G.Nodes  // the weights that the solver changes
	updates   []func() // change the others; a run ends with them

	// The next run takes these: (batch, size of a sample) and (batch, classes). An autoencoder has
	// no target but its input.
	input, target []float32
	loss          *G.Node

	room        []float32 // for weights in the order in which the operator that runs needs them
	do          hand      // hands tasks to the cores
	scratchSize int       // the most values that an operator's task needs
	scratch     sync.Pool // *[]float32 of scratchSize
}

// A hand is a function that hands out tasks, such as parallel.Near.
type hand func(tasks int, worker func(tasks iter.Seq[int]))

// A signal is what flows from layer to layer.
type signal struct {
	*G.Node
	shape  []int // of one sample
	active bool  // whether it depends on weights that are trained
}

// newEvaluator makes a network that computes the loss.
func newEvaluator(k *kernel.Set, layers []*nn.Layer, loss nn.Loss, batch int) (*network, error) {
	n, x, err := newNetwork(k, layers, batch)
	if err != nil {
		return nil, err
	}
	n.losing(layers, loss, x)
	n.compile()
	return n, nil
}

// newLearner makes a network that computes the loss in training and the gradients of the weights of
// trainable layers.
func newLearner(k *kernel.Set, layers []*nn.Layer, loss nn.Loss, batch int,
	seed uint64) (*network, error) {
	n, x, err := newNetwork(k, layers, batch)
	if err != nil {
		return nil, err
	}
	n.training, n.seed = true, seed
	n.losing(layers, loss, x)
	if len(n.learn) > 0 {
		if _, err := G.Grad(n.loss, n.learn...); err != nil {
			return nil, fmt.Errorf("nn: %w", err)
		}
	}
	n.compile()
	return n, nil
}

// compile makes the machine that runs the graph.
func (n *network) compile() {
	n.machine = G.NewTapeMachine(n.graph)
	// Its finalizer is for CUDA alone. As machine and network lead to each other, neither would be
	// freed with it.
	runtime.SetFinalizer(n.machine, nil)
}

// newNetwork makes a network of the input alone, the first of the layers, and checks the others.
func newNetwork(k *kernel.Set, layers []*nn.Layer, batch int) (*network, signal, error) {
	if err := nn.CheckTrainable(layers); err != nil {
		return nil, signal{}, err
	}
	for _, l := range layers {
		if product(l.Output) > maxBatchValues/batch {
			return nil, signal{}, fmt.Errorf("nn: the output of layer %q, %v, is too large for "+
				"batches of %d; expected at most %d values in a batch",
				l.Name, l.Output, batch, maxBatchValues)
		}
	}
	n := &network{kernels: k, batch: batch, graph: G.NewGraph(), do: parallel.Near}
	n.scratch.New = func() any {
		s := make([]float32, n.scratchSize)
		return &s
	}
	var x signal
	x.shape = layers[0].Output
	x.Node, n.input = n.variable("input", product(x.shape))
	return n, x, nil
}

// variable adds a node (batch, size) whose values are set before every run.
func (n *network) variable(name string, size int) (*G.Node, []float32) {
	t := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(n.batch, size))
	node := G.NewMatrix(n.graph, tensor.Float32,
		G.WithShape(n.batch, size), G.WithName(name), G.WithValue(t))
	return node, t.Data().([]float32)
}

// weight adds the node of a layer's weight and reports whether the weight is trained.
func (n *network) weight(l *nn.Layer, i int) (*G.Node, bool) {
	w := l.Weights[i]
	value := tensor.New(tensor.WithShape(w.Shape...), tensor.WithBacking(w.Data))
	node := G.NewTensor(n.graph, tensor.Float32, len(w.Shape),
		G.WithShape(w.Shape...), G.WithName(l.Name+"/"+w.Name), G.WithValue(value))
	active := n.training && l.Trainable
	if active {
		n.learn = append(n.learn, node)
	}
	return node, active
}

// rows returns the shape of a layer's output for a batch.
func (n *network) rows(l *nn.Layer) tensor.Shape { return tensor.Shape{n.batch, product(l.Output)} }

// add adds layers. It joins those that work on images to blocks.
func (n *network) add(layers []*nn.Layer, x signal) signal {
	layers = nn.Effective(layers, n.training)
	// next takes the next layer if it is of that class.
	next := func(c nn.Class) *nn.Layer {
		if len(layers) == 0 || layers[0].Class != c {
			return nil
		}
		l := layers[0]
		layers = layers[1:]
		return l
	}
	for len(layers) > 0 {
		switch l := layers[0]; l.Class {
		case nn.UpSampling2D, nn.Conv2D, nn.BatchNormalization, nn.MaxPooling2D:
			up, conv := next(nn.UpSampling2D), next(nn.Conv2D)
			switch {
			case conv == nil && up != nil:
				x = n.upSample(up, x)
			case conv != nil && conv.Activation != nn.ReLU && conv.Activation != nn.Linear:
				x = n.activate(conv.Activation, n.block(up, conv, nil, nil, x))
			default:
				x = n.block(up, conv, next(nn.BatchNormalization), next(nn.MaxPooling2D), x)
			}
			continue
		case nn.Dense:
			x = n.activate(l.Activation, n.dense(l, x))
		case nn.Dropout:
			x = n.dropout(l.Rate, x)
		case nn.Flatten, nn.Reshape:
			x.shape = l.Output
		}
		layers = layers[1:]
	}
	return x
}

// losing adds the layers after the first, and the loss.
func (n *network) losing(layers []*nn.Layer, loss nn.Loss, x signal) {
	if loss != nn.CategoricalCrossentropy {
		n.loss = n.deviation(deviations[loss], n.add(layers[1:], x), x.Node)
		return
	}
	// This loss takes what the softmax takes.
	end := len(layers) - 1
	logits := *layers[end]
	logits.Activation = nn.Linear
	var target *G.Node
	target, n.target = n.variable("target", product(logits.Output))
	n.loss = n.crossentropy(n.add(append(slices.Clone(layers[1:end]), &logits), x), target)
}

// compute runs the samples with these indices.
func (n *network) compute(s *nn.Samples, index []int) error {
	if err := n.load(s, index); err != nil {
		return err
	}
	return n.run(len(index))
}

// load writes inputs and targets of samples.
func (n *network) load(s *nn.Samples, index []int) error {
	const block = 16 // samples of a task: many times the cost of starting it
	size := len(n.input) / n.batch
	errs := make([]error, ceilDiv(len(index), block))
	parallel.Blocks(len(index), block, func(from, to int) {
		errs[from/block] = s.Input(n.input[from*size:to*size], index[from:to])
	})
	if err := cmp.Or(errs...); err != nil || n.target == nil {
		return err
	}
	classes := len(n.target) / n.batch
	clear(n.target)
	for i, k := range index {
		n.target[i*classes+int(s.Labels[k])] = 1
	}
	return nil
}

// lossValue returns the loss of the last run.
func (n *network) lossValue() float64 { return float64(n.loss.Value().Data().(float32)) }

// run computes the first rows.
func (n *network) run(samples int) error {
	n.n = samples
	n.step++
	n.machine.Reset()
	if err := n.machine.RunAll(); err != nil {
		return fmt.Errorf("nn: %w", err)
	}
	for _, update := range n.updates {
		update()
	}
	return nil
}

// needScratch makes sure that a task has room for that many values.
func (n *network) needScratch(values int) { n.scratchSize = max(n.scratchSize, values) }

// needRoom makes sure that an operator has room for that many values, which it alone uses while it
// runs. Rooms of their own would push each other out of the caches.
func (n *network) needRoom(values int) {
	if values > len(n.room) {
		n.room = make([]float32, values)
	}
}

// each runs the tasks on all cores. A task may use the scratch, in which other tasks have left
// values. What a task computes must not depend on which worker runs it, nor when: then results are
// the same for any number of cores.
func (n *network) each(tasks int, do func(task int, scratch []float32)) {
	if tasks == 1 {
		s := n.scratch.Get().(*[]float32)
		defer n.scratch.Put(s)
		do(0, *s)
		return
	}
	n.do(tasks, func(jobs iter.Seq[int]) {
		s := n.scratch.Get().(*[]float32)
		defer n.scratch.Put(s)
		for t := range jobs {
			do(t, *s)
		}
	})
}

// rounds returns how many tasks the busiest core gets.
func rounds(tasks int) int { return ceilDiv(tasks, runtime.GOMAXPROCS(0)) }

// samplesPerTask returns how many samples a task takes, at most most. Fewer take longer, each half
// by about a tenth. So they are fewer only if that gives work to cores that had none.
func (n *network) samplesPerTask(most int) int {
	best, least := most, math.MaxInt
	for samples, halves := most, 0; ; samples, halves = ceilDiv(samples, 2), halves+1 {
		if cost := rounds(ceilDiv(n.n, samples)) * samples * (10 + halves); cost < least {
			best, least = samples, cost
		}
		if samples == 1 {
			return best
		}
	}
}

// ceilDiv returns a/b rounded up for a >= 0, and a value of at most 0 for a < 0.
func ceilDiv(a, b int) int { return (a + b - 1) / b }

// product returns the number of values of a shape.
func product(shape []int) int { return tensor.ProdInts(shape) }
