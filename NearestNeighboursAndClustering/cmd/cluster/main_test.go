package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cluster": main})
}

var times = regexp.MustCompile(`(?m)^clustering_time: [0-9.e+-]+$`)

// TestConversations runs the scripts. They find MNIST images, latent vectors and classes in $DATA,
// the original's reports in $GOLDEN, and two commands: masked FILE replaces the times in a report
// by T, and tiny writes data sets of three images and fewer.
func TestConversations(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for name, dir := range map[string]string{
				"DATA": "../../../pkg/testdata/mnist", "GOLDEN": "testdata",
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
			"masked": func(ts *testscript.TestScript, _ bool, args []string) {
				name := ts.MkAbs(args[0])
				report := []byte(ts.ReadFile(args[0]))
				masked := times.ReplaceAll(report, []byte("clustering_time: T"))
				ts.Check(os.WriteFile(name, masked, 0o644))
			},
			"tiny": func(ts *testscript.TestScript, _ bool, _ []string) {
				for name, pix := range map[string][]uint8{
					"tiny": {0, 0, 0, 8, 9, 200}, "same": {7, 7, 7, 7, 7, 7},
					"black": make([]uint8, 6), "one": {5, 6}, "none": nil,
				} {
					ts.Check(idx.WriteImages(ts.MkAbs(name+".images"),
						&imageset.Images[uint8]{N: len(pix) / 2, Rows: 1, Cols: 2, Pix: pix}))
				}
				for name, pix := range map[string][]uint16{
					"tiny": {0, 10, 60000}, "same": {9, 9, 9}, "high": {30000, 65000, 33000},
					"one": {50000}, "none": nil,
				} {
					ts.Check(idx.WriteLatents(ts.MkAbs(name+".latents"),
						&imageset.Images[uint16]{N: len(pix), Rows: 1, Cols: 1, Pix: pix}))
				}
			},
		},
	})
}
