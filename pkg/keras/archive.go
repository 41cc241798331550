package keras

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"unicode"

	"imagesimilarity/pkg/hdf5"
)

const (
	zipSignature = "PK\x03\x04"
	// maxDirectory bounds what is read of an archive to find its members, and config.json, in bytes.
	maxDirectory = 8 << 20
)

// readArchive reads a .keras archive (Keras 2.13 and later): a zip file of config.json, which is a
// model_config, and model.weights.h5.
func (f *File) readArchive(size int64) error {
	archive, err := zip.NewReader(&limitedReaderAt{f.r, maxDirectory}, size)
	if err != nil {
		return f.errorf("%w", err)
	}
	var config, weights, metadata *zip.File
	for _, member := range archive.File {
		switch member.Name {
		case "config.json":
			config = member
		case "model.weights.h5":
			weights = member
		case "metadata.json":
			metadata = member
		}
	}
	if config == nil || weights == nil {
		return f.errorf("a zip archive without config.json or model.weights.h5, " +
			"expected a .keras archive")
	}
	if f.config, err = f.readMember(config); err != nil {
		return err
	}
	if metadata != nil {
		text, err := f.readMember(metadata)
		if err != nil {
			return err
		}
		var m members
		if decode([]byte(text), &m) == nil && m.get("keras_version", &f.version) != nil {
			f.version = ""
		}
	}
	if f.readGraph(); f.graphError != nil {
		return f.errorf("%w", f.graphError)
	}

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
	f.containers, err = f.containerGroup(h5.Root)
	return err
}

// readMember returns a text in the archive.
func (f *File) readMember(member *zip.File) (string, error) {
	r, err := member.Open()
	if err != nil {
		return "", f.errorf("%s: %w", member.Name, err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if errors.Is(err, zip.ErrChecksum) {
		return "", f.errorf("%s is damaged: the CRC-32 of its bytes is not %08x: %w",
			member.Name, member.CRC32, err)
	}
	if err != nil {
		return "", f.errorf("%s: %w", member.Name, err)
	}
	return string(text), nil
}

// A container is a group that holds the weights of a layer in a file of Keras 3 or an archive:
// layers/dense, layers/dense_1, … in the order of the layers of each class, whatever their names.
// That of a network has containers of its own.

// containerGroups are the names of the group that has the containers: that of Keras 2.12, then that
// of all later versions.
var containerGroups = []string{"_layer_checkpoint_dependencies", "layers"}

// containerGroup returns the group that has the containers.
func (f *File) containerGroup(root *hdf5.Object) (*hdf5.Object, error) {
	for i, name := range containerGroups {
		group, err := root.Open(name)
		if !errors.Is(err, hdf5.ErrNotFound) {
			f.twice = i == 0
			return group, err
		}
	}
	return nil, f.errorf("an HDF5 file, but not a model of Keras: " +
		"it has neither layer_names nor a group layers")
}

// assignContainers finds the weights of a network in the containers of a group.
func (f *File) assignContainers(g *graph, group *hdf5.Object, n *network) ([]leaf, error) {
	var leaves []leaf
	count := map[string]int{}
	for i, e := range n.entries {
		name := snakeCase(e.class)
		if k := count[name]; k > 0 {
			name += "_" + strconv.Itoa(k)
		}
		count[snakeCase(e.class)]++
		if len(g.leavesOf(e)) == 0 {
			continue
		}
		if f.twice {
			count[snakeCase(e.class)]++
		}
		container, err := group.Open(name)
		if err != nil {
			return nil, err
		}
		if e.network != nil {
			inner, err := f.containerGroup(container)
			if err != nil {
				return nil, err
			}
			part, err := f.assignContainers(g, inner, e.network)
			if err != nil {
				return nil, err
			}
			leaves = append(leaves, part...)
			continue
		}
		vars, err := container.Open("vars")
		if err != nil {
			return nil, err
		}
		weights, err := variables(vars)
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, leaf{g.leaves[e], i, weights})
	}
	return leaves, nil
}

// snakeCase returns the name that Keras derives from a class: conv2d_transpose, p_re_lu.
func snakeCase(class string) string {
	var b strings.Builder
	for i, r := range class {
		if i > 0 && unicode.IsUpper(r) {
			rest := class[i+1:]
			next := rest != "" && unicode.IsLower(rune(rest[0]))
			if next || unicode.IsLower(rune(class[i-1])) {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
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
