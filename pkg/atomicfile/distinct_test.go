package atomicfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDistinct(t *testing.T) {
	dir := t.TempDir()
	in, other, link := filepath.Join(dir, "in"), filepath.Join(dir, "other"), filepath.Join(dir, "link")
	for _, name := range []string{in, other} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(in, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, output string
		want         bool // distinct
	}{
		{"new file", filepath.Join(dir, "new"), true},
		{"another file", other, true},
		{"the same name", in, false},
		{"a longer way to it", dir + "/../" + filepath.Base(dir) + "/in", false},
		{"a second name", link, false},
		{"no regular file", os.DevNull, true},
	} {
		if err := Distinct(c.output, filepath.Join(dir, "missing"), in); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestApart(t *testing.T) {
	dir := t.TempDir()
	there, link, new := filepath.Join(dir, "there"), filepath.Join(dir, "link"), filepath.Join(dir, "new")
	if err := os.WriteFile(there, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(there, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		outputs []string
		want    bool // apart
	}{
		{"none", nil, true},
		{"one", []string{there}, true},
		{"two", []string{there, new}, true},
		{"no names", []string{"", "", new}, true},
		{"one name", []string{new, there, new}, false},
		{"two ways to a new file", []string{new, dir + "/./new"}, false},
		{"two names of a file", []string{there, link}, false},
		{"no regular file", []string{os.DevNull, os.DevNull}, true},
	} {
		if err := Apart(c.outputs...); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
