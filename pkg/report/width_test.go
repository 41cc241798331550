package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"imagesimilarity/pkg/results"
)

// chromium runs a browser without a window on a page and returns what it writes to its standard
// output. It skips the test if there is no browser.
func chromium(t *testing.T, page []byte, args ...string) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		browser, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		dir := t.TempDir()
		file := filepath.Join(dir, "page.html")
		if err := os.WriteFile(file, page, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
			"--no-first-run", "--disable-background-networking", "--disable-component-update",
			"--disable-sync", "--user-data-dir=" + filepath.Join(dir, "profile")}, args...)
		args = append(args, "file://"+filepath.ToSlash(file))
		cmd := exec.CommandContext(t.Context(), browser, args...)
		var out, log bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &log
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", browser, err, log.Bytes())
		}
		return out.String()
	}
	t.Skip("pages in a browser: not tested, Chromium is not there")
	return ""
}

// manyClasses returns the page of a classifier with classes classes.
func manyClasses(classes int) *Page {
	rng := rand.New(rand.NewPCG(1, 1))
	n := 40 * classes
	query := Images{noise(n, 8, 8, rng).Sample(), randomLabels(n, classes, rng)}
	t := &results.Test{Confusion: make([][]int, classes)}
	for k := range classes {
		t.Classes, t.Confusion[k] = append(t.Classes, k), make([]int, classes)
	}
	for _, l := range query.Labels {
		predicted := int(l)
		if rng.IntN(8) == 0 {
			predicted = rng.IntN(classes)
		}
		t.Predicted = append(t.Predicted, uint8(predicted))
		t.Confusion[l][predicted]++
		t.Probability, t.OfTruth = append(t.Probability, 0.5), append(t.OfTruth, 0.25)
	}
	run := &results.Classification{Classes: classes}
	p := NewClassification(run)
	p.AddClassification(run, &results.Classifier{Test: t}, query)
	return p
}

// However many classes there are, no page is wider than the window, and the drawing of the counts
// lies in it. All counts stand in the table behind it.
func TestManyClassesFitEveryWidth(t *testing.T) {
	law := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`)
	const measure = `<script>
const matrix = document.querySelector('.matrix').getBoundingClientRect();
document.querySelector('main').dataset.measured = [innerWidth,
  document.documentElement.scrollWidth, Math.round(matrix.left), Math.round(matrix.right)];
</script></body>`
	for _, classes := range []int{27, 62} {
		page := rendered(t, manyClasses(classes))
		d := check(t, page)
		rows := 0
		for _, r := range d.rows {
			if len(r) == classes+1 {
				rows++
			}
		}
		if want := classes + 1; rows != want { // one names the columns
			t.Errorf("%d classes: the table has %d rows, want %d", classes, rows, want)
		}
		for _, width := range []int{320, 390, 1280, 2560} {
			open := strings.Replace(law.ReplaceAllString(string(page), ""), "</body>", measure, 1)
			// A window may have a least width. A frame has none.
			frame := fmt.Sprintf(`<!DOCTYPE html><iframe style="width:%dpx;height:800px;border:0" `+
				`srcdoc="%s"></iframe><script>onload = () => {
  const inside = document.querySelector('iframe').contentDocument;
  document.body.append(inside.querySelector('main').dataset.measured);
}</script>`,
				width, strings.NewReplacer("&", "&amp;", `"`, "&quot;").Replace(open))
			dom := chromium(t, []byte(frame), "--window-size=2700,900", "--dump-dom")
			m := regexp.MustCompile(`(\d+),(\d+),(-?\d+),(\d+)</body>`).FindStringSubmatch(dom)
			if m == nil {
				t.Fatalf("%d classes, %d px: nothing was measured; %.300s", classes, width,
					dom[max(0, len(dom)-300):])
			}
			var v [4]int
			for i := range v {
				v[i], _ = strconv.Atoi(m[i+1])
			}
			if v[0] != width || v[1] > width || v[2] < 0 || v[3] > width || v[3]-v[2] < width*2/5 &&
				width < 1000 {
				t.Errorf("%d classes, %d px: window %d, page %d, drawing from %d to %d",
					classes, width, v[0], v[1], v[2], v[3])
			}
		}
	}
}

// Printed, pages have all their parts on many sheets.
func TestPrint(t *testing.T) {
	pdf := filepath.Join(t.TempDir(), "page.pdf")
	chromium(t, rendered(t, after(manyClasses(62), everything("", 8, 8))...),
		"--no-pdf-header-footer", "--print-to-pdf="+pdf)
	b, err := os.ReadFile(pdf)
	if err != nil {
		t.Fatal(err)
	}
	sheets := len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(b, -1))
	if !bytes.HasPrefix(b, []byte("%PDF")) || len(b) < 100_000 || sheets < 20 {
		t.Errorf("%d bytes, %d sheets; want a PDF of at least 20", len(b), sheets)
	}
}
