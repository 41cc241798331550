package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/explore"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/results"
)

// opened returns what a browser without a window, of the given width, makes of a page after its
// script has run. It skips the test if there is no browser. A complaint of the browser is an error.
func opened(t *testing.T, page []byte, width int) (dom string) {
	t.Helper()
	var browser string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("pages in a browser: not tested, Chromium is not there")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox",
		"--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--enable-logging=stderr",
		fmt.Sprintf("--window-size=%d,800", width), "--virtual-time-budget=20000", "--dump-dom",
		"file://"+filepath.ToSlash(file))
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", browser, err, log.Bytes())
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the browser says: %s", line)
		}
	}
	return out.String()
}

var law = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`)

// played opens a page and plays a person there. It returns the texts that the script play tells.
// The page's own policy forbids such a script, and is taken away.
func played(t *testing.T, page []byte, width int, play string) (told []string) {
	t.Helper()
	lawless := law.ReplaceAllString(string(page), "")
	if lawless == string(page) {
		t.Error("the page has no policy")
	}
	person := `<script>
const told = [];
const tell = text => told.push(String(text));
const one = selector => document.querySelector(selector);
const all = selector => Array.from(document.querySelectorAll(selector));
const text = selector => one(selector).textContent;
const rest = () => new Promise(done => setTimeout(done, 100));
const key = (element, key) => element.dispatchEvent(
  new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
const type = (element, text) => {
  element.value = text;
  element.dispatchEvent(new InputEvent('input', {bubbles: true}));
};
const point = (element, event, x, y, more = {}) => {
  const box = element.getBoundingClientRect();
  element.dispatchEvent(new PointerEvent(event, {bubbles: true, pointerId: 1,
    clientX: box.x + x * box.width, clientY: box.y + y * box.height, ...more}));
};
addEventListener('load', async () => {
  await rest();
  ` + play + `
  document.body.dataset.told = JSON.stringify(told);
});
</script></body>`
	dom := opened(t, []byte(strings.Replace(lawless, "</body>", person, 1)), width)
	found := regexp.MustCompile(`data-told="(.*?)"`).FindStringSubmatch(dom)
	if found == nil {
		t.Fatal("the person did not come to the end")
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(found[1])), &told); err != nil {
		t.Fatal(err)
	}
	return told
}

// The script runs to its end, and closes the contents of a narrow page.
func TestBrowser(t *testing.T) {
	t.Parallel()
	pages := everything("</script>'", 14, 14)
	page := rendered(t, after(&Page{Title: "All"}, append(pages, pages[3]))...)
	dom := opened(t, page, 390)
	if strings.Contains(dom, "<details open") {
		t.Error("the contents of a narrow page are open")
	}
	if n := strings.Count(dom, "2,000 of 2,000 in view"); n != 2 {
		t.Errorf("%d maps show all points, want 2", n)
	}
}

// A world is images and vectors that a page shows, with the answers of all methods.
type world struct {
	data    Images
	latents *imageset.Images[uint16]
	about   *results.Neighbourhoods
	page    []byte
}

const worldFile = "<b>data</b>.dat"

// newWorld returns a page with a map of n images of two labels, which can all be asked about.
func newWorld(t *testing.T, n int) world {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	images := noise(n, 8, 8, rng)
	w := world{data: Images{images.Sample(), randomLabels(n, 2, rng)}}
	w.latents = &imageset.Images[uint16]{N: n, Rows: 1, Cols: 3}
	round := &results.Autoencoder{}
	for i := range n {
		var v results.Values
		for range 3 {
			x := uint16(rng.IntN(25500))
			w.latents.Pix = append(w.latents.Pix, x)
			v = append(v, float32(x))
		}
		round.Points, round.Latents = append(round.Points, i), append(round.Latents, v)
		round.Map = append(round.Map, results.Values{rng.Float32(), rng.Float32()})
	}
	set := explore.Set{File: worldFile, Images: images.Set(), Latents: w.latents.Set()}
	m, err := explore.New(set, round.Points, explore.Settings{Functions: 2, Tables: 3, Cell: 4})
	if err != nil {
		t.Fatal(err)
	}
	if w.about, err = m.Themselves(set, nil); err != nil {
		t.Fatal(err)
	}
	run := &results.Reduce{Dataset: results.File{Name: worldFile}}
	p := NewReduce(run)
	p.AddReduce(run, round, w.data)
	p.Ask(w.about, w.data, w.data)

	file := results.LabelledSpaces{Images: results.File{Name: worldFile}}
	s := &results.Search{Data: file}
	exact := nearest(n, n, rng)
	search := NewSearch(s)
	search.AddSearch(s, &results.SearchRound{
		Queries: file, Exact: exact,
		Reduced: results.NewApproximation(exact, exact),
		LSH:     results.NewApproximation(exact, exact),
	}, w.data, w.data)
	w.page = rendered(t, p, search)
	return w
}

// nearest returns the ten images that are nearest to image i by a distance, without it.
func (w world) nearest(i int, distance func(j int) int64) []int {
	var order []int
	for j := range w.data.N {
		if j != i {
			order = append(order, j)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(distance(a) - distance(b)) })
	return order[:10]
}

// answers returns what the page must show in answer to image i: a line for each neighbour.
func (w world) answers(i int) (lines []string) {
	exact := w.nearest(i, func(j int) int64 { return metric.Manhattan(w.data.At(i), w.data.At(j)) })
	latent := w.nearest(i, func(j int) int64 {
		return metric.Manhattan(w.latents.At(i), w.latents.At(j))
	})
	add := func(method string, list []int) {
		for rank, j := range list {
			lines = append(lines, fmt.Sprintf("%d by %s: image %d, label %d",
				rank+1, method, j, w.data.Labels[j]))
		}
	}
	add("exact", exact)
	add("latent", latent)
	for _, n := range w.about.Methods[2:] {
		var list []int
		for _, j := range n.Index[i] {
			list = append(list, int(j))
		}
		add(map[string]string{results.LSH: "LSH", results.Earth: "EMD"}[n.Method], list)
	}
	return lines
}

// A person finds an image on the map, presses it, then asks about a neighbour, goes back, and asks
// by number.
func TestAskAnyImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 150)
	const shown = `all('.lists button')` +
		`.map(b => b.getAttribute('aria-label').split(', distance')[0])`
	told := played(t, w.page, 1280, `
type(one('.find input'), '77');
await rest();
point(one('.map canvas'), 'pointerdown', 0.5, 0.5);
point(one('.map canvas'), 'pointerup', 0.5, 0.5);
tell(`+shown+`.join('\n'));
tell(document.activeElement.textContent);
one('.lists li:nth-child(3) button').click();
tell(`+shown+`.join('\n'));
one('.buttons button').click();
tell(`+shown+`.join('\n'));
type(one('.which'), '12');
one('.go').click();
tell(`+shown+`.join('\n'));
type(one('.which'), 'label 1');
key(one('.which'), 'Enter');
tell(text('.answer h3'));
type(one('.which'), '1234');
key(one('.which'), 'Enter');
tell(text('.problem'));
for (const wrong of ['abc', '', '1e2', '3.5', '-1', ',']) {
  type(one('.which'), wrong);
  one('.go').click();
  tell(text('.problem'));
}
type(one('.which'), ' #1,2 ');
one('.go').click();
tell(text('.problem') + text('.answer h3'));
key(one('.answer h3'), 'Escape');
tell(all('.answer').length);
tell(text('.set option'));
one('.card button.frame').click();
tell(`+shown+`.join('\n'));
tell(one('.card').nextElementSibling.className);
key(one('.answer h3'), 'Escape');
const map = one('.map canvas');
for (const press of ['0', '+', 'ArrowLeft']) key(map, press);
const name = text('.name');
key(map, 'Enter');
tell(text('.answer h3') === 'Nearest to ' + name);
`)
	third := w.nearest(77, func(j int) int64 {
		return metric.Manhattan(w.data.At(77), w.data.At(j))
	})[2]
	first := slices.Index(w.data.Labels, 1)
	const expected = "Type a whole number from 0 to 149, or “label 7”."
	want := []string{
		strings.Join(w.answers(77), "\n"),
		fmt.Sprintf("Nearest to image 77, label %d", w.data.Labels[77]),
		strings.Join(w.answers(third), "\n"),
		strings.Join(w.answers(77), "\n"),
		strings.Join(w.answers(12), "\n"),
		fmt.Sprintf("Nearest to image %d, label 1", first),
		"This image is not among those of the page; the next one is 149.",
		expected, expected, expected, expected, expected, expected,
		fmt.Sprintf("Nearest to image 12, label %d", w.data.Labels[12]),
		"0", worldFile, strings.Join(w.answers(0), "\n"), "answer", "true",
	}
	if len(told) != len(want) {
		t.Fatalf("%q, want %q", told, want)
	}
	for i := range want {
		if told[i] != want[i] {
			t.Errorf("step %d:\n%s\nwant\n%s", i, told[i], want[i])
		}
	}
}

// The map follows keys, wheel, drag, pinch, legend, search and the choice of the layout.
func TestMap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 150)
	told := played(t, w.page, 1280, `
const map = one('.map canvas');
const seen = async name => { await rest(); tell(name + ': ' + text('.view')); };
await seen('start');
one('.legend button').click();
await seen('without 0');
tell(one('.legend button').getAttribute('aria-pressed'));
one('.legend .all').click();
await seen('all');
for (let i = 0; i < 4; i++) key(map, '+');
await rest();
tell(parseInt(text('.view')) < 60 && text('.view').endsWith(', as pictures'));
const before = text('.name');
for (let i = 0; i < 4; i++) key(map, 'ArrowRight');
tell(text('.name') !== before);
key(map, '0');
await seen('whole');
map.focus();
map.dispatchEvent(new WheelEvent('wheel', {deltaY: -600, cancelable: true}));
await rest();
tell(parseInt(text('.view')) < 100);
key(map, '0');
point(map, 'pointerdown', 0.4, 0.5);
point(map, 'pointerdown', 0.6, 0.5, {pointerId: 2});
point(map, 'pointermove', 0.9, 0.5, {pointerId: 2});
point(map, 'pointerup', 0.9, 0.5, {pointerId: 2});
point(map, 'pointerup', 0.4, 0.5);
await rest();
tell(parseInt(text('.view')) < 150 && all('.answer').length === 0);
key(map, '0');
type(one('.find input'), 'label 1');
tell(text('.name'));
type(one('.find input'), '5');
tell(text('.name'));
key(one('.find input'), 'Enter');
tell(text('.answer h3'));
tell(text('.axis.x'));
all('.layouts button')[1].click();
tell(text('.axis.x').replace(/[0-9.]+/, 'n'));
tell(all('.layouts button').map(b => b.getAttribute('aria-pressed')));
`)
	ones := 0
	for _, l := range w.data.Labels {
		ones += int(l)
	}
	five := fmt.Sprintf("image 5, label %d", w.data.Labels[5])
	want := []string{
		"start: 150 of 150 in view", fmt.Sprintf("without 0: %d of 150 in view", ones), "false",
		"all: 150 of 150 in view", "true", "true", "whole: 150 of 150 in view", "true", "true",
		fmt.Sprintf("%d images", ones), five, "Nearest to " + five,
		"", "first principal component, n % of the variance", "false,true",
	}
	if !slices.Equal(told, want) {
		t.Errorf("%q\nwant\n%q", told, want)
	}
}

// No page is wider than the window, and all that can be pressed has a name.
func TestNothingIsCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 150)
	all := rendered(t, after(&Page{Title: "All"}, everything("long-name-of-a-file", 14, 14))...)
	for name, page := range map[string][]byte{"asked": w.page, "everything": all} {
		told := played(t, page, 1280, `
const person = /<script>\s*const told[^]*?<\/script>/;
const source = '<!DOCTYPE html>' + document.documentElement.outerHTML.replace(person, '');
for (const width of [320, 390, 1280, 2560]) {
  const frame = document.createElement('iframe');
  frame.style = 'position: absolute; border: 0; height: 800px; width: ' + width + 'px';
  frame.srcdoc = source;
  await new Promise(done => { frame.onload = done; document.body.append(frame); });
  const inner = frame.contentDocument;
  await rest();
  inner.querySelector('.other')?.click();
  await rest();
  const root = inner.documentElement;
  tell(frame.contentWindow.innerWidth + ': ' + (root.scrollWidth - root.clientWidth));
  tell(Array.from(inner.querySelectorAll('button, input, select, canvas[tabindex]'))
    .filter(e => !(e.getAttribute('aria-label') || e.title || e.textContent.trim() ||
      (e.labels && e.labels[0]))).map(e => e.outerHTML).join(' '));
  frame.remove();
}
`)
		want := []string{"320: 0", "", "390: 0", "", "1280: 0", "", "2560: 0", ""}
		if !slices.Equal(told, want) {
			t.Errorf("%s: what stands out to the right, and what has no name: %q", name, told)
		}
	}
}

// The largest page has 2,000 images of the largest size, and the answers of all methods.
func TestAtlasStaysSmall(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, side := range []int{28, 56} {
		data := Images{noise(3000, side, side, rng).Sample(), randomLabels(3000, 10, rng)}
		about := &results.Neighbourhoods{Data: "data", Asked: "data", Among: Points(3000, side, side)}
		about.Images = about.Among
		for _, m := range methodNames {
			n := results.Neighbours{Method: m.Method}
			for range about.Images {
				index, distance := neighbours(1, 10, len(about.Among), rng)
				for j := range index {
					index[j] = int64(about.Among[index[j]])
				}
				n.Index, n.Distance = append(n.Index, index), append(n.Distance, distance)
			}
			about.Methods = append(about.Methods, n)
		}
		p := &Page{Title: "Large"}
		p.Ask(about, data, data)
		for range 40 { // more than there is room for
			q := *about
			q.Asked = fmt.Sprintf("queries %d", rng.IntN(1e6))
			p.Ask(&q, data, data)
		}
		pages := append(everything("", 28, 28), p)
		page := rendered(t, after(&Page{Title: "All"}, pages)...)
		check(t, page)
		if !bytes.Contains(page, []byte(`id="atlas"`)) {
			t.Error("there is no atlas")
		}
	}
}
