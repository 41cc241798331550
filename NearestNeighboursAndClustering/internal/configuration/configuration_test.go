package configuration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
		{
			text: "number_of_clusters: 10    // how many\nnumber_of_vector_hash_tables: " +
				"5\nmax_number_M_hypercube: 20  // another method's\n",
			want: 10,
		},
		{
			text: "number_of_vector_hash_tables: 5\r\nnumber_of_clusters: 7\r\nnumber_of_probes: 2\r\n",
			want: 7,
		},
		{text: "\ufeffnumber_of_clusters: 3\n", want: 3},
		{text: "// nothing but a comment\n", want: 10},
		{text: "number_of_clusters: 3//: 4\n", want: 3},
		{text: "number_of_clusters: 3\nbad: 3", want: 3},
		{
			text: "number_of_probes: 3\n",
			wantErr: `line 1: invalid configuration: expected "number_of_clusters:", found ` +
				`"number_of_probes:" only`,
		},
		{
			text: "\nnumber_of_cluster: 3\n",
			wantErr: `line 2: invalid configuration: found "number_of_cluster:"; did you mean ` +
				`"number_of_clusters:"?`,
		},
		{text: "number_of_culsters: 3\n", wantErr: `did you mean "number_of_clusters:"?`},
		{text: "Number_Of_Clusters: 3\n", wantErr: `did you mean "number_of_clusters:"?`},
		{text: "number-of-clusters: 3\n", wantErr: `did you mean "number_of_clusters:"?`},
		{
			text:    "number_of_clusters:3\n",
			wantErr: `found "number_of_clusters:3"; expected a blank after "number_of_clusters:"`,
		},
		{text: "number_of_clusters 3\n", wantErr: `did you mean "number_of_clusters:"?`},
		{text: "number_of_clusters=3\n", wantErr: `did you mean "number_of_clusters:"?`},
		{
			text:    "number_of_clusters: 3\nclusters: 4\n",
			wantErr: `line 2: invalid configuration: found "clusters:"; did you mean "number_of_clusters:"?`,
		},
		{text: "K: 3\n", wantErr: `found "K:"; did you mean "number_of_clusters:"?`},
		{
			text:    "number_of_clusters: 3\nnumber_of_probes:\n",
			wantErr: `line 2: invalid configuration: no value follows "number_of_probes:"`,
		},
		{
			text:    "number_of_probes: number_of_clusters: 3\n",
			wantErr: `line 1: invalid configuration: no value follows "number_of_probes:"`,
		},
		{
			text:    "number_of_clusters: 3\n\n5\n",
			wantErr: `line 3: invalid configuration: expected "number_of_clusters:", found "5"`,
		},
		{text: "number_of_clusters: \x1b[31m\n", wantErr: `found "\x1b[31m"`},
		{
			text:    "PK\x03\x04",
			wantErr: "this is a zip archive, expected a configuration file; unpack it with unzip",
		},
		{
			text:    "number_of_clusters: " + strings.Repeat("9", 60000),
			wantErr: `found "` + strings.Repeat("9", 40) + `..."`,
		},
		{text: strings.Repeat(" ", 1<<16+1), wantErr: "too long"},
	} {
		name := filepath.Join(t.TempDir(), "cluster.conf")
		if err := os.WriteFile(name, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := Read(name)
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
		k, err := Read(name)
		if (err == nil) != (k >= 1) || err != nil && !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%d clusters, error %v", k, err)
		}
	})
}
