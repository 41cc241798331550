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
	"regexp"
	"slices"
	"strings"
	"testing"

	clusters "imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory/memorytest"
	"imagesimilarity/pkg/results"
)

// noise returns n images of random grey levels, which compress to nothing: the worst case for the
// size of a page.
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

// neighbours returns k random neighbours for each query.
func neighbours(queries, k, images int, rng *rand.Rand) (index []int64, distance []float64) {
	for range queries * k {
		index = append(index, int64(rng.IntN(images)))
		distance = append(distance, 1000+float64(rng.IntN(1000)))
	}
	return index, distance
}

// nearest returns a random answer to each query.
func nearest(queries, images int, rng *rand.Rand) results.Nearest {
	index, distance := neighbours(queries, 1, images, rng)
	return results.Nearest{Seconds: 1.5, Index: index, Distance: distance}
}

// addEMD adds a round with random neighbours of every query.
func addEMD(p *Page, data, queries Images, rng *rand.Rand) {
	const k = 10
	rank := func() results.Ranking {
		index, distance := neighbours(queries.N, k, data.N, rng)
		return results.NewRanking(1.5, k, index, distance, queries.Labels, data.Labels, true)
	}
	p.AddEMD(&results.EMD{}, &results.EMDRound{Neighbours: k, EMD: rank(), Manhattan: rank()},
		data, queries)
}

// clusteringOf returns a random clustering into k clusters.
func clusteringOf(m *imageset.Sample[uint8], k int, rng *rand.Rand) results.Clustering {
	var label []int32
	e := &clusters.Evaluation{
		Sizes: make([]int, k), Centroids: noise(k, m.Rows, m.Cols, rng),
		Silhouette: make([]float64, k), Average: 0.25, Objective: 1e7,
	}
	for range m.N {
		l := rng.Int32N(int32(k))
		label = append(label, l)
		e.Sizes[l]++
		e.OfImage = append(e.OfImage, 2*rng.Float64()-1)
	}
	return results.NewClustering(label, e, math.NaN())
}

// everything returns one page of each kind, filled as far as it goes, about images of the given
// size. text stands wherever text from outside can.
func everything(text string, rows, cols int) []*Page {
	rng := rand.New(rand.NewPCG(1, 1))
	const n, queries, classes = 3000, 50, 26
	data := Images{noise(n, rows, cols, rng).Sample(), randomLabels(n, classes, rng)}
	query := Images{noise(queries, rows, cols, rng).Sample(), randomLabels(queries, classes, rng)}
	header := results.NewHeader("program", []string{text}, false)
	file := results.File{Name: text}

	s := &results.Search{Header: header, Data: results.LabelledSpaces{Images: file, Latents: file}}
	s.Settings.Output = text
	search := NewSearch(s)
	exact, lsh := nearest(queries, n, rng), nearest(queries, n, rng)
	for q := range queries {
		exact.Distance[q] = 900
	}
	lsh.Index[3] = -1
	search.AddSearch(s, &results.SearchRound{
		Queries: results.LabelledSpaces{Images: file, Latents: file}, Exact: exact,
		Reduced: results.NewApproximation(nearest(queries, n, rng), exact),
		LSH:     results.NewApproximation(lsh, exact),
	}, data, query)

	emd := NewEMD(&results.EMD{Header: header})
	addEMD(emd, data, query, rng)

	cluster := NewCluster(&results.Cluster{Header: header})
	round := &results.ClusterRound{
		Images:  results.File{Name: text, Images: n, Rows: rows, Cols: cols},
		Latents: file, Classes: text,
		Reduced:  clusteringOf(data.Sample, 10, rng),
		Original: clusteringOf(data.Sample, 12, rng),
		Network:  clusteringOf(data.Sample, 120, rng),
	}
	round.Compare()
	cluster.AddCluster(round)

	training := &results.Training{
		Loss: []float64{3, 2, 1.5, 1.2}, ValLoss: []float64{2.5, 2.1, 1.9, 1.8},
		Phases: []int{2, 2},
	}
	reduce := NewReduce(&results.Reduce{Header: header, Dataset: file, Queryset: file})
	r := &results.Autoencoder{Loaded: text, Training: training, Points: Points(n, rows, cols)}
	for range r.Points {
		var latent results.Values
		for range 10 {
			latent = append(latent, rng.Float32())
		}
		r.Latents = append(r.Latents, latent)
	}
	for _, i := range sample(n, examples) {
		c := results.Reconstruction{Image: i}
		for _, v := range data.At(i) {
			c.Input = append(c.Input, float32(v)/255)
			c.Output = append(c.Output, rng.Float32()*1.2-0.1)
		}
		r.Reconstructions = append(r.Reconstructions, c)
	}
	reduce.AddReduce(&results.Reduce{Dataset: file}, r, data)

	run := &results.Classification{Header: header}
	run.Settings.Model = text
	classification := NewClassification(run)
	t := &results.Test{Confusion: make([][]int, classes)}
	for k := range classes {
		t.Classes, t.Confusion[k] = append(t.Classes, k), make([]int, classes)
		t.Scores = append(t.Scores, results.Score{
			Name: fmt.Sprint(k), Precision: 0.5, Recall: 0.25, F1: 0.125, Support: 2,
		})
	}
	nan := results.Number(math.NaN())
	t.Scores = append(t.Scores, results.Score{
		Name: "accuracy", Precision: nan, Recall: nan, F1: 0.5, Support: queries,
	})
	for i, predicted := range randomLabels(queries, classes, rng) {
		t.Predicted = append(t.Predicted, predicted)
		t.Confusion[query.Labels[i]][predicted]++
		t.Probability = append(t.Probability, rng.Float32())
		t.OfTruth = append(t.OfTruth, rng.Float32())
	}
	classification.AddClassification(run,
		&results.Classifier{Training: training, Test: t}, query)

	pages := []*Page{search, emd, cluster, reduce, classification}
	for _, p := range pages {
		p.Title += text
		p.Facts = append(p.Facts, Fact{text, text})
	}
	return pages
}

func rendered(t testing.TB, pages ...*Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Render(&b, pages...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// after returns the pages behind a cover.
func after(cover *Page, pages []*Page) []*Page {
	return slices.Insert(slices.Clone(pages), 0, cover)
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

// readDocument reads a page as XML, which it is but for the elements that HTML leaves open; script
// and style are not markup.
func readDocument(t testing.TB, page []byte) document {
	t.Helper()
	d := document{elements: map[string]int{}}
	x := xml.NewDecoder(bytes.NewReader(opaque.ReplaceAll(page, []byte("$1$2"))))
	x.Strict, x.AutoClose, x.Entity = false, []string{"meta", "img", "input"}, xml.HTMLEntity
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

// row returns the cells after the first of the row that begins with name.
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
	if bytes.Contains(page, []byte("http://")) || bytes.Contains(page, []byte("https://")) ||
		bytes.Contains(page, []byte("url(")) {
		t.Error("the page names an address")
	}
	for name, want := range map[string]int{
		"script": 1, "style": 1, "link": 0, "iframe": 0, "object": 0, "base": 0, "form": 0, "b": 0,
	} {
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
		`<b>bold</b>`, `</script><script>alert(1)</script>`, `"><b onclick="alert(1)">`,
		`' onmouseover='alert(1)`, `--><b>`, `<!-- b -->`, `</section><b>`, `</h1><b>`, `{{.}}`,
		`&lt;b&gt;`, "a\x00b", "\xff\xfe", "|", `]]>`,
	} {
		pages := everything(text, 5, 5)
		for _, p := range pages {
			d := check(t, rendered(t, p))
			shown := strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\ufffd"), "\ufffd")
			if got := d.row(shown); len(got) != 1 || got[0] != shown {
				t.Errorf("%s: %q is shown as %q", p.Title, shown, got)
			}
		}
		d := check(t, rendered(t, after(&Page{Title: text}, pages)...))
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
	m := Images{noise(100, 56, 56, rng).Sample(), randomLabels(100, 10, rng)}
	p := &Page{Title: "Many rounds"}
	for range 12 {
		addEMD(p, m, m, rng)
	}
	page := rendered(t, p)
	d := check(t, page)
	if !strings.Contains(string(page), noRoom) {
		t.Error("nothing says that a section was left out")
	}
	if got, want := d.headings[len(d.headings)-1], "Later rounds"; got != want {
		t.Errorf("last heading %q, want %q", got, want)
	}
	check(t, rendered(t, &Page{Title: "Many pages"}, p, p, p))
	for range 1000 { // from now on a round costs nothing
		addEMD(p, m, m, rng)
	}
	if !bytes.Equal(rendered(t, p), page) {
		t.Error("a full page changes with the rounds that are left out")
	}
}

// The markup of sections counts, too, however many and small they are.
func TestManySmallRoundsStaySmall(t *testing.T) {
	p := &Page{Title: "Many rounds"}
	for range 20_000 {
		p.AddTables("Summary", Table{"What came out.", []string{"figure"}, [][]string{{"1"}}})
	}
	d := check(t, rendered(t, p))
	if n := len(d.headings); n < 5_000 || d.headings[n-1] != "Later rounds" {
		t.Errorf("%d headings, the last is %q", n, d.headings[n-1])
	}
}

func TestLittleToShow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	none := Images{Sample: noise(0, 28, 28, rng).Sample()}
	one := Images{Sample: noise(1, 28, 28, rng).Sample()}
	labelled := func(m Images) Images { return Images{m.Sample, []uint8{1}} }
	still := results.Nearest{Index: []int64{0}, Distance: []float64{0}}
	lost := results.Nearest{Index: []int64{-1}, Distance: []float64{math.NaN()}}
	nan := math.NaN()
	search := func(exact, reduced, lsh results.Nearest, data, queries Images) func(p *Page) {
		return func(p *Page) {
			p.AddSearch(&results.Search{}, &results.SearchRound{
				Exact:   exact,
				Reduced: results.NewApproximation(reduced, exact),
				LSH:     results.NewApproximation(lsh, exact),
			}, data, queries)
		}
	}
	reduce := func(r results.Autoencoder, images Images) func(p *Page) {
		return func(p *Page) { p.AddReduce(&results.Reduce{}, &r, images) }
	}
	cluster := func(c results.Clustering, images Images) func(p *Page) {
		return func(p *Page) {
			m := results.File{Images: images.N, Rows: images.Rows, Cols: images.Cols}
			r := &results.ClusterRound{Images: m, Reduced: c, Original: c, Network: c}
			r.Compare()
			p.AddCluster(r)
		}
	}
	classify := func(c results.Classifier, test Images) func(p *Page) {
		return func(p *Page) { p.AddClassification(&results.Classification{}, &c, test) }
	}
	for name, add := range map[string]func(p *Page){
		"no queries":      search(results.Nearest{}, results.Nearest{}, results.Nearest{}, one, none),
		"all distances 0": search(still, still, lost, one, one),
		"no queries for EMD": func(p *Page) {
			r := results.NewRanking(0, 1, nil, nil, nil, []uint8{1}, false)
			p.AddEMD(&results.EMD{}, &results.EMDRound{Neighbours: 1, EMD: r, Manhattan: r},
				labelled(one), none)
		},
		"nothing trained": reduce(results.Autoencoder{Points: Points(0, 28, 28)}, none),
		"no epochs":       reduce(results.Autoencoder{Training: &results.Training{}}, one),
		"one latent number": reduce(results.Autoencoder{
			Points: []int{0}, Latents: []results.Values{{3}},
		}, one),
		"no finite latent vector": reduce(results.Autoencoder{
			Points: []int{0}, Latents: []results.Values{{3, float32(nan)}},
		}, one),
		"black reconstruction": reduce(results.Autoencoder{
			Reconstructions: []results.Reconstruction{{
				Input: make([]float32, 784), Output: make([]float32, 784),
			}},
		}, one),
		"losses not finite": reduce(results.Autoencoder{Training: &results.Training{
			Loss: []float64{nan, math.Inf(1)}, ValLoss: []float64{nan, 1},
		}}, one),
		"no test images": classify(results.Classifier{}, none),
		"no mistakes": classify(results.Classifier{Test: &results.Test{
			Right: 1, Predicted: results.Grey{1}, Probability: []float32{1}, OfTruth: []float32{1},
			Classes: []int{1}, Confusion: [][]int{{1}},
		}}, labelled(one)),
		"a mistake without probabilities": classify(results.Classifier{Test: &results.Test{
			Wrong: 1, Predicted: results.Grey{0}, Probability: []float32{float32(nan)},
			OfTruth: []float32{float32(nan)}, Classes: []int{1}, Confusion: [][]int{{1}},
		}}, labelled(one)),
		"no images in clusters": cluster(results.Clustering{
			Sizes: []int{0}, Silhouette: []float64{0}, Medians: []results.Grey{nil},
			Average: results.Number(nan),
		}, none),
		"empty cluster": cluster(results.Clustering{
			Sizes: []int{0, 1, 0}, Silhouette: []float64{0, nan, 0}, Label: []int32{1},
			OfImage: []float64{nan}, Medians: []results.Grey{nil, one.At(0), nil},
		}, one),
	} {
		t.Run(name, func(t *testing.T) {
			p := &Page{Title: name}
			add(p)
			page := rendered(t, p)
			check(t, page)
			text := opaque.ReplaceAll(page, nil)
			if found := regexp.MustCompile(`NaN|[+-]Inf`).Find(text); found != nil {
				t.Errorf("%s is shown", found)
			}
		})
	}
}

func TestSearchTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	data := Images{Sample: noise(9, 4, 4, rng).Sample()}
	queries := Images{Sample: noise(5, 4, 4, rng).Sample()}
	exact := results.Nearest{
		Seconds: 2, Index: []int64{1, 2, 3, 4, 5}, Distance: []float64{10, 20, 0, 40, 50},
	}
	lsh := results.Nearest{
		Seconds: 0.125, Index: []int64{1, -1, 6, 7, 8}, Distance: []float64{10, 20, 7, 50, 100},
	}
	p := &Page{}
	p.AddSearch(&results.Search{}, &results.SearchRound{
		Exact:   exact,
		Reduced: results.NewApproximation(exact, exact),
		LSH:     results.NewApproximation(lsh, exact),
	}, data, queries)
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

// A page of a search needs the images that ShownOfSearch names, and no others.
func TestShownOfSearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	const n, asked = 500, 300
	data, queries := noise(n, 4, 4, rng), noise(asked, 4, 4, rng)
	exact, lsh := nearest(asked, n, rng), nearest(asked, n, rng)
	for q := range asked {
		exact.Distance[q] = 900
		if q%3 == 0 {
			lsh.Index[q] = -1
		}
	}
	round := &results.SearchRound{
		Exact:   exact,
		Reduced: results.NewApproximation(nearest(asked, n, rng), exact),
		LSH:     results.NewApproximation(lsh, exact),
	}
	some := func(m *imageset.Images[uint8], index []int) Images {
		set := imageset.NewSet(m.N, m.Rows, m.Cols, 1, func(dst []uint8, first int) error {
			copy(dst, m.At(first))
			return nil
		})
		s, err := imageset.SampleOf(set, index)
		if err != nil {
			t.Fatal(err)
		}
		return Images{Sample: s}
	}
	dataIndex, queryIndex := ShownOfSearch(round)
	var all, shown Page
	all.AddSearch(&results.Search{}, round, Images{Sample: data.Sample()},
		Images{Sample: queries.Sample()})
	shown.AddSearch(&results.Search{}, round, some(data, dataIndex), some(queries, queryIndex))
	if !bytes.Equal(rendered(t, &all), rendered(t, &shown)) {
		t.Error("the page differs if only the images that it shows are there")
	}
}

func TestEMDTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	data := Images{noise(4, 4, 4, rng).Sample(), []uint8{7, 7, 9, 8}}
	queries := Images{noise(2, 4, 4, rng).Sample(), []uint8{7, 9}}
	rank := func(index ...int64) results.Ranking {
		return results.NewRanking(1, 2, index, make([]float64, 4), queries.Labels, data.Labels, true)
	}
	p := &Page{}
	p.AddEMD(&results.EMD{}, &results.EMDRound{
		Neighbours: 2, EMD: rank(0, 1, 2, 3), Manhattan: rank(2, 0, 2, 1),
	}, data, queries)
	d := check(t, rendered(t, p))
	for name, want := range map[string][]string{
		"Earth Mover's Distance": {"50.0 %", "75.0 %", "100.0 %", "1.00 s"},
		"Manhattan":              {"0.0 %", "50.0 %", "50.0 %", "1.00 s"},
		"7":                      {"1", "100.0 %", "50.0 %"},
		"9":                      {"1", "50.0 %", "50.0 %"},
	} {
		if got := d.row(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestWorstMistakesComeFirst(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	p := &Page{}
	p.AddClassification(&results.Classification{}, &results.Classifier{Test: &results.Test{
		Predicted:   results.Grey{1, 1, 1, 0},
		Probability: []float32{0.6, 1, 0.9, 0.75},
		OfTruth:     []float32{0.4, 1, 0.1, float32(math.NaN())},
		Classes:     []int{0, 1, 5}, Confusion: [][]int{{0, 2, 0}, {0, 1, 0}, {1, 0, 0}},
	}}, Images{noise(4, 4, 4, rng).Sample(), []uint8{0, 1, 0, 5}})
	check(t, rendered(t, p))
	lines := regexp.MustCompile(`<span>(.*?)</span>`)
	got := lines.FindAllStringSubmatch(string(p.sections[3].Body), -1)
	want := []string{
		"#2", "took 1: 90.0 %", "true 0: 10.0 %",
		"#3", "took 0: 75.0 %", "true 5: –",
		"#0", "took 1: 60.0 %", "true 0: 40.0 %",
	}
	for i := range want {
		if i >= len(got) || got[i][1] != want[i] {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

func TestSeveralPagesAreArticlesOfOne(t *testing.T) {
	cover := &Page{Title: "All", Facts: []Fact{{"images", "3000"}}}
	cover.AddTables("Summary", Table{
		"What came out.", []string{"figure", "value"}, [][]string{{"factor", "1.2"}},
	})
	pages := everything("", 10, 10)
	pages = append(pages, pages[0]) // the same page twice
	b := rendered(t, after(cover, pages)...)
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

// Several experiments begin with a table that compares them; one alone has none.
func TestExperimentsAreCompared(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	test := Images{noise(2, 4, 4, rng).Sample(), []uint8{0, 1}}
	p := NewClassification(&results.Classification{})
	for i := range 2 {
		c := &results.Classifier{
			Answers: results.ClassifierAnswers{
				Encoder:        results.Encoder{FilterSize: 3, Filters: []int{16, 32 + i}},
				FullyConnected: 50, FrozenEpochs: 1, FreeEpochs: 3, Batch: 64, Embedding: 10,
				DropoutRate: 0.2,
			},
			Training: &results.Training{
				Seconds: 2, Loss: []float64{2, 1}, ValLoss: []float64{3, 1.5}, Phases: []int{1, 1},
			},
			Test: &results.Test{
				Right: 1 + i, Wrong: 1 - i, Predicted: results.Grey{0, uint8(i)}, Probability: []float32{1, 1},
				OfTruth: []float32{1, 1}, Classes: []int{0, 1}, Confusion: [][]int{{1, 0}, {1 - i, i}},
			},
		}
		p.AddClassification(&results.Classification{}, c, test)
		if got, want := check(t, rendered(t, p)).headings[1], "The network"; i == 0 && got != want {
			t.Errorf("the first heading of one experiment is %q, want %q", got, want)
		}
	}
	d := check(t, rendered(t, p))
	if got, want := d.headings[1], "The experiments"; got != want {
		t.Errorf("the first heading of two experiments is %q, want %q", got, want)
	}
	for name, want := range map[string][]string{
		"Experiment": {
			"filters", "embedding", "fully connected", "dropout rate", "epochs", "batch size", "time",
			"training loss", "validation loss", "accuracy", "mistakes",
		},
		"1": {
			"16, 32 of 3 × 3", "10", "50", "0.2", "1 + 3", "64", "2.00 s", "1", "1.5", "50.0 %", "1",
		},
		"2": {
			"16, 33 of 3 × 3", "10", "50", "0.2", "1 + 3", "64", "2.00 s", "1", "1.5", "100.0 %", "0",
		},
	} {
		if got := d.row(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// The cover shows the answers beside the query, and links to the reports behind it.
func TestCover(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	m := noise(3, 4, 4, rng)
	const text = `<b>"&`
	front := &Page{Title: "All"}
	front.AddCover("Methods", Cover{
		Rows: 4, Cols: 4, Query: m.At(0), Name: text, Label: 7,
		Methods: []Method{
			{text, text, 1, m.At(1), text, 1, 7, text},
			{"other", "is not right", 2, m.At(2), "", 0, 3, "image 2"},
			{"silent", "finds nothing", 2, nil, "", 0, -1, ""},
		},
	})
	front.AddSlips("Slips", text, []Slip{{text, text, text, "1", "2"}})
	front.AddTables("Summary", Table{"What came out.", []string{"figure"}, [][]string{{"1"}}})
	pages := everything("", 4, 4)[:2]
	d := check(t, rendered(t, after(front, pages)...))
	for link, want := range map[string]int{"#report-2": 2, "#report-3": 3} { // one of the contents
		got := 0
		for _, l := range d.links {
			if l == link {
				got++
			}
		}
		if got != want {
			t.Errorf("%d links to %s, want %d", got, link, want)
		}
	}
	if !slices.Equal(d.headings[:4], []string{"All", "Methods", "Slips", "Summary"}) {
		t.Errorf("headings %q", d.headings[:4])
	}
	if got := d.row("-textbook"); !slices.Equal(got, []string{"2"}) {
		t.Errorf("the textbook's figure is %q, want 2", got)
	}
	body := string(front.sections[0].Body)
	right, wrong := strings.Index(body, `"tile right"`), strings.Index(body, `"tile wrong"`)
	if n := strings.Count(body, "<img"); n != 3 || right < 0 || wrong < right {
		t.Errorf("%d pictures, the right one at %d, the wrong one at %d", n, right, wrong)
	}
}

func TestWriteFaultIsReported(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := Render(w, &Page{}); err != io.ErrClosedPipe {
		t.Errorf("%v, want %v", err, io.ErrClosedPipe)
	}
}

func TestTexts(t *testing.T) {
	nan := results.Number(math.NaN())
	for _, test := range []struct{ got, want string }{
		{number(nan), "–"}, {number(results.Number(math.Inf(1))), "–"}, {number(1.11199), "1.11199"},
		{number(1.0 / 3), "0.333333"},
		{number(189179000), "189,179,000"}, {number(1e20), "1e+20"},
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(-1234567), "−1,234,567"},
		{percent(1, 3), "33.3 %"}, {percent(0, 0), "–"}, {seconds(1.234), "1.23 s"},
		{seconds(nan), "–"},
		{command([]string{"./search", "-d", "a b", "it's", "", "$HOME"}),
			`./search -d 'a b' 'it'\''s' '' '$HOME'`},
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
			if len(s) != min(n, k) || !slices.IsSorted(s) ||
				len(slices.Compact(slices.Clone(s))) != len(s) ||
				len(s) > 0 && (s[0] != 0 || s[len(s)-1] >= n) {
				t.Errorf("sample(%d, %d) = %v", n, k, s)
			}
		}
	}
}

// A page of nearly 5 MB takes little more memory when it is written than it has in its sections.
func TestRenderTakesLittleMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	m := Images{noise(100, 56, 56, rng).Sample(), randomLabels(100, 10, rng)}
	p := &Page{Title: "Many rounds"}
	for range 12 {
		addEMD(p, m, m, rng)
	}
	most := memorytest.Peak(func() {
		if err := Render(io.Discard, p); err != nil {
			t.Error(err)
		}
	})
	if most > 6e6 {
		t.Errorf("%.3g bytes", most)
	}
}

// An atlas is the largest part of a page. With it the page keeps within what CheckMemory asks for.
func TestPagesKeepWithinTheirMemory(t *testing.T) {
	for _, p := range everything("", 28, 28) {
		most := memorytest.Peak(func() {
			if err := Render(io.Discard, p); err != nil {
				t.Error(err)
			}
		})
		if most > pageSize {
			t.Errorf("%s: %.3g bytes", p.Title, most)
		}
	}
}
