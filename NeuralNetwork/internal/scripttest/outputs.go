package scripttest

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
)

// moments matches what differs from run to run in a document of results.
var moments = regexp.MustCompile(`"(started|seconds)":("[^"]*"|[^",}]*)`)

// Outputs returns the content of all files in the current folder by their names, with times
// masked. screen is what the program showed.
func Outputs(t *testing.T, screen string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"the screen": times.ReplaceAllString(screen, "TIME")}
	for _, e := range entries {
		b, err := os.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = moments.ReplaceAllString(string(b), "TIME")
	}
	return all
}

// Compare fails the test where outputs differ from those that are wanted. run names the run.
func Compare(t *testing.T, run string, got, want map[string]string) {
	t.Helper()
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, slices.Sorted(maps.Keys(want))) {
		t.Errorf("%s: the files %v are written, want %v", run, names, slices.Sorted(maps.Keys(want)))
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %s differs", run, name)
		}
	}
}
