package keras

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"imagesimilarity/pkg/nn"
)

// modelConfig is a model_config, as far as it is read. Keras 2 and 3 differ in a few places, each told below.
type modelConfig struct {
	ClassName string `json:"class_name"`
	Config    struct {
		Name         string
		Layers       []*layerEntry
		OutputLayers any `json:"output_layers"`
	}
}

type layerEntry struct {
	ClassName    nn.Class `json:"class_name"`
	Name         string
	Config       json.RawMessage
	InboundNodes []any `json:"inbound_nodes"`
}

// maxConfig bounds a model_config in bytes. Keras writes about 1000 for a layer; what is made of it may take 100 times the memory.
const maxConfig = 1 << 19

// decodeConfig makes the layers of a model without their weights, and the shapes of these.
func decodeConfig(text string) (name string, layers []*nn.Layer, shapes [][]nn.WeightShape, err error) {
	if len(text) > maxConfig {
		return "", nil, nil, fmt.Errorf("model_config: more than %d bytes", maxConfig)
	}
	var c modelConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return "", nil, nil, fmt.Errorf("model_config: %w", err)
	}
	if c.ClassName != "Functional" && c.ClassName != "Model" {
		return "", nil, nil, fmt.Errorf("model_config: a model of class %q, expected Functional", c.ClassName)
	}
	samePadding := map[int]bool{}
	previous := ""
	for i, entry := range c.Config.Layers {
		if entry == nil {
			return "", nil, nil, fmt.Errorf("model_config: layer %d is null", i)
		}
		l, same, err := entry.layer()
		if err == nil {
			err = entry.follows(previous)
		}
		if err != nil {
			return "", nil, nil, fmt.Errorf("layer %q: %w", entry.Name, err)
		}
		samePadding[i] = same
		layers = append(layers, l)
		previous = l.Name
	}
	if output := history(c.Config.OutputLayers); output != previous {
		return "", nil, nil, fmt.Errorf("model_config: the output is that of layer %q, expected the last layer, %q", output, previous)
	}
	if shapes, err = nn.Connect(layers); err != nil {
		return "", nil, nil, err
	}
	for i, l := range layers {
		// Padding adds nothing where the windows fill the image.
		if in := layers[max(0, i-1)].Output; samePadding[i] && (in[0]%l.Size[0] != 0 || in[1]%l.Size[1] != 0) {
			return "", nil, nil, fmt.Errorf("layer %q: padding \"same\" of an image of %dx%d is not supported", l.Name, in[0], in[1])
		}
	}
	return c.Config.Name, layers, shapes, nil
}

// follows checks that a layer takes the output of the previous one, and nothing else; the first one nothing at all.
func (e *layerEntry) follows(previous string) error {
	switch {
	case previous == "" && len(e.InboundNodes) == 0:
		return nil
	case len(e.InboundNodes) == 0:
		return errors.New("it has no input; only models with a single input are supported")
	case len(e.InboundNodes) > 1:
		return fmt.Errorf("it is used %d times; only chains of layers are supported", len(e.InboundNodes))
	}
	node := e.InboundNodes[0]
	// Keras 3: {"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}], "kwargs": {}}
	if call, ok := node.(map[string]any); ok {
		node = nil
		if args, _ := call["args"].([]any); len(args) == 1 {
			tensor, _ := args[0].(map[string]any)
			config, _ := tensor["config"].(map[string]any)
			node = config["keras_history"]
		}
	}
	if from := history(node); from != previous || previous == "" {
		return fmt.Errorf("its input is %q, expected the layer before it, %q; only chains of layers are supported", from, previous)
	}
	return nil
}

// history is the layer whose output [name, 0, 0] denotes, perhaps in further brackets; "" for all else.
// The numbers tell which call of the layer and which of its outputs; in Keras 2 arguments of the call may follow.
func history(v any) string {
	list, _ := v.([]any)
	for len(list) == 1 {
		list, _ = list[0].([]any)
	}
	if len(list) < 3 || list[1] != 0.0 || list[2] != 0.0 {
		return ""
	}
	name, _ := list[0].(string)
	return name
}

// layerConfig is what the layers' configurations have in common with package nn. Pointers tell values that are left out.
type layerConfig struct {
	Name      string
	Trainable *bool

	BatchInputShape []*size  `json:"batch_input_shape"` // Keras 2
	BatchShape      []*size  `json:"batch_shape"`       // Keras 3
	Filters         size     // Conv2D
	KernelSize      pair     `json:"kernel_size"`
	Strides         *pair    // Conv2D, MaxPooling2D
	DilationRate    *pair    `json:"dilation_rate"`
	Groups          *size    //
	Units           size     // Dense
	Activation      any      // Conv2D, Dense
	UseBias         *bool    `json:"use_bias"`
	Axis            any      // BatchNormalization
	Momentum        *float64 //
	Epsilon         *float64 //
	Center, Scale   *bool    //
	Renorm          bool     //
	PoolSize        pair     `json:"pool_size"`
	Size            pair     // UpSampling2D
	Interpolation   *string  //
	Padding         string   // Conv2D, MaxPooling2D
	DataFormat      *string  `json:"data_format"`
	Rate            float64  // Dropout
	NoiseShape      any      `json:"noise_shape"`
	TargetShape     []size   `json:"target_shape"` // Reshape
}

// layer makes a layer; same tells that it is a pooling with padding "same". The type of its numbers (dtype) is not read:
// package nn computes in float32. What a layer cannot do is an error.
func (e *layerEntry) layer() (l *nn.Layer, same bool, err error) {
	// Classes first: the configuration of others may look otherwise.
	if !slices.Contains(classes, e.ClassName) {
		return nil, false, fmt.Errorf("a layer of class %q is not supported; supported are %s", e.ClassName, classList())
	}
	c := layerConfig{Size: pair{2, 2}, PoolSize: pair{2, 2}}
	if err := json.Unmarshal(e.Config, &c); err != nil {
		return nil, false, err
	}
	if c.Name != e.Name || e.Name == "" {
		return nil, false, fmt.Errorf("it is named %q in its config", c.Name)
	}
	l = &nn.Layer{Class: e.ClassName, Name: e.Name, Trainable: isTrue(c.Trainable)}
	if c.DataFormat != nil && *c.DataFormat != "channels_last" {
		return nil, false, fmt.Errorf("data_format %q is not supported, expected channels_last", *c.DataFormat)
	}
	switch l.Class {
	case nn.InputLayer:
		err = c.input(l)
	case nn.Conv2D:
		err = c.conv(l)
	case nn.Dense:
		l.Output = []int{int(c.Units)}
		err = c.activate(l)
	case nn.BatchNormalization:
		err = c.batchNorm(l)
	case nn.MaxPooling2D:
		l.Size = c.PoolSize
		same = c.Padding == "same"
		if c.Strides != nil && *c.Strides != c.PoolSize {
			err = fmt.Errorf("strides %v other than the pool_size %v are not supported", *c.Strides, c.PoolSize)
		} else if !same && c.Padding != "valid" && c.Padding != "" {
			err = fmt.Errorf("padding %q is not supported", c.Padding)
		}
	case nn.UpSampling2D:
		l.Size = c.Size
		if c.Interpolation != nil && *c.Interpolation != "nearest" {
			err = fmt.Errorf("interpolation %q is not supported, expected nearest", *c.Interpolation)
		}
	case nn.Dropout:
		l.Rate = c.Rate
		if c.NoiseShape != nil {
			err = errors.New("a noise_shape is not supported")
		}
	case nn.Reshape:
		for _, d := range c.TargetShape {
			l.Output = append(l.Output, int(d))
		}
	}
	return l, same, err
}

var classes = []nn.Class{nn.InputLayer, nn.Conv2D, nn.BatchNormalization, nn.MaxPooling2D, nn.UpSampling2D, nn.Dropout, nn.Flatten, nn.Dense, nn.Reshape}

func classList() string {
	var names []string
	for _, c := range classes {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// isTrue is the value of a switch that is on where it is left out.
func isTrue(b *bool) bool { return b == nil || *b }

func (c *layerConfig) input(l *nn.Layer) error {
	shape := c.BatchShape
	if shape == nil {
		shape = c.BatchInputShape
	}
	if len(shape) < 2 || len(shape) > 4 {
		return fmt.Errorf("a shape of %d dimensions, expected 2 to 4 with that of the batch", len(shape))
	}
	for _, d := range shape[1:] {
		if d == nil {
			return errors.New("a shape with an open dimension is not supported")
		}
		l.Output = append(l.Output, int(*d))
	}
	return nil
}

func (c *layerConfig) conv(l *nn.Layer) error {
	l.Output = []int{int(c.Filters)}
	l.Kernel = c.KernelSize
	one := pair{1, 1}
	switch {
	case c.Strides != nil && *c.Strides != one:
		return fmt.Errorf("strides %v are not supported, expected 1", *c.Strides)
	case c.DilationRate != nil && *c.DilationRate != one:
		return fmt.Errorf("dilation_rate %v is not supported, expected 1", *c.DilationRate)
	case c.Groups != nil && *c.Groups != 1:
		return fmt.Errorf("%d groups are not supported, expected 1", *c.Groups)
	case c.Padding != "same" && l.Kernel != one:
		return fmt.Errorf("padding %q is not supported, expected same", c.Padding)
	}
	if err := c.activate(l); err != nil {
		return err
	}
	if l.Activation == nn.Softmax {
		return errors.New("softmax after a convolution is not supported")
	}
	return nil
}

// activate sets the activation of a layer with kernel and bias.
func (c *layerConfig) activate(l *nn.Layer) error {
	if !isTrue(c.UseBias) {
		return errors.New("a layer without bias is not supported")
	}
	switch name := c.Activation.(type) {
	case nil:
		l.Activation = nn.Linear
	case string:
		l.Activation = nn.Activation(name)
	}
	switch l.Activation {
	case nn.Linear, nn.ReLU, nn.Sigmoid, nn.Softmax:
		return nil
	}
	return fmt.Errorf("the activation %v is not supported", c.Activation)
}

func (c *layerConfig) batchNorm(l *nn.Layer) error {
	l.Momentum, l.Epsilon = 0.99, 0.001
	if c.Momentum != nil {
		l.Momentum = *c.Momentum
	}
	if c.Epsilon != nil {
		l.Epsilon = *c.Epsilon
	}
	// The last axis, as a number or in brackets.
	axis := c.Axis
	if list, ok := axis.([]any); ok && len(list) == 1 {
		axis = list[0]
	}
	switch {
	case axis != nil && axis != -1.0 && axis != 3.0:
		return fmt.Errorf("the axis %v is not supported, expected the last", c.Axis)
	case !isTrue(c.Center) || !isTrue(c.Scale):
		return errors.New("batch normalisation without center or scale is not supported")
	case c.Renorm:
		return errors.New("batch renormalisation is not supported")
	}
	return nil
}

// A size is a whole number of at least 1. JSON may have it as 3.0.
type size int

func (s *size) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f < 1 || f > 1<<28 || f != math.Trunc(f) {
		return fmt.Errorf("a size of %s, expected a whole number from 1 to %d", b, 1<<28)
	}
	*s = size(f)
	return nil
}

// A pair is rows and columns, or one number for both.
type pair [2]int

func (p *pair) UnmarshalJSON(b []byte) error {
	var both size
	if json.Unmarshal(b, &both) == nil {
		*p = pair{int(both), int(both)}
		return nil
	}
	var list []size
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	if len(list) != 2 {
		return fmt.Errorf("%s, expected rows and columns", b)
	}
	*p = pair{int(list[0]), int(list[1])}
	return nil
}
