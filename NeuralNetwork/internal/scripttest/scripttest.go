// Package scripttest holds conversations with reduce and classification: those of scripts, and
// those with devices that compute networks.
package scripttest

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
)

var update = flag.Bool("update", false, "rewrite the expected screens in the scripts")

// times matches the times at the end of a progress line.
var times = regexp.MustCompile(`\d+s \d+(s|ms|us)/step`)

// Run runs the scripts in testdata/script. They find MNIST images and their labels in $DATA,
// model files that Keras wrote in $MODELS and $ENCODERS, and these commands:
//
//	images FILE N ROWS COLS [GREY]  writes N images of this grey level; without it, pixel j of
//	                                image i is (7i+13j) mod 256
//	vectors FILE N DIM VALUE        writes N vectors with this value everywhere
//	labels FILE VALUE...            writes labels
//	first N IMAGES LABELS OUT       writes the first N images to OUT.dat and their labels to
//	                                OUT.labels
//	same A B                        checks that the vectors in B are the first ones in A
//	screen FILE                     writes what the last program showed, with times masked and a line
//	                                end at the end
func Run(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			for name, dir := range map[string]string{
				"DATA": "mnist", "MODELS": "keras", "ENCODERS": "encoders",
			} {
				abs, err := filepath.Abs(filepath.Join("../../../pkg/testdata", dir))
				if err != nil {
					return err
				}
				e.Setenv(name, abs)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"images": func(ts *testscript.TestScript, neg bool, args []string) {
				n, rows, cols := number(ts, args[1]), number(ts, args[2]), number(ts, args[3])
				m := &imageset.Images[uint8]{N: n, Rows: rows, Cols: cols, Pix: make([]uint8, n*rows*cols)}
				for k := range m.Pix {
					m.Pix[k] = uint8(7*(k/m.Dim()) + 13*(k%m.Dim()))
				}
				if len(args) > 4 {
					m.Pix = slices.Repeat([]uint8{uint8(number(ts, args[4]))}, len(m.Pix))
				}
				ts.Check(idx.WriteImages(ts.MkAbs(args[0]), m))
			},
			"vectors": func(ts *testscript.TestScript, neg bool, args []string) {
				n, dim, value := number(ts, args[1]), number(ts, args[2]), number(ts, args[3])
				pix := slices.Repeat([]uint16{uint16(value)}, n*dim)
				m := &imageset.Images[uint16]{N: n, Rows: 1, Cols: dim, Pix: pix}
				ts.Check(idx.WriteLatents(ts.MkAbs(args[0]), m))
			},
			"labels": func(ts *testscript.TestScript, neg bool, args []string) {
				var labels []uint8
				for _, a := range args[1:] {
					labels = append(labels, uint8(number(ts, a)))
				}
				ts.Check(idx.WriteLabels(ts.MkAbs(args[0]), labels))
			},
			"first": func(ts *testscript.TestScript, neg bool, args []string) {
				n := number(ts, args[0])
				m, err := idx.ReadImages(args[1])
				ts.Check(err)
				labels, err := idx.ReadLabels(args[2])
				ts.Check(err)
				ts.Check(idx.WriteImages(ts.MkAbs(args[3]+".dat"), m.First(n)))
				ts.Check(idx.WriteLabels(ts.MkAbs(args[3]+".labels"), labels[:n]))
			},
			"same": func(ts *testscript.TestScript, neg bool, args []string) {
				a, err := idx.ReadLatents(ts.MkAbs(args[0]))
				ts.Check(err)
				b, err := idx.ReadLatents(ts.MkAbs(args[1]))
				ts.Check(err)
				if slices.Equal(a.First(b.N).Pix, b.Pix) == neg {
					ts.Fatalf("the vectors in %s and %s are the same: %v, expected %v",
						args[0], args[1], neg, !neg)
				}
			},
			"screen": func(ts *testscript.TestScript, neg bool, args []string) {
				text := times.ReplaceAllString(ts.ReadFile("stdout"), "TIME")
				if !strings.HasSuffix(text, "\n") {
					text += "\n"
				}
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
			},
		},
	})
}

func number(ts *testscript.TestScript, text string) int {
	v, err := strconv.Atoi(text)
	ts.Check(err)
	return v
}
