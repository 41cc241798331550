package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"shard": main})
}

var times = regexp.MustCompile(`(?m)^(tReduced|tLSH|tTrue): [0-9.e+-]+$`)

// TestScripts runs the scripts in testdata/script. They have MNIST images and latent vectors in
// $DATA, the original's reports of search in $GOLDEN, sort(1), and these commands:
//
//	gunzip FILE NAME         unpacks
//	split FILE COUNT...      cuts a file of images or of latent vectors after so many images, into
//	                         FILE.0, FILE.1 and so on
//	masktimes FILE           replaces the times in a report by T
//	touch FILE               changes when the file was changed
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("LC_ALL", "C")
			for name, dir := range map[string]string{
				"DATA": "../../../pkg/testdata/mnist", "GOLDEN": "../search/testdata",
			} {
				abs, err := filepath.Abs(dir)
				if err != nil {
					return err
				}
				e.Setenv(name, abs)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"gunzip": func(ts *testscript.TestScript, _ bool, args []string) {
				z, err := gzip.NewReader(bytes.NewReader([]byte(ts.ReadFile(args[0]))))
				ts.Check(err)
				b, err := io.ReadAll(z)
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o644))
			},
			"split": func(ts *testscript.TestScript, _ bool, args []string) {
				name := ts.MkAbs(args[0])
				if m, err := idx.ReadImages(name); err == nil {
					split(ts, name, m, idx.WriteImages, args[1:])
					return
				}
				m, err := idx.ReadLatents(name)
				ts.Check(err)
				split(ts, name, m, idx.WriteLatents, args[1:])
			},
			"masktimes": func(ts *testscript.TestScript, _ bool, args []string) {
				masked := times.ReplaceAllString(ts.ReadFile(args[0]), "$1: T")
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(masked), 0o644))
			},
			"touch": func(ts *testscript.TestScript, _ bool, args []string) {
				b := []byte(ts.ReadFile(args[0]))
				ts.Check(os.Remove(ts.MkAbs(args[0])))
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), append(b, 0), 0o644))
			},
		},
	})
}

// split writes the images up to each of the counts, and the rest, into files.
func split[P uint8 | uint16](ts *testscript.TestScript, name string, m *imageset.Images[P],
	write func(string, *imageset.Images[P]) error, counts []string) {

	from := 0
	for i := range len(counts) + 1 {
		to := m.N
		if i < len(counts) {
			var err error
			to, err = strconv.Atoi(counts[i])
			ts.Check(err)
		}
		part := &imageset.Images[P]{
			N: to - from, Rows: m.Rows, Cols: m.Cols, Pix: m.Pix[from*m.Dim() : to*m.Dim()],
		}
		ts.Check(write(name+"."+string(rune('0'+i)), part))
		from = to
	}
}
