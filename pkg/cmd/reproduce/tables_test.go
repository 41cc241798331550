package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/results"
)

// resultsOf returns the results of a job. Its number, from 100 on, is a part of all its figures.
func resultsOf(j *job, number int) results.Document {
	part := float64(number) / 1000
	approximation := func(whole float64) results.Approximation {
		return results.Approximation{Mean: results.Number(whole + part)}
	}
	ranking := func(whole float64) results.Ranking {
		return results.Ranking{Correctness: results.Number(whole + part)}
	}
	clustering := func(k int) results.Clustering {
		return results.Clustering{
			Seconds:   results.Number(float64(number) + float64(k)/10 + 0.01),
			Average:   results.Number(-part - float64(k)/10000 - 0.00001),
			Objective: int64(number)*1e8 + int64(k)*1e7 + 1e6,
		}
	}
	switch {
	case strings.HasPrefix(j.log, "emd"):
		return &results.EMD{Rounds: []results.EMDRound{{EMD: ranking(0), Manhattan: ranking(3)}}}
	case j.log == "search":
		return &results.Search{Rounds: []results.SearchRound{{
			LSH: approximation(1), Reduced: approximation(2),
			Compared: results.Number(float64(number) / 100),
		}}}
	case j.log == "cluster":
		return &results.Cluster{Rounds: []results.ClusterRound{{
			Reduced: clustering(0), Original: clustering(1), Network: clustering(2),
		}}}
	case j.log == "classification":
		return &results.Classification{Rounds: []results.Classifier{{
			Test: &results.Test{Right: number, Wrong: 5},
		}}}
	}
	return &results.Reduce{Rounds: make([]results.Autoencoder, 1)}
}

// Every figure comes from the results of its mode, dimension or cell, and every time of a job from
// its log.
func TestTables(t *testing.T) {
	t.Chdir(t.TempDir())
	all := jobs()
	for i, j := range all {
		number := 100 + i
		if err := os.MkdirAll(filepath.Dir(j.logFile()), 0o755); err != nil {
			t.Fatal(err)
		}
		log := fmt.Sprintf("%sSomething\n\ntime: %d.5 s\n", j.recipe(), number)
		if err := os.WriteFile(j.logFile(), []byte(log), 0o644); err != nil {
			t.Fatal(err)
		}
		file := strings.TrimSuffix(j.logFile(), ".log") + ".json"
		if err := writeResults(file, resultsOf(j, number)); err != nil {
			t.Fatal(err)
		}
	}
	text, made, err := tables(all)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("; %d seconds for everything.\n", 22*100+22*21/2+11)
	if !strings.Contains(text, want) {
		t.Errorf("no %q in %s", want, text)
	}
	// The jobs of a mode: 0 to 3 those of 10 dimensions, 4 to 7 of 15 and 20, 8 to 10 the cells.
	for _, want := range []string{
		"| 10 | 1.56615 | 2.103 | 2.114 | 100.5 s | 111.5 s |",
		"| 20 | 1.35298 | 2.107 | 2.118 | 106.5 s | 117.5 s |",
		"| 15 | 1.11199 | 1.105 | 1.116 | 105 % | 116 % | 146.854 s | 105.5 s | 116.5 s |",
		"| 7x7 | 0.47 | 0.109 | 0.12 | 0.78 | 3.109 | 3.12 | 1 hour | 109.5 s | 120.5 s |",
		"| NEW SPACE | 0.0790247 | -0.10201 | -0.11301 | 1.93026e+08 | 1.0201e+10 | 1.1301e+10 " +
			"| 0.722248 s | 102.01 s | 113.01 s |",
		"| CLASSES AS CLUSTERS | 0.102485 | -0.10221 | -0.11321 | 1.93981e+08 | 1.0221e+10 " +
			"| 1.1321e+10 | - | - | - |",
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
	for _, file := range []string{
		filepath.FromSlash("results/textbook/emd/emd7.json"), all[3].logFile(),
	} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if _, _, err := tables(all); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("without %s: %v, want an error that names it", file, err)
		}
	}
}

func writeResults(name string, d results.Document) error {
	return outfile.Write(name, func(w io.Writer) error { return results.Write(w, d) })
}
