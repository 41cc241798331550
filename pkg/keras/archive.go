package keras

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"

	"imagesimilarity/pkg/hdf5"
	"imagesimilarity/pkg/nn"
)

const (
	zipSignature = "PK\x03\x04"
	// maxDirectory bounds what is read of an archive to find its members, and config.json, in bytes.
	maxDirectory = 8 << 20
)

// readArchive reads a .keras archive (Keras 2.13 and later): a zip file of config.json, which is a
// model_config, and model.weights.h5.
func (f *modelFile) readArchive(size int64) error {
	archive, err := zip.NewReader(&limitedReaderAt{f.r, maxDirectory}, size)
	if err != nil {
		return f.errorf("%w", err)
	}
	var config, weights *zip.File
	for _, member := range archive.File {
		switch member.Name {
		case "config.json":
			config = member
		case "model.weights.h5":
			weights = member
		}
	}
	if config == nil || weights == nil {
		return f.errorf("a zip archive without config.json or model.weights.h5, " +
			"expected a .keras archive")
	}
	r, err := config.Open()
	if err != nil {
		return f.errorf("config.json: %w", err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if errors.Is(err, zip.ErrChecksum) {
		return f.errorf("config.json is damaged: the CRC-32 of its bytes is not %08x: %w",
			config.CRC32, err)
	}
	if err != nil {
		return f.errorf("config.json: %w", err)
	}
	f.config = string(text)

	// Keras does not compress the members, so that one can be read in its place.
	if weights.Method != zip.Store {
		return f.errorf("model.weights.h5 is compressed in the archive; " +
			"expected it stored, as Keras writes it")
	}
	start, err := weights.DataOffset()
	if err != nil {
		return f.errorf("model.weights.h5: %w", err)
	}
	n := weights.UncompressedSize64
	if start > size || n > uint64(size-start) {
		return f.errorf("model.weights.h5 of %d bytes reaches beyond the archive", n)
	}
	// Package hdf5 reads in any order, so all bytes are read here once for their CRC-32.
	member := io.NewSectionReader(f.r, start, int64(n))
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, member); err != nil {
		return f.errorf("model.weights.h5: %w", err)
	}
	if sum.Sum32() != weights.CRC32 {
		return f.errorf("model.weights.h5 at byte %d is damaged: "+
			"the CRC-32 of its bytes is %08x, expected %08x: %w",
			start, sum.Sum32(), weights.CRC32, zip.ErrChecksum)
	}
	h5, err := hdf5.Open(member, int64(n), f.path+" (model.weights.h5)")
	if err != nil {
		return err
	}
	f.size = h5.Size
	_, layers, _, err := decodeConfig(f.config)
	if err != nil {
		return f.errorf("%w", err)
	}
	return f.readContainers(h5.Root, layers)
}

// containerGroup returns the group that has the containers. A container is a group that holds the
// weights of a layer in a file of Keras 3.
func (f *modelFile) containerGroup(root *hdf5.Object) (*hdf5.Object, error) {
	group, err := root.Open("layers")
	if !errors.Is(err, hdf5.ErrNotFound) {
		return group, err
	}
	if _, err := root.Open("_layer_checkpoint_dependencies"); err == nil {
		return nil, f.errorf("weights in the layout of Keras 2.12, which is not supported; " +
			"save the whole model as .h5 instead")
	}
	return nil, f.errorf("an HDF5 file, but not a model of Keras: " +
		"it has neither layer_names nor a group layers")
}

// readContainers reads the layout of Keras 3: layers/dense, layers/dense_1, ... in the order of the
// layers of each class, whatever their names.
func (f *modelFile) readContainers(root *hdf5.Object, layers []*nn.Layer) error {
	group, err := f.containerGroup(root)
	if err != nil {
		return err
	}
	count := map[nn.Class]int{}
	for _, l := range layers {
		name := l.Class.Base()
		if k := count[l.Class]; k > 0 {
			name += "_" + strconv.Itoa(k)
		}
		count[l.Class]++
		vars, err := group.Open(name + "/vars")
		if err != nil {
			return err
		}
		weights, err := variables(vars)
		if err != nil {
			return err
		}
		f.layers = append(f.layers, storedLayer{l.Name, weights})
	}
	return nil
}

// readNamedContainers reads a .weights.h5 file. Only newer versions of Keras write the names of the
// layers into it.
func (f *modelFile) readNamedContainers(root *hdf5.Object) error {
	group, err := f.containerGroup(root)
	if err != nil {
		return err
	}
	names, err := group.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		vars, err := group.Open(name + "/vars")
		if err != nil {
			return err
		}
		layer, err := vars.Text("name")
		if errors.Is(err, hdf5.ErrNotFound) {
			return f.errorf("a .weights.h5 file without the names of the layers; " +
				"save the whole model as .h5 or .keras instead")
		}
		if err != nil {
			return err
		}
		weights, err := variables(vars)
		if err != nil {
			return err
		}
		f.layers = append(f.layers, storedLayer{layer, weights})
	}
	return f.checkNames()
}

// variables returns the members 0, 1, ... of a group.
func variables(vars *hdf5.Object) ([]*hdf5.Object, error) {
	names, err := vars.Names()
	if err != nil {
		return nil, err
	}
	var list []*hdf5.Object
	for i := range names {
		v, err := vars.Open(strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// A limitedReaderAt fails when more than left bytes are read.
type limitedReaderAt struct {
	r    io.ReaderAt
	left int64
}

func (l *limitedReaderAt) ReadAt(b []byte, off int64) (int, error) {
	if int64(len(b)) > l.left {
		return 0, fmt.Errorf("the directory or config.json takes more than %d bytes", maxDirectory)
	}
	l.left -= int64(len(b))
	return l.r.ReadAt(b, off)
}
