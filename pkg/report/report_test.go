package report

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/imageset"
)

// noise is n images of random grey levels, which compress to nothing: the worst case for the size of a page.
func noise(n, rows, cols int, rng *rand.Rand) *imageset.Images[uint8] {
	m := &imageset.Images[uint8]{N: n, Rows: rows, Cols: cols, Pix: make([]uint8, n*rows*cols)}
	for i := range m.Pix {
		m.Pix[i] = uint8(rng.Uint32())
	}
	return m
}

func randomLabels(n, classes int, rng *rand.Rand) []uint8 {
	l := make([]uint8, n)
	for i := range l {
		l[i] = uint8(rng.IntN(classes))
	}
	return l
}

func answers(name string, queries, k, images int, rng *rand.Rand) Answers {
	a := Answers{Name: name, K: k, Unit: "grey levels", Seconds: 1.5}
	for range queries * k {
		a.Index = append(a.Index, int32(rng.IntN(images)))
		a.Distance = append(a.Distance, 1000+float64(rng.IntN(1000)))
	}
	return a
}

func clusteringOf(name string, m *imageset.Images[uint8], k int, rng *rand.Rand) Clustering {
	c := Clustering{Name: name, Average: 0.25, Objective: 1e7, Seconds: math.NaN(), Medians: noise(k, m.Rows, m.Cols, rng)}
	for range m.N {
		c.Label = append(c.Label, rng.Int32N(int32(k)))
		c.Silhouette = append(c.Silhouette, 2*rng.Float64()-1)
	}
	return c
}

// everything is one page of each kind, filled as far as it goes, about images of the given size; text stands wherever text from outside can.
func everything(text string, rows, cols int) []*Page {
	rng := rand.New(rand.NewPCG(1, 1))
	const n, queries, classes = 3000, 50, 26
	data, query := noise(n, rows, cols, rng), noise(queries, rows, cols, rng)
	dataLabels, queryLabels := randomLabels(n, classes, rng), randomLabels(queries, classes, rng)
	facts := []Fact{{text, text}}
	newPage := func(title string) *Page {
		return &Page{Title: title + text, Command: []string{"program", text}, Facts: facts}
	}

	search := newPage("Search")
	exact, lsh := answers("exact", queries, 1, n, rng), answers("LSH"+text, queries, 1, n, rng)
	for q := range queries {
		exact.Distance[q] = 900
	}
	lsh.Index[3] = -1
	search.AddSearch(Search{facts, data, query, dataLabels, queryLabels, exact, []Answers{lsh, answers("reduced", queries, 1, n, rng)}})

	emd := newPage("EMD")
	emd.AddEMD(EMD{facts, data, query, dataLabels, queryLabels,
		[2]Answers{answers("EMD"+text, queries, 10, n, rng), answers("Manhattan", queries, 10, n, rng)}})

	cluster := newPage("Clusters")
	cluster.AddCluster(Cluster{facts, data, []Clustering{
		clusteringOf("latent"+text, data, 10, rng), clusteringOf("original", data, 12, rng), clusteringOf("classes", data, 120, rng)}})

	training := &Training{Loss: []float64{3, 2, 1.5, 1.2}, ValLoss: []float64{2.5, 2.1, 1.9, 1.8}, Phases: []int{2, 2}}
	reduce := newPage("Autoencoder")
	r := Reduce{Facts: facts, Training: training, Images: data, Labels: dataLabels, Points: Points(data)}
	for range len(r.Points) * 10 {
		r.Latents = append(r.Latents, rng.Float32())
	}
	for _, i := range Examples(data) {
		c := Reconstruction{Index: i}
		for _, v := range data.At(i) {
			c.Input, c.Output = append(c.Input, float32(v)/255), append(c.Output, rng.Float32()*1.2-0.1)
		}
		r.Reconstructions = append(r.Reconstructions, c)
	}
	reduce.AddReduce(r)

	classification := newPage("Classifier")
	c := Classification{Facts: facts, Training: training, Images: query, Labels: queryLabels, Predicted: randomLabels(queries, classes, rng)}
	c.Confusion = make([][]int, classes)
	for k := range classes {
		c.Classes, c.Confusion[k] = append(c.Classes, uint8(k)), make([]int, classes)
		c.Scores = append(c.Scores, Score{fmt.Sprint(k), 0.5, 0.25, 0.125, 2})
	}
	c.Scores = append(c.Scores, Score{"accuracy", math.NaN(), math.NaN(), 0.5, queries})
	for i := range queries {
		c.Confusion[c.Labels[i]][c.Predicted[i]]++
		for range classes {
			c.Probabilities = append(c.Probabilities, rng.Float32())
		}
	}
	classification.AddClassification(c)
	return []*Page{search, emd, cluster, reduce, classification}
}

func rendered(t testing.TB, p *Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.Render(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func merged(t testing.TB, cover *Page, pages []*Page) []byte {
	t.Helper()
	var files [][]byte
	for _, p := range pages {
		files = append(files, rendered(t, p))
	}
	var b bytes.Buffer
	if err := Merge(&b, cover, files...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A document is what a test asks about a page.
type document struct {
	elements map[string]int // how often each element occurs
	ids      []string
	links    []string
	sources  []string
	headings []string   // texts of h1 and h2
	rows     [][]string // cells of all tables
}

var opaque = regexp.MustCompile(`(?s)(<(?:script|style)>).*?(</(?:script|style)>)`)

// readDocument reads a page as XML, which it is but for the elements that HTML leaves open; script and style are not markup.
func readDocument(t testing.TB, page []byte) document {
	t.Helper()
	d := document{elements: map[string]int{}}
	x := xml.NewDecoder(bytes.NewReader(opaque.ReplaceAll(page, []byte("$1$2"))))
	x.Strict, x.AutoClose, x.Entity = false, []string{"meta", "img"}, xml.HTMLEntity
	var open []string
	var text strings.Builder
	for {
		token, err := x.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			d.elements[e.Name.Local]++
			open = append(open, e.Name.Local)
			alt := false
			for _, a := range e.Attr {
				switch {
				case a.Name.Local == "id":
					d.ids = append(d.ids, a.Value)
				case a.Name.Local == "href":
					d.links = append(d.links, a.Value)
				case a.Name.Local == "src":
					d.sources = append(d.sources, a.Value)
				case a.Name.Local == "alt":
					alt = true
				case strings.HasPrefix(a.Name.Local, "on"):
					t.Errorf("<%s> has the attribute %s", e.Name.Local, a.Name.Local)
				}
			}
			if e.Name.Local == "img" && !alt {
				t.Error("an image lacks the text for those who do not see it")
			}
			switch e.Name.Local {
			case "h1", "h2", "th", "td":
				text.Reset()
			case "tr":
				d.rows = append(d.rows, nil)
			}
		case xml.CharData:
			text.Write(e)
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != e.Name.Local {
				t.Fatalf("</%s> closes %v", e.Name.Local, open)
			}
			open = open[:len(open)-1]
			switch e.Name.Local {
			case "h1", "h2":
				d.headings = append(d.headings, text.String())
			case "th", "td":
				d.rows[len(d.rows)-1] = append(d.rows[len(d.rows)-1], text.String())
			}
		}
	}
	if len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
	return d
}

// row is the cells after the first of the row that begins with name.
func (d document) row(name string) []string {
	for _, r := range d.rows {
		if len(r) > 0 && r[0] == name {
			return r[1:]
		}
	}
	return nil
}

// check tests what holds for every page.
func check(t *testing.T, page []byte) document {
	t.Helper()
	d := readDocument(t, page)
	if len(page) >= 5_000_000 {
		t.Errorf("%d bytes, want less than 5 MB", len(page))
	}
	if bytes.Contains(page, []byte("ZgotmplZ")) {
		t.Error("a value was not let through by html/template")
	}
	if bytes.Contains(page, []byte("http://")) || bytes.Contains(page, []byte("https://")) || bytes.Contains(page, []byte("url(")) {
		t.Error("the page names an address")
	}
	for name, want := range map[string]int{"script": 1, "style": 1, "link": 0, "iframe": 0, "object": 0, "base": 0, "form": 0, "b": 0} {
		if got := d.elements[name]; got != want {
			t.Errorf("%d elements <%s>, want %d", got, name, want)
		}
	}
	slices.Sort(d.ids)
	if n := len(slices.Compact(slices.Clone(d.ids))); n != len(d.ids) {
		t.Errorf("ids are not unique: %v", d.ids)
	}
	for _, l := range d.links {
		if id, ok := strings.CutPrefix(l, "#"); !ok || !slices.Contains(d.ids, id) {
			t.Errorf("link %q leads nowhere", l)
		}
	}
	for _, s := range d.sources {
		data, ok := strings.CutPrefix(s, "data:image/png;base64,")
		b, err := base64.StdEncoding.DecodeString(data)
		if !ok || err != nil {
			t.Fatalf("source %.40q, want a PNG inside of the page", s)
		}
		if _, err := png.DecodeConfig(bytes.NewReader(b)); err != nil {
			t.Errorf("picture: %v", err)
		}
	}
	return d
}

func TestPages(t *testing.T) {
	for _, p := range everything("", 28, 28) {
		t.Run(p.Title, func(t *testing.T) {
			page := rendered(t, p)
			d := check(t, page)
			want := []string{p.Title}
			for _, s := range p.sections {
				want = append(want, s.Title)
			}
			if !slices.Equal(d.headings, want) {
				t.Errorf("headings %q, want %q", d.headings, want)
			}
			if len(d.sources) == 0 || d.elements["svg"] == 0 {
				t.Errorf("%d pictures and %d drawings, want some", len(d.sources), d.elements["svg"])
			}
			if !bytes.Equal(page, rendered(t, p)) {
				t.Error("a second rendering differs")
			}
		})
	}
}

func TestSameInputSamePage(t *testing.T) {
	a, b := everything("", 9, 12), everything("", 9, 12)
	for i := range a {
		if !bytes.Equal(rendered(t, a[i]), rendered(t, b[i])) {
			t.Errorf("%s differs", a[i].Title)
		}
	}
}

func TestTextFromOutsideStaysText(t *testing.T) {
	for _, text := range []string{
		`<b>bold</b>`, `</script><script>alert(1)</script>`, `"><b onclick="alert(1)">`, `' onmouseover='alert(1)`, `--><b>`,
		begin, end, `</section><b>`, `</h1><b>`, `{{.}}`, `&lt;b&gt;`, "a\x00b", "\xff\xfe", "|", `]]>`,
	} {
		pages := everything(text, 5, 5)
		for _, p := range pages {
			d := check(t, rendered(t, p))
			shown := strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\ufffd"), "\ufffd")
			if got := d.row(shown); len(got) != 1 || got[0] != shown {
				t.Errorf("%s: %q is shown as %q", p.Title, shown, got)
			}
		}
		d := check(t, merged(t, &Page{Title: text}, pages))
		if got, want := d.elements["section"], 3+3+7+3+4; got != want {
			t.Errorf("%q: %d sections are left of the pages, want %d", text, got, want)
		}
	}
}

func TestLargeImagesAndManyRoundsStaySmall(t *testing.T) {
	for _, size := range [][2]int{{28, 28}, {57, 56}, {300, 200}, {1, 3000}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			for _, p := range everything("", size[0], size[1]) {
				check(t, rendered(t, p))
				for _, s := range p.sections {
					if strings.Contains(string(s.Body), noRoom) {
						t.Errorf("%s: section %s was left out of one round", p.Title, s.ID)
					}
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(1, 1))
	m, l := noise(100, 56, 56, rng), randomLabels(100, 10, rng)
	p := &Page{Title: "Many rounds"}
	for range 12 {
		p.AddEMD(EMD{nil, m, m, l, l, [2]Answers{answers("EMD", 100, 10, 100, rng), answers("Manhattan", 100, 10, 100, rng)}})
	}
	d := check(t, rendered(t, p))
	if !strings.Contains(string(p.sections[35].Body), noRoom) {
		t.Error("nothing says that the last section was left out")
	}
	if got, want := d.headings[36], "Where the distances disagree most (round 12)"; got != want {
		t.Errorf("last heading %q, want %q", got, want)
	}
	check(t, merged(t, &Page{Title: "Many pages"}, []*Page{p, p, p}))
}

func TestLittleToShow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	none, one := noise(0, 28, 28, rng), noise(1, 28, 28, rng)
	empty := Answers{Name: "empty", K: 1}
	still := Answers{Name: "same", K: 1, Index: []int32{0}, Distance: []float64{0}}
	lost := Answers{Name: "lost", K: 1, Index: []int32{-1}, Distance: []float64{0}}
	nan := math.NaN()
	for name, add := range map[string]func(p *Page){
		"no queries": func(p *Page) {
			p.AddSearch(Search{Data: one, Queries: none, Exact: empty, Approximate: []Answers{empty}})
		},
		"all distances 0": func(p *Page) {
			p.AddSearch(Search{Data: one, Queries: one, Exact: still, Approximate: []Answers{still, lost}})
		},
		"no queries for EMD": func(p *Page) {
			p.AddEMD(EMD{Data: one, Queries: none, DataLabels: []uint8{1}, Rankings: [2]Answers{empty, empty}})
		},
		"nothing trained":         func(p *Page) { p.AddReduce(Reduce{Images: none, Points: Points(none)}) },
		"no epochs":               func(p *Page) { p.AddReduce(Reduce{Images: one, Training: &Training{}}) },
		"one latent number":       func(p *Page) { p.AddReduce(Reduce{Images: one, Points: []int{0}, Latents: []float32{3}}) },
		"no finite latent vector": func(p *Page) { p.AddReduce(Reduce{Images: one, Points: []int{0}, Latents: []float32{3, float32(nan)}}) },
		"black reconstruction": func(p *Page) {
			p.AddReduce(Reduce{Images: one, Reconstructions: []Reconstruction{{0, make([]float32, 784), make([]float32, 784)}}})
		},
		"losses not finite": func(p *Page) {
			p.AddReduce(Reduce{Images: one, Training: &Training{Loss: []float64{nan, math.Inf(1)}, ValLoss: []float64{nan, 1}}})
		},
		"no test images": func(p *Page) { p.AddClassification(Classification{Images: none}) },
		"no mistakes": func(p *Page) {
			p.AddClassification(Classification{Images: one, Labels: []uint8{0}, Predicted: []uint8{0}, Probabilities: []float32{1}, Classes: []uint8{0}, Confusion: [][]int{{1}}})
		},
		"no images in clusters": func(p *Page) {
			p.AddCluster(Cluster{Images: none, Clusterings: []Clustering{{Medians: one, Average: nan}, {Medians: one}}})
		},
		"empty cluster": func(p *Page) {
			c := Clustering{Label: []int32{1}, Silhouette: []float64{nan}, Medians: noise(3, 28, 28, rng)}
			p.AddCluster(Cluster{Images: one, Clusterings: []Clustering{c, c}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Page{Title: name}
			add(p)
			page := rendered(t, p)
			check(t, page)
			if found := regexp.MustCompile(`NaN|[+-]Inf`).Find(opaque.ReplaceAll(page, nil)); found != nil {
				t.Errorf("%s is shown", found)
			}
		})
	}
}

func TestSearchTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	data, queries := noise(9, 4, 4, rng), noise(5, 4, 4, rng)
	exact := Answers{Name: "exact", K: 1, Index: []int32{1, 2, 3, 4, 5}, Distance: []float64{10, 20, 0, 40, 50}, Seconds: 2}
	lsh := Answers{Name: "LSH", K: 1, Index: []int32{1, -1, 6, 7, 8}, Distance: []float64{10, 20, 7, 50, 100}, Seconds: 0.125}
	p := &Page{}
	p.AddSearch(Search{Data: data, Queries: queries, Exact: exact, Approximate: []Answers{lsh}})
	d := check(t, rendered(t, p))
	// Factors: 1, none (not found), none (identical image), 1.25, 2.
	want := []string{"1.41667", "1.25", "1.25", "2", "20.0 %", "1", "0.12 s"}
	if got := d.row("LSH"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	worst := string(p.sections[2].Body)
	four, three := strings.Index(worst, "Query image 4"), strings.Index(worst, "Query image 3")
	if four < 0 || three < four || strings.Contains(worst, "Query image 0") {
		t.Error("want the queries that have a factor above 1, the largest first")
	}
}

func TestEMDTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	data, queries := noise(4, 4, 4, rng), noise(2, 4, 4, rng)
	a := Answers{Name: "A", K: 2, Index: []int32{0, 1, 2, 3}, Distance: make([]float64, 4), Seconds: 1}
	b := Answers{Name: "B", K: 2, Index: []int32{2, 0, 2, 1}, Distance: make([]float64, 4), Seconds: 1}
	p := &Page{}
	p.AddEMD(EMD{Data: data, Queries: queries, DataLabels: []uint8{7, 7, 9, 8}, QueryLabels: []uint8{7, 9}, Rankings: [2]Answers{a, b}})
	d := check(t, rendered(t, p))
	for name, want := range map[string][]string{
		"A": {"50.0 %", "75.0 %", "100.0 %", "1.00 s"},
		"B": {"0.0 %", "50.0 %", "50.0 %", "1.00 s"},
		"7": {"1", "100.0 %", "50.0 %"},
		"9": {"1", "50.0 %", "50.0 %"},
	} {
		if got := d.row(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestWorstMistakesComeFirst(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	p := &Page{}
	p.AddClassification(Classification{
		Images: noise(4, 4, 4, rng), Labels: []uint8{0, 1, 0, 5}, Predicted: []uint8{1, 1, 1, 0},
		Probabilities: []float32{0.4, 0.6, 0, 1, 0.1, 0.9, 0.75, 0.25}, Classes: []uint8{0, 1, 5}, Confusion: [][]int{{0, 2, 0}, {0, 1, 0}, {1, 0, 0}},
	})
	check(t, rendered(t, p))
	got := regexp.MustCompile(`<span>(.*?)</span>`).FindAllStringSubmatch(string(p.sections[3].Body), -1)
	want := []string{"#2", "took 1: 90.0 %", "true 0: 10.0 %", "#3", "took 0: 75.0 %", "true 5: –", "#0", "took 1: 60.0 %", "true 0: 40.0 %"}
	for i := range want {
		if i >= len(got) || got[i][1] != want[i] {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

func TestMerge(t *testing.T) {
	cover := &Page{Title: "All", Facts: []Fact{{"images", "3000"}}}
	cover.AddTables("Summary", Table{"What came out.", []string{"figure", "value"}, [][]string{{"factor", "1.2"}}})
	pages := everything("", 10, 10)
	pages = append(pages, pages[0]) // the same page twice
	b := merged(t, cover, pages)
	d := check(t, b)
	want := []string{"All", "Summary"}
	for _, p := range pages {
		want = append(want, p.Title)
		for _, s := range p.sections {
			want = append(want, s.Title)
			if !bytes.Contains(b, []byte(s.Body)) {
				t.Errorf("%s: section %s was changed", p.Title, s.ID)
			}
		}
	}
	if !slices.Equal(d.headings, want) {
		t.Errorf("headings %q, want %q", d.headings, want)
	}
	if len(d.links) != len(want) {
		t.Errorf("%d entries in the contents, want %d", len(d.links), len(want))
	}
	if got := d.row("factor"); !slices.Equal(got, []string{"1.2"}) {
		t.Errorf("summary %q", got)
	}
}

func TestMergeRefusesWhatIsNoPage(t *testing.T) {
	page := rendered(t, everything("", 4, 4)[0])
	for name, b := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "cut off": page[:len(page)/2], "without heading": []byte(begin + end),
	} {
		if err := Merge(io.Discard, &Page{}, page, b); err == nil || !strings.HasPrefix(err.Error(), "page 2: ") {
			t.Errorf("%s: %v, want a fault of page 2", name, err)
		}
	}
}

func TestWriteFaultIsReported(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := (&Page{}).Render(w); err != io.ErrClosedPipe {
		t.Errorf("%v, want %v", err, io.ErrClosedPipe)
	}
}

func TestTexts(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{number(math.NaN()), "–"}, {number(math.Inf(1)), "–"}, {number(1.11199), "1.11199"}, {number(1.0 / 3), "0.333333"},
		{number(189179000), "189,179,000"}, {number(1e20), "1e+20"},
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(-1234567), "−1,234,567"},
		{percent(1, 3), "33.3 %"}, {percent(0, 0), "–"}, {seconds(1.234), "1.23 s"}, {seconds(math.NaN()), "–"},
		{command([]string{"./search", "-d", "a b", "it's", "", "$HOME"}), `./search -d 'a b' 'it'\''s' '' '$HOME'`},
		{called(1234, []uint8{1}), "image 1,234"}, {called(0, []uint8{1}), "image 0, label 1"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

func TestTicksHaveNoZerosBehindThePoint(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      []string
	}{
		{0, 2600, []string{"0", "2500"}},
		{1, 1.9, []string{"1", "1.4", "1.8"}},
	} {
		var got []string
		for _, tick := range (shortTicks{}).Ticks(c.low, c.high) {
			if tick.Label != "" {
				got = append(got, tick.Label)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v to %v: %q, want %q", c.low, c.high, got, c.want)
		}
	}
}

func TestSampleIsSpread(t *testing.T) {
	for n := range 40 {
		for k := range 40 {
			s := sample(n, k)
			if len(s) != min(n, k) || !slices.IsSorted(s) || len(slices.Compact(slices.Clone(s))) != len(s) || len(s) > 0 && (s[0] != 0 || s[len(s)-1] >= n) {
				t.Errorf("sample(%d, %d) = %v", n, k, s)
			}
		}
	}
}

// opened is what a browser without a window, as narrow as a phone, makes of a page, its script run; the test is skipped where there is no browser.
// What the browser complains about is an error.
func opened(t *testing.T, page []byte) (dom string) {
	t.Helper()
	var browser string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("there is no Chromium here to open a page in")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--enable-logging=stderr", "--window-size=390,800", "--dump-dom", "file://"+filepath.ToSlash(file))
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

var lens = regexp.MustCompile(`style="([^"]*)"><img[^>]*></div><figcaption aria-live="polite">(.*?)</figcaption>`)

// The script runs to its end: it closes the contents of a narrow page, and each scatter shows an image.
func TestBrowser(t *testing.T) {
	pages := everything("</script>'", 14, 14)
	dom := opened(t, merged(t, &Page{Title: "All"}, append(pages, pages[3])))
	if strings.Contains(dom, "<details open") {
		t.Error("the contents of a narrow page are open")
	}
	shown := lens.FindAllStringSubmatch(dom, -1)
	if len(shown) != 2 {
		t.Fatalf("%d scatters, want 2", len(shown))
	}
	for _, s := range shown {
		if !regexp.MustCompile(`^image [0-9,]+, label 0$`).MatchString(s[2]) {
			t.Errorf("a scatter shows %q, want an image of label 0", s[2])
		}
	}
}

// Touching a dot, and the arrow keys from there, show the images of these dots. The page's own policy forbids the script that plays the person.
func TestScatterShowsTheDotThatIsTouched(t *testing.T) {
	page := string(rendered(t, everything("", 14, 14)[3]))
	lawless := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`).ReplaceAllString(page, "")
	if lawless == page {
		t.Error("the page has no policy")
	}
	for name, c := range map[string]struct {
		play string
		dot  int
	}{
		"touch":            {"touch(777)", 777},
		"touch, then keys": {"touch(777); key('ArrowRight'); key('ArrowRight'); key('ArrowUp'); key('x')", 778},
		"before the first": {"key('ArrowLeft')", 1999},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			person := `<script>
const svg = document.querySelector('.scatter svg');
const touch = i => {
  const box = svg.querySelectorAll('g circle')[i].getBoundingClientRect();
  svg.dispatchEvent(new PointerEvent('pointerdown', {clientX: box.x + box.width / 2, clientY: box.y + box.height / 2}));
};
const key = k => svg.dispatchEvent(new KeyboardEvent('keydown', {key: k}));
` + c.play + `
</script></body>`
			dom := opened(t, []byte(strings.Replace(lawless, "</body>", person, 1)))
			names := strings.Split(regexp.MustCompile(`data-names="(.*?)"`).FindStringSubmatch(dom)[1], "|")
			s := lens.FindStringSubmatch(dom)
			if s == nil || s[2] != names[c.dot] {
				t.Fatalf("%q is shown, want %q", s, names[c.dot])
			}
			if place := fmt.Sprintf("--column: %d; --row: %d;", c.dot%50, c.dot/50); !strings.Contains(s[1], place) {
				t.Errorf("the sheet is at %q, want %q", s[1], place)
			}
		})
	}
}
