package nn

import (
	"encoding/binary"
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// decode sets the parameters of a layer from a configuration, as model files have it.
func decode(l *Layer, config map[string]json.RawMessage) error {
	for _, p := range l.Class.Parameters() {
		if p.New == nil {
			continue
		}
		v := p.New()
		if text, ok := config[p.Key]; ok {
			if err := json.Unmarshal(text, v); err != nil {
				return err
			}
		}
		if err := p.Set(l, v); err != nil {
			return err
		}
	}
	return nil
}

// Whatever a configuration has: the class takes it or returns an error, and needs little memory.
// What it writes of a layer, it reads as the same layer.
func FuzzClass(f *testing.F) {
	for i, config := range []string{
		`{"filters":8,"kernel_size":3,"strides":[2,1],"padding":"same","activation":"relu"}`,
		`{"filters":4,"kernel_size":[2,3],"output_padding":1,"strides":2,"dilation_rate":1}`,
		`{"kernel_size":268435456,"dilation_rate":268435456,"padding":"same","groups":3}`,
		`{"pool_size":2,"strides":null,"padding":"same","data_format":"channels_first"}`,
		`{"target_shape":[-1,2],"dims":[2,1,3],"axis":[1,-1],"shared_axes":[1,2]}`,
		`{"padding":[[1,0],[2,3]],"cropping":1,"size":[268435456,268435456]}`,
		`{"mean":[[0.1]],"variance":{"class_name":"__numpy__","config":{"value":2}},"axis":null}`,
		`{"units":3,"activation":"leaky_relu"}`,
		`{"max_value":6,"negative_slope":0.1,"threshold":1e300,"alpha":[0.5],"scale":[1,2,3]}`,
	} {
		for c := range len(Classes()) {
			f.Add(uint8(c), []byte{8, 6, byte(i)}, config)
		}
	}
	f.Add(uint8(slices.Index(Classes(), Dense)), []byte{}, `{"units":1}`) // a number without axes
	f.Fuzz(func(t *testing.T, class uint8, shape []byte, text string) {
		config := map[string]json.RawMessage{}
		if len(text) > 1000 || json.Unmarshal([]byte(text), &config) != nil {
			return
		}
		in := &Layer{Class: InputLayer, Name: "in"}
		for part := range slices.Chunk(shape[:min(len(shape), 8)], 2) {
			// Sizes up to 65536, the small ones often.
			n := int(binary.LittleEndian.Uint16(append(slices.Clone(part), 0)))
			in.Output = append(in.Output, n+1)
		}
		l := &Layer{Class: Classes()[int(class)%len(classes)], Name: "x"}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := decode(l, config)
		if err == nil {
			layers := []*Layer{in, l}
			if classes[l.Class].merge != nil {
				l.Inputs = []*Layer{in, in}
			}
			_, err = Connect(layers)
			if err == nil && PredictionMemory(layers, 32) < 0 {
				t.Error("less memory than none")
			}
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%d bytes for %s %s", n, l.Class, text)
		}
		if err != nil {
			if strings.Contains(err.Error(), "runtime error") {
				t.Error(err)
			}
			return
		}
		rewritten(t, in, l)
	})
}

// rewritten checks that a layer that is connected is the same when its configuration is written and
// read.
func rewritten(t *testing.T, in, l *Layer) {
	t.Helper()
	if l.Class == InputLayer {
		return
	}
	config := map[string]json.RawMessage{}
	for _, p := range l.Class.Parameters() {
		if p.Get == nil {
			continue
		}
		text, err := json.Marshal(p.Get(l))
		if err != nil {
			return // an infinite number
		}
		config[p.Key] = text
	}
	again := &Layer{Class: l.Class, Name: "x", Inputs: l.Inputs}
	if err := decode(again, config); err != nil {
		t.Fatalf("%s: %v: %s", l.Class, err, config)
	}
	if _, err := Connect([]*Layer{in, again}); err != nil {
		t.Fatalf("%s: %v: %s", l.Class, err, config)
	}
	if !slices.Equal(l.Output, again.Output) {
		t.Errorf("%s: output %v, when written and read %v", l.Class, l.Output, again.Output)
	}
}
