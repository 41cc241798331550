package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"imagesimilarity/pkg/memory/memorytest"
	"imagesimilarity/pkg/outfile"
)

// Each page gives its graphs as files: pictures that open and drawings that are well-formed, in
// colours of their own. The same page gives the same bytes.
func TestFigures(t *testing.T) {
	want := []string{
		"factors-reduced factors-lsh",
		"right-neighbours",
		"silhouettes-new-space silhouettes-original-space silhouettes-network " +
			"new-space-against-original-space",
		"losses map-pca",
		"losses confusion",
	}
	var files [2][]string
	for i := range files {
		for k, p := range everything("", 6, 6) {
			dir := t.TempDir()
			var names []string
			for _, name := range strings.Fields(want[k]) {
				names = append(names, filepath.Join(dir, name+".png"), filepath.Join(dir, name+".svg"))
			}
			if got := p.Figures(dir); !slices.Equal(got, names) {
				t.Fatalf("%s: %q, want %q", p.Title, got, names)
			}
			var g outfile.Group
			p.AddFigures(&g, dir)
			if err := g.Commit(); err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				files[i] = append(files[i], string(b))
				if i > 0 {
					continue
				}
				if strings.HasSuffix(name, ".png") {
					if m, err := png.Decode(bytes.NewReader(b)); err != nil || m.Bounds().Dx() < 400 {
						t.Errorf("%s: %v", name, err)
					}
					continue
				}
				x := xml.NewDecoder(bytes.NewReader(b))
				for err == nil {
					_, err = x.Token()
				}
				if err != io.EOF {
					t.Errorf("%s: %v", name, err)
				}
				if c := regexp.MustCompile(`#0[12]0.0.`).Find(b); c != nil {
					t.Errorf("%s has the stand-in %s", name, c)
				}
			}
		}
	}
	if !slices.Equal(files[0], files[1]) {
		t.Error("the same pages give different files")
	}
}

// A figure does not change the page.
func TestFiguresLeaveThePage(t *testing.T) {
	p := everything("", 6, 6)[2]
	before := rendered(t, p)
	for _, f := range p.figures {
		if err := f.writePNG(io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(before, rendered(t, p)) {
		t.Error("the page differs after its figures are written")
	}
}

func TestCheckFigures(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := CheckFigures("", "a.png"); err != nil {
		t.Error(err)
	}
	if err := CheckFigures("new/folder", "a.png", "new/folder/page.html", "b"); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile("file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, names := range map[string][]string{
		"new/../new/folder": {"images", "./new/folder/images.png"}, ".": {"page.svg"}, "file": nil,
	} {
		if err := CheckFigures(dir, names...); err == nil {
			t.Errorf("%s for plots beside %q gives no error", dir, names)
		} else {
			t.Log(err)
		}
	}
	outfile.RemoveEmptyFolders()
	if _, err := os.Stat("new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder for no plots is still there: %v", err)
	}
}

// The figure with the most squares keeps within what CheckMemory asks for, as do all smaller ones.
func TestLargeFiguresKeepWithinTheirMemory(t *testing.T) {
	h := heatMap{Title: "256 classes", Down: "truth", Across: "prediction"}
	for i := range 256 {
		h.Rows = append(h.Rows, heading{Name: strconv.Itoa(i)})
		h.Count = append(h.Count, slices.Repeat([]int{i % 7}, 256))
	}
	h.Columns = h.Rows
	f := figure{"heat", h.graph()}
	for name, write := range map[string]func(io.Writer) error{"PNG": f.writePNG, "SVG": f.writeSVG} {
		most := memorytest.Peak(func() {
			if err := write(io.Discard); err != nil {
				t.Error(err)
			}
		})
		if most > figureSize {
			t.Errorf("%s: %.3g bytes", name, most)
		}
	}
}
