package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every figure comes from the file of its mode, dimension or cell. The files are cut down to what the programs write around the figures.
func TestTables(t *testing.T) {
	t.Chdir(t.TempDir())
	all := jobs()
	for i, j := range all {
		number := 100 + i // of the job, a part of all its figures
		for file, text := range map[string]string{
			j.log + ".log": fmt.Sprintf("%sFound %d correct labels\nFound 5 incorrect labels\n\ntime: %d.5 s\n", j.recipe(), number, number),
			j.log + ".txt": fmt.Sprintf("Approximation Factor LSH: 1.%d\nApproximation Factor Reduced: 2.%[1]d\n"+
				"Average Correct Search Results EMD: 0.%[1]d\nAverage Correct Search Results MANHATTAN: 3.%[1]d\n", number),
			j.log + ".html": fmt.Sprintf(`<th scope="row">images that LSH compared with a query</th><td>%d %% of the data set</td>`, number),
		} {
			if j.log == "cluster" && strings.HasSuffix(file, ".txt") {
				text = ""
				for k, space := range []string{"NEW SPACE", "ORIGINAL SPACE", "CLASSES AS CLUSTERS"} {
					text += space + "\nCLUSTER-1 {size: 2, centroid: [0, 8]}\n"
					if k < 2 {
						text += fmt.Sprintf("clustering_time: %d.%d\n", number, k)
					}
					text += fmt.Sprintf("Silhouette: [0.1, -0.2, -0.%d%d]\nValue of Objective Function: %[1]d%[2]de+08\n\n", number, k)
				}
			}
			path := filepath.Join(filepath.Dir(j.logFile()), file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	text, made, err := tables(all)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("; %d seconds for everything.\n", 22*100+22*21/2+11); !strings.Contains(text, want) {
		t.Errorf("no %q in %s", want, text)
	}
	// The jobs of a mode: 0 to 3 those of 10 dimensions, 4 to 7 of 15 and 20, 8 to 10 the cells.
	for _, want := range []string{
		"| 10 | 1.56615 | 2.103 | 2.114 | 100.5 s | 111.5 s |",
		"| 20 | 1.35298 | 2.107 | 2.118 | 106.5 s | 117.5 s |",
		"| 15 | 1.11199 | 1.105 | 1.116 | 105 % | 116 % | 146.854 s | 105.5 s | 116.5 s |",
		"| 7x7 | 0.47 | 0.109 | 0.120 | 0.78 | 3.109 | 3.120 | 1 hour | 109.5 s | 120.5 s |",
		"| NEW SPACE | 0.0790247 | -0.1020 | -0.1130 | 1.93026e+08 | 1020e+08 | 1130e+08 | 0.722248 s | 102.0 s | 113.0 s |",
		"| CLASSES AS CLUSTERS | 0.102485 | -0.1022 | -0.1132 | 1.93981e+08 | 1022e+08 | 1132e+08 | - | - | - |",
		"| original | 101 | 101.5 s |",
		"| textbook | 112 | 112.5 s |",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no row %q in %s", want, text)
		}
	}
	for _, m := range made {
		for _, row := range m.Rows {
			if len(row) != len(m.Head) {
				t.Errorf("%s: a row of %d cells below %d headings", m.Caption, len(row), len(m.Head))
			}
		}
	}
	if err := os.Remove(all[3].logFile()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tables(all); err == nil {
		t.Error("no error where a log is missing")
	}
}
