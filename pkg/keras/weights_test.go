package keras

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"imagesimilarity/pkg/hdf5"
	"imagesimilarity/pkg/nn"
)

func readBytes(b []byte) (*File, error) {
	return read(bytes.NewReader(b), int64(len(b)), "test.h5")
}

func loadBytes(b []byte) (*nn.Model, error) {
	f, err := readBytes(b)
	if err != nil {
		return nil, err
	}
	return f.Model(nil)
}

// channels is large enough for weights that are no small part of a file.
const channels = 10000

// A file holds what stands in a model file, so that a test can change parts of it. Its model is a
// batch normalisation of one pixel with many channels.
type file struct {
	config, version, backend string
	layers                   []string
	weights                  []string // of layer norm
	data                     map[string][]int
}

func newFile() *file {
	return &file{
		config: `{"class_name":"Functional","config":{
			"name":"model","output_layers":[["norm",0,0]],"layers":[
			{"class_name":"InputLayer","name":"in","inbound_nodes":[],
			 "config":{"name":"in","batch_input_shape":[null,1,1,10000]}},
			{"class_name":"BatchNormalization","name":"norm","inbound_nodes":[[["in",0,0,{}]]],
			 "config":{"name":"norm"}}]}}`,
		version: "2.15.0",
		backend: "tensorflow",
		layers:  []string{"in", "norm"},
		weights: []string{
			"norm/gamma:0", "norm/beta:0", "norm/moving_mean:0", "norm/moving_variance:0",
		},
		data: map[string][]int{
			"norm/gamma:0": {channels}, "norm/beta:0": {channels},
			"norm/moving_mean:0": {channels}, "norm/moving_variance:0": {channels},
		},
	}
}

func (f *file) encode(t *testing.T) []byte {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	root := &hdf5.Group{}
	if f.config != "" {
		must(root.Text("model_config", f.config))
	}
	weights, err := root.Group("model_weights")
	must(err)
	if f.version != "" {
		must(weights.Text("keras_version", f.version))
	}
	must(weights.Text("backend", f.backend))
	must(weights.Strings("layer_names", f.layers))
	in, err := weights.Group("in")
	must(err)
	must(in.Strings("weight_names", nil))
	norm, err := weights.Group("norm")
	must(err)
	must(norm.Strings("weight_names", f.weights))
	for name, shape := range f.data {
		n := 1
		for _, d := range shape {
			n *= d
		}
		must(norm.Float32s(name, shape, make([]float32, n)))
	}
	return root.Encode()
}

func TestLoadErrors(t *testing.T) {
	if _, err := loadBytes(newFile().encode(t)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*file)
		want   string
	}{
		{
			"weights only", func(f *file) { f.config = "" },
			"test.h5: the file has weights only, expected a whole model",
		},
		{"no version", func(f *file) { f.version = "" }, "expected a file of Keras 2 or 3"},
		{"Keras 1", func(f *file) { f.version = "1.2.2" }, "written by Keras 1.2.2"},
		{"Theano", func(f *file) { f.backend = "theano" }, "written by Keras on Theano"},
		{
			"missing layer", func(f *file) { f.layers[1] = "other" },
			`/model_weights: "other": not in the file`,
		},
		{"layer outside", func(f *file) { f.layers[1] = "../norm" }, `".." is not the name of an object`},
		{"layer twice", func(f *file) { f.layers[0] = "norm" }, `two layers have the name "norm"`},
		{
			"layer that is a data set", func(f *file) { f.layers[1] = "norm/norm/beta:0" },
			`"weight_names": not in the file`,
		},
		{"no layers", func(f *file) { f.layers = nil }, "weights of 0 layers, expected 1"},
		{
			"missing weight", func(f *file) { f.weights[3] = "norm/other" },
			`/model_weights/norm/norm: "other": not in the file`,
		},
		{"weight that is a group", func(f *file) { f.weights[3] = "norm" },
			"Shape mismatch in layer #1 (named norm) for weight norm/moving_variance:0. " +
				"Weight expects shape (10000,). " +
				"Received saved weight with shape of a group"},
		{"too few weights", func(f *file) { f.weights = f.weights[:2] },
			"Weight count mismatch for layer #1 (named norm). " +
				"Layer expects 4 weight(s). " +
				"Received 2 saved weight(s)"},
		{"another shape", func(f *file) { f.data["norm/beta:0"] = []int{channels, 1} },
			"Shape mismatch in layer #1 (named norm) for weight norm/beta:0. " +
				"Weight expects shape (10000,). " +
				"Received saved weight with shape (10000, 1)"},
		{
			"a single value", func(f *file) { f.data["norm/beta:0"] = nil },
			"Received saved weight with shape ()",
		},
		{
			"no values", func(f *file) { f.data["norm/beta:0"] = []int{0} },
			"Received saved weight with shape (0,)",
		},
		{"weights that are one", func(f *file) {
			f.data = map[string][]int{"w": {channels}}
			f.weights = []string{"w", "w", "w", "w"}
		}, "the weights have more bytes than the file"},
		{"config", func(f *file) { f.config = "x" }, "test.h5: model_config: invalid character"},
	} {
		f := newFile()
		tt.change(f)
		_, err := loadBytes(f.encode(t))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected %q", tt.name, err, tt.want)
		}
	}
}

// A weight that was never written takes no byte of the file, but would take all the memory of its
// reader.
func TestNeverWritten(t *testing.T) {
	b := newFile().encode(t)
	const contiguous, size, undefined = "\x03\x01", 4 * channels, 1<<64 - 1
	// The address stands between the kind of the layout and the size.
	at := bytes.Index(b, binary.LittleEndian.AppendUint64(nil, size)) - 8
	if at < 2 || string(b[at-2:at]) != contiguous {
		t.Fatal("no layout found")
	}
	binary.LittleEndian.PutUint64(b[at:], undefined)
	_, err := loadBytes(b)
	if err == nil || !strings.HasSuffix(err.Error(), " was never written") {
		t.Errorf("error %v", err)
	}
}

// Lists of names that are too long for one attribute are stored in parts.
func TestLongLists(t *testing.T) {
	layers := []*nn.Layer{{Class: nn.InputLayer, Name: "in", Output: []int{2}, Trainable: true}}
	for i := range 1000 {
		name := fmt.Sprintf("%s%03d", strings.Repeat("n", 100), i)
		layers = append(layers, &nn.Layer{Class: nn.Dropout, Name: name, Trainable: true})
	}
	m, err := nn.NewModel("model", layers)
	if err != nil {
		t.Fatal(err)
	}
	b, err := encode(m, "", "")
	if err != nil {
		t.Fatal(err)
	}
	h5, err := hdf5.Open(bytes.NewReader(b), int64(len(b)), "test.h5")
	if err != nil {
		t.Fatal(err)
	}
	weights, err := h5.Root.Open("model_weights")
	if err != nil {
		t.Fatal(err)
	}
	// 1001 names of 103 bytes; 626 fit into 64,512 bytes.
	for name, n := range map[string]int{"layer_names0": 501, "layer_names1": 500} {
		if list, err := weights.Strings(name); err != nil || len(list) != n {
			t.Errorf("%s has %d names, error %v; expected %d", name, len(list), err, n)
		}
	}
	if _, err := weights.Strings("layer_names2"); err == nil {
		t.Error("there is a third part")
	}
	got, err := loadBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range m.Layers {
		if got.Layers[i].Name != l.Name {
			t.Fatalf("layer %d is named %q, expected %q", i, got.Layers[i].Name, l.Name)
		}
	}
}

// Files that are not models are errors that say what is wrong.
func TestOtherFiles(t *testing.T) {
	group := func(names ...string) []byte {
		root := &hdf5.Group{}
		for _, name := range names {
			if _, err := root.Group(name); err != nil {
				t.Fatal(err)
			}
		}
		return root.Encode()
	}
	archive := func(method uint16, members ...string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := 0; i < len(members); i += 2 {
			w, err := z.CreateHeader(&zip.FileHeader{Name: members[i], Method: method})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, members[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	config := functionalOf("in", input)
	// beyond is an archive whose last member has fewer bytes than it is said to have.
	beyond := func() []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, h := range []*zip.FileHeader{
			{Name: "config.json"},
			{Name: "model.weights.h5", UncompressedSize64: 1 << 40, CompressedSize64: 1 << 40},
		} {
			if _, err := z.CreateRaw(h); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "no HDF5 file"},
		{"text", []byte("a file of text"), "no HDF5 file"},
		{
			"Git LFS", []byte("version https://git-lfs.github.com/spec/v1\n"),
			"this is a pointer of Git LFS and not the file itself; fetch the file with git lfs pull",
		},
		{"web page", []byte("<!DOCTYPE html>\n<html>"), "this is a web page (HTML)"},
		{"gzip", []byte("\x1f\x8b\x08\x00\x00\x00"), "this is a gzip file; unpack it with gunzip"},
		{"latent vectors", []byte("\x00\x00\x03\xe7\x00\x00"), "this is a file of 16-bit latent vectors"},
		{"HDF5", group("data"), "an HDF5 file, but not a model of Keras"},
		{"cut archive", archive(zip.Store, "config.json", config)[:40], "zip: not a valid zip file"},
		{
			"another archive", archive(zip.Store, "word/document.xml", ""),
			"a zip archive without config.json",
		},
		{
			"no weights", archive(zip.Store, "config.json", config),
			"a zip archive without config.json or model.weights.h5",
		},
		{
			"compressed",
			archive(zip.Deflate, "config.json", config, "model.weights.h5", string(group("layers"))),
			"is compressed in the archive",
		},
		{
			"weights beyond the end", beyond(),
			"model.weights.h5 of 1099511627776 bytes reaches beyond the archive",
		},
		{
			"large config",
			archive(
				zip.Store, "config.json", strings.Repeat(" ", maxConfig+1), "model.weights.h5", string(group()),
			),
			"model_config: more than",
		},
		{
			"many members",
			archive(
				zip.Store,
				strings.Split(strings.Repeat(strings.Repeat("name", 15)+",,", 100000), ",")[:200000]...,
			),
			"the directory or config.json takes more",
		},
		{
			"config that is none",
			archive(zip.Store, "config.json", "{", "model.weights.h5", string(group("layers"))),
			"model_config: unexpected end of JSON",
		},
		{
			"no HDF5 in it", archive(zip.Store, "config.json", config, "model.weights.h5", "x"),
			"(model.weights.h5): byte 0: no HDF5 file",
		},
		{
			"missing layer",
			archive(
				zip.Store, "config.json", one("BatchNormalization", `"axis":3`), "model.weights.h5",
				string(group("layers/dense/vars")),
			),
			`"batch_normalization": not in the file`,
		},
	} {
		_, err := loadBytes(tt.file)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected %q", tt.name, err, tt.want)
		}
	}
}

func TestUnreadable(t *testing.T) {
	dir, saved := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(saved, "saved_model.pb"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, want string }{
		{filepath.Join(dir, "missing.h5"), "cannot read " + filepath.Join(dir, "missing.h5") + ": "},
		{dir, "not a regular file"},
		{saved, "SavedModel, expected a file; save a model with model.save"},
		{os.DevNull, "not a regular file"},
		{"", "cannot read : "},
	} {
		if _, err := Load(tt.path); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, expected %q", tt.path, err, tt.want)
		}
	}
}

// Loading allocates the memory of the weights and little more, freed memory included.
func TestMemory(t *testing.T) {
	m, err := nn.NewClassifier(nn.ClassifierConfig{
		Rows: 28, Cols: 28, FilterSize: 3, Filters: []int{4, 64}, Embedding: 2000,
		FullyConnected: 10, Classes: 10,
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.h5")
	if err := Save(path, m, "", ""); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() < 20<<20 {
		t.Fatalf("a file of %d bytes is too small for this test", info.Size())
	}
	n := allocated(func() { _, err = Load(path) })
	if err != nil {
		t.Fatal(err)
	}
	if limit := uint64(info.Size() + 2<<20); n > limit {
		t.Errorf("%d bytes of memory for a file of %d bytes, expected at most %d", n, info.Size(), limit)
	}
}

// allocated runs f and returns the bytes that it allocated, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A file is an error or a model that can be saved and loaded again.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{
		"../testdata/keras/*.h5", "../testdata/keras/*.keras", encoders + "*.h5",
	} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			f.Fatal("the samples are missing")
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m *nn.Model
		var err error
		n := allocated(func() { m, err = loadBytes(b) })
		if limit := uint64(2*len(b) + 64<<20); n > limit {
			t.Errorf("%d bytes of memory, expected at most %d", n, limit)
		}
		if err == nil {
			saveAgain(t, m)
		}
		if f, err := readBytes(b); err == nil {
			_, _ = f.TransferWeights(untrained(t), "embedding")
			_, _ = f.Encoder()
			if end, _, err := f.Bottleneck(""); err == nil {
				_, _ = f.Model(end)
			}
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add(deep(3))
	f.Add(doubled(3))
	for _, name := range []string{
		"keras/tf2.15.1_real_ae_1x3_k5_e4.h5",
		"keras/keras3.15.1_tf2.21_real_classifier_2x4-8_k3_e5_fc12.h5",
		"encoders/k2_nested.h5", "encoders/k2_actobj.h5", "encoders/k2_multiout.h5",
		"encoders/k2_seq.h5", "encoders/k3_seq.h5",
	} {
		b, err := os.ReadFile(filepath.Join("../testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		file, err := readBytes(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file.config)
	}
	f.Fuzz(func(t *testing.T, config string) {
		n := allocated(func() {
			if g, err := newGraph(config, ""); err == nil {
				_, _ = g.narrowest()
				_, _ = g.find(embedding)
			}
		})
		if n > 64<<20 {
			t.Errorf("%d bytes of memory, expected at most 64 MiB", n)
		}
	})
}

// saveAgain fails the test if a model is another one after it was saved and loaded.
func saveAgain(t *testing.T, m *nn.Model) {
	t.Helper()
	b, err := encode(m, "", "")
	if err != nil {
		return // a name that HDF5 cannot have
	}
	again, err := loadBytes(b)
	if err != nil {
		t.Fatalf("what was saved cannot be loaded: %v", err)
	}
	if len(again.Layers) != len(m.Layers) {
		t.Fatalf("%d layers came back, expected %d", len(again.Layers), len(m.Layers))
	}
	for i, l := range m.Layers {
		for j, w := range l.Weights {
			if sum(t, again.Layers[i].Weights[j]) != sum(t, w) {
				t.Fatalf("the weight %s of layer %q came back otherwise", w.Name, l.Name)
			}
		}
	}
}
