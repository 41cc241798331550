package torture

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sources returns the paths of all files of the project, relative to its top folder and with
// slashes. It leaves out hidden folders other than .ci, and what the make targets write.
func sources(t *testing.T) (files []string) {
	t.Helper()
	written := []string{"datasets", "demo", "results", "try"}
	walk := func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(name, ".") && name != "." && name != ".ci"
		switch {
		case !e.IsDir():
			files = append(files, filepath.ToSlash(name))
		case hidden || slices.Contains(written, name):
			return fs.SkipDir
		}
		return nil
	}
	if err := filepath.WalkDir(root, walk); err != nil {
		t.Fatal(err)
	}
	return files
}

// TestREADMEIsShort keeps README.md readable in one go. What maintainers need lies elsewhere.
func TestREADMEIsShort(t *testing.T) {
	if n := strings.Count(read(t, root, "README.md"), "\n"); n > 200 {
		t.Errorf("README.md has %d lines, expected at most 200", n)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]*)?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```")
	notSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// slug returns the anchor that GitHub gives a heading.
func slug(heading string) string {
	return strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// TestLinks follows every link in a document to a file or to a heading of a document.
func TestLinks(t *testing.T) {
	links := 0
	for _, name := range sources(t) {
		if filepath.Ext(name) != ".md" {
			continue
		}
		dir := filepath.Join(root, filepath.Dir(filepath.FromSlash(name)))
		text := fenced.ReplaceAllString(read(t, root, filepath.FromSlash(name)), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor := m[1], strings.TrimPrefix(m[2], "#")
			if strings.Contains(target, "://") {
				continue
			}
			links++
			file := filepath.Join(dir, filepath.FromSlash(target))
			if target == "" {
				file = filepath.Join(root, filepath.FromSlash(name))
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s: %v", name, target, err)
				continue
			}
			if anchor == "" {
				continue
			}
			headings := heading.FindAllStringSubmatch(read(t, filepath.Dir(file), filepath.Base(file)), -1)
			if !slices.ContainsFunc(headings, func(h []string) bool { return slug(h[1]) == anchor }) {
				t.Errorf("%s links to %s, which has no heading for #%s", name, target, anchor)
			}
		}
	}
	if links == 0 {
		t.Error("found no links")
	}
}
