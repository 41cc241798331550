package cpu

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// An operator is the function of a node in a Gorgonia graph. It owns the memory of its result and
// uses it again in the next step, so that a step allocates next to nothing.
type operator struct {
	name string
	id   int // unique in its graph: Gorgonia merges operators that look equal, and ours have state
	in   []hm.Type
	out  tensor.Shape

	run      run
	wanted   []bool // the inputs whose gradients are wanted
	gradient gradient

	value  G.Value
	result []float32
	args   [][]float32
}

// A run computes the result of an operator.
type run func(in [][]float32, out []float32)

// A gradient adds the nodes of the gradients of an operator's inputs; nil for those that are not
// wanted.
type gradient func(out, grad *G.Node) []*G.Node

// apply adds an operator with a result of that shape to the graph; the empty shape is a scalar.
func (n *network) apply(name string, shape tensor.Shape, run run, in ...*G.Node) *G.Node {
	return n.applyDifferentiable(name, shape, run, nil, nil, in...)
}

// applyDifferentiable adds an operator that has gradients with respect to the wanted inputs.
func (n *network) applyDifferentiable(name string, shape tensor.Shape, run run,
	wanted []bool, gradient gradient, in ...*G.Node) *G.Node {
	n.operators++
	o := &operator{
		name: name, id: n.operators, out: shape,
		run: run, wanted: wanted, gradient: gradient,
		args: make([][]float32, len(in)),
	}
	for _, i := range in {
		o.in = append(o.in, valueType(i.Shape()))
	}
	if wanted == nil {
		o.wanted = make([]bool, len(in))
	}
	return G.Must(G.ApplyOp(o, in...))
}

// view adds an operator whose result is memory, to which the operator after has written.
func (n *network) view(name string, shape tensor.Shape, memory []float32, after *G.Node) *G.Node {
	node := n.apply(name, shape, func([][]float32, []float32) {}, after)
	o := node.Op().(*operator)
	o.value, o.result = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(memory)), memory
	return node
}

func valueType(shape tensor.Shape) hm.Type {
	if shape.IsScalar() {
		return tensor.Float32
	}
	return G.TensorType{Dims: shape.Dims(), Of: tensor.Float32}
}

// Do runs the operator on the values of its inputs.
func (o *operator) Do(in ...G.Value) (G.Value, error) {
	for i, v := range in {
		switch v := v.(type) {
		case *tensor.Dense:
			o.args[i] = v.Float32s()
		case *G.F32:
			o.args[i] = []float32{float32(*v)}
		default:
			return nil, fmt.Errorf("nn: operator %s: input %d is a %T, expected a float32 tensor",
				o.name, i, v)
		}
	}
	if o.result == nil {
		if o.out.IsScalar() {
			o.result = make([]float32, 1)
		} else {
			t := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(o.out...))
			o.value, o.result = t, t.Float32s()
		}
	}
	o.run(o.args, o.result)
	if o.out.IsScalar() {
		return G.NewF32(o.result[0]), nil
	}
	return o.value, nil
}

// SymDiff adds the nodes of the gradients with respect to the inputs.
func (o *operator) SymDiff(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
	return o.gradient(out, grad), nil
}

func (o *operator) DiffWRT(int) []bool { return o.wanted }
func (o *operator) Arity() int         { return len(o.in) }
func (o *operator) Type() hm.Type {
	return hm.NewFnType(append(append([]hm.Type(nil), o.in...), valueType(o.out))...)
}
func (o *operator) InferShape(...G.DimSizer) (tensor.Shape, error) { return o.out.Clone(), nil }
func (o *operator) ReturnsPtr() bool                               { return false }
func (o *operator) CallsExtern() bool                              { return false }
func (o *operator) OverwritesInput() int                           { return -1 }

func (o *operator) String() string        { return fmt.Sprintf("%s#%d", o.name, o.id) }
func (o *operator) WriteHash(h hash.Hash) { h.Write([]byte(o.String())) }
func (o *operator) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}
