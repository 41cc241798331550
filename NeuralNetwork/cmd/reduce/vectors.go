package main

import (
	"encoding/binary"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/npy"
	"imagesimilarity/pkg/outfile"
)

// labelsFile returns the file for the labels beside the vectors of -tsv: before the ending comes
// "_labels". It returns "" if there are no vectors or no labels.
func (o *options) labelsFile() string {
	if o.tsv == "" || o.labels == "" {
		return ""
	}
	ext := filepath.Ext(o.tsv)
	return strings.TrimSuffix(o.tsv, ext) + "_labels" + ext
}

// addVectors adds the vectors of the dataset to the files that are written, and the labels if they
// are known. They are not scaled. A file whose name ends in .npy is an array for NumPy. Any other
// is a table with tabs as TensorBoard's projector loads it: the vectors without a header, and the
// labels with one, because they have two columns.
func (s *session) addVectors(files *outfile.Group, v *experiment.Vectors) {
	if s.tsv == "" {
		return
	}
	array := strings.EqualFold(filepath.Ext(s.tsv), ".npy")
	files.Add(s.tsv, func(w io.Writer) error {
		if array {
			return writeArray(w, v)
		}
		return writeTable(w, v)
	})
	labels := s.imageLabels
	if name := s.labelsFile(); name != "" {
		files.Add(name, func(w io.Writer) error {
			if array {
				if err := (npy.Header{Type: "|u1", Shape: []int{len(labels)}}).Write(w); err != nil {
					return err
				}
				_, err := w.Write(labels)
				return err
			}
			return writeLabels(w, labels)
		})
	}
}

// writeArray writes vectors as an array of float32.
func writeArray(w io.Writer, v *experiment.Vectors) error {
	if err := (npy.Header{Type: "<f4", Shape: []int{v.N, v.Dim}}).Write(w); err != nil {
		return err
	}
	return v.Each(func(rows []float32) error { return binary.Write(w, binary.LittleEndian, rows) })
}

// writeTable writes each vector as a line, each value with the fewest digits that give it back.
func writeTable(w io.Writer, v *experiment.Vectors) error {
	var text []byte
	return v.Each(func(rows []float32) error {
		for i, x := range rows {
			end := byte('\t')
			if i%v.Dim == v.Dim-1 {
				end = '\n'
			}
			text = append(strconv.AppendFloat(text[:0], float64(x), 'g', -1, 32), end)
			if _, err := w.Write(text); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeLabels writes the label of each image as a line.
func writeLabels(w io.Writer, labels []uint8) error {
	if _, err := io.WriteString(w, "image\tlabel\n"); err != nil {
		return err
	}
	for i, l := range labels {
		line := strconv.Itoa(i) + "\t" + strconv.Itoa(int(l)) + "\n"
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}
