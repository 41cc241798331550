package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/cmd/internal/step"
)

// The test program is also the program that the jobs of the tests run: it leaves its arguments in a
// file, and fails if the first one is "fail".
func TestMain(m *testing.M) {
	diary := os.Getenv("REPRODUCE_DIARY")
	if diary == "" {
		os.Exit(m.Run())
	}
	f, err := os.OpenFile(diary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = fmt.Fprintln(f, strings.Join(os.Args[1:], " "))
	}
	if err != nil || os.Args[1] == "fail" {
		os.Exit(1)
	}
}

func TestThereAreNoFlags(t *testing.T) {
	var stderr strings.Builder
	if status := run([]string{"-textbook"}, nil, nil, &stderr); status != 2 || stderr.Len() == 0 {
		t.Errorf("status %d, %q", status, &stderr)
	}
}

// A job runs once. It runs again if its arguments or answers change or a job before it in its
// folder runs again, also if that was interrupted.
func TestOnlyWhatIsNotFinishedRuns(t *testing.T) {
	top := t.TempDir()
	program, err := filepath.Rel(top, strings.TrimSuffix(os.Args[0], ".exe"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(top)
	t.Setenv("REPRODUCE_DIARY", t.TempDir()+"/diary")
	jobs := func() []*job {
		var all []*job
		for _, name := range []string{"a/train", "a/search", "b/train", "a/cluster"} {
			folder, log, _ := strings.Cut(name, "/")
			all = append(all, &job{"mode/" + folder, log, step.Step{Program: program, Args: []string{name}}})
		}
		return all
	}
	for _, c := range []struct {
		name   string
		change func(all []*job)
		fails  bool
		want   []string
	}{
		{"first time", func(all []*job) {}, false,
			[]string{"a/train", "a/search", "b/train", "a/cluster"}},
		{"again", func(all []*job) {}, false, nil},
		{"another answer to the second", func(all []*job) {
			all[1].step.Answers = []string{"Y"}
		}, false, []string{"a/search", "a/cluster"}},
		{"the old answer again", func(all []*job) {}, false, []string{"a/search", "a/cluster"}},
		{"the first is changed, the second fails", func(all []*job) {
			all[0].step.Args = []string{"changed"}
			all[1].step.Args = []string{"fail"}
		}, true, []string{"changed", "fail"}},
		{"the second no longer fails", func(all []*job) {
			all[0].step.Args = []string{"changed"}
		}, false, []string{"a/search", "a/cluster"}},
	} {
		all := jobs()
		c.change(all)
		os.Remove(os.Getenv("REPRODUCE_DIARY"))
		if err := runAll(all, io.Discard); (err != nil) != c.fails {
			t.Errorf("%s: error %v", c.name, err)
		}
		diary, _ := os.ReadFile(os.Getenv("REPRODUCE_DIARY")) // there is none if nothing ran
		if ran := strings.Fields(string(diary)); !slices.Equal(ran, c.want) {
			t.Errorf("%s: %q ran, want %q", c.name, ran, c.want)
		}
	}
}
