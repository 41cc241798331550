package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
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

func TestConfiguration(t *testing.T) {
	for _, c := range []struct {
		text    string
		want    int
		wantErr string
	}{
		{text: "number_of_clusters: 5\n", want: 5},
		{text: "number_of_clusters: 010", want: 10},
		{text: " number_of_clusters:\n\t+3\n", want: 3},
		{text: "number_of_clusters: 4\nnumber_of_clusters: 7\n", want: 7},
		{text: "", want: 10},
		{text: "\n\n", want: 10},
		{text: "bad: 3",
			wantErr: `line 1: invalid configuration: expected "number_of_clusters:", found "bad:"`},
		{text: "\nnumber_of_clusters:7", wantErr: "line 2: invalid configuration"},
		{text: "number_of_clusters : 3", wantErr: "line 1: invalid configuration"},
		{text: "number_of_clusters:\n", wantErr: "line 1: invalid configuration: no number follows"},
		{text: "number_of_clusters: 5.7", wantErr: `found "5.7"`},
		{text: "number_of_clusters: 5abc", wantErr: `found "5abc"`},
		{text: "number_of_clusters: 0", wantErr: `found "0"`},
		{text: "number_of_clusters: -3", wantErr: `found "-3"`},
		{text: "number_of_clusters: 99999999999999999999", wantErr: `found "99999999999999999999"`},
		{text: "number_of_clusters: 10    // how many\nnumber_of_vector_hash_tables: 5\nmax_number_M_hypercube: 20  // another method's\n", want: 10},
		{text: "number_of_vector_hash_tables: 5\r\nnumber_of_clusters: 7\r\nnumber_of_probes: 2\r\n", want: 7},
		{text: "\ufeffnumber_of_clusters: 3\n", want: 3},
		{text: "// nothing but a comment\n", want: 10},
		{text: "number_of_clusters: 3//: 4\n", want: 3},
		{text: "number_of_clusters: 3\nbad: 3", want: 3},
		{text: "number_of_probes: 3\n", wantErr: `line 1: invalid configuration: expected "number_of_clusters:", found "number_of_probes:" only`},
		{text: "\nnumber_of_cluster: 3\n", wantErr: `line 2: invalid configuration: found "number_of_cluster:"; did you mean "number_of_clusters:"?`},
		{text: "number_of_culsters: 3\n", wantErr: `did you mean "number_of_clusters:"?`},
		{text: "Number_Of_Clusters: 3\n", wantErr: `did you mean "number_of_clusters:"?`},
		{text: "number-of-clusters: 3\n", wantErr: `did you mean "number_of_clusters:"?`},
		{text: "number_of_clusters:3\n", wantErr: `found "number_of_clusters:3"; expected a blank after "number_of_clusters:"`},
		{text: "number_of_clusters 3\n", wantErr: `did you mean "number_of_clusters:"?`},
		{text: "number_of_clusters=3\n", wantErr: `did you mean "number_of_clusters:"?`},
		{text: "number_of_clusters: 3\nclusters: 4\n", wantErr: `line 2: invalid configuration: found "clusters:"; did you mean "number_of_clusters:"?`},
		{text: "K: 3\n", wantErr: `found "K:"; did you mean "number_of_clusters:"?`},
		{text: "number_of_clusters: 3\nnumber_of_probes:\n", wantErr: `line 2: invalid configuration: no value follows "number_of_probes:"`},
		{text: "number_of_probes: number_of_clusters: 3\n", wantErr: `line 1: invalid configuration: no value follows "number_of_probes:"`},
		{text: "number_of_clusters: 3\n\n5\n", wantErr: `line 3: invalid configuration: expected "number_of_clusters:", found "5"`},
		{text: "number_of_clusters: \x1b[31m\n", wantErr: `found "\x1b[31m"`},
		{text: "PK\x03\x04", wantErr: "this is a zip archive, expected a configuration file; unpack it with unzip"},
		{text: "number_of_clusters: " + strings.Repeat("9", 60000), wantErr: `found "` + strings.Repeat("9", 40) + `..."`},
		{text: strings.Repeat(" ", 1<<16+1), wantErr: "too long"},
	} {
		name := filepath.Join(t.TempDir(), "cluster.conf")
		if err := os.WriteFile(name, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := readConfiguration(name)
		if c.wantErr != "" {
			if err == nil || !strings.HasPrefix(err.Error(), name+": ") ||
				!strings.Contains(err.Error(), c.wantErr) {
				t.Errorf("%.40q gives the error %v, want the file's name and %q", c.text, err, c.wantErr)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%.40q gives %d, error %v; want %d", c.text, got, err, c.want)
		}
	}
}

// Whatever the bytes, a configuration gives a number of clusters or an error that names the file.
func FuzzConfiguration(f *testing.F) {
	for _, s := range []string{
		"number_of_clusters: 5\n", " number_of_clusters:\r\n+010", "",
		"number_of_clusters: -3", "number_of_clusters:\xff\x00 7",
	} {
		f.Add(s)
	}
	name := filepath.Join(f.TempDir(), "cluster.conf")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		k, err := readConfiguration(name)
		if (err == nil) != (k >= 1) || err != nil && !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%d clusters, error %v", k, err)
		}
	})
}
