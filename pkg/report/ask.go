package report

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"slices"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/results"
)

const (
	maxQueries    = 200       // queries that a reader can ask about beside those that a page shows
	maxAtlas      = 2_400_000 // pixels of the images that a reader can ask about
	maxImages     = 3000      // these images
	maxNeighbours = 10        // of an image by each method, at most
)

// AskedOfSearch returns the queries that a reader of the round's page can ask about: all that the
// page shows and some more, evenly spread, ascending.
func AskedOfSearch(round *results.SearchRound) []int {
	return asked(len(round.Exact.Index), disagreeing(round))
}

// AskedOfEMD returns the queries that a reader of the round's page can ask about, as AskedOfSearch
// does.
func AskedOfEMD(round *results.EMDRound) []int {
	return asked(len(round.EMD.Index), parting(round))
}

// AskedOfClassification returns the test images that the page of the test shows, ascending. labels
// are those of the test images.
func AskedOfClassification(t *results.Test, labels []uint8) []int {
	return slices.Sorted(slices.Values(worst(t, labels)))
}

// A Medians is the medians of a clustering, as images by the number of their cluster.
type Medians struct {
	File   string // stands for the clustering
	Images *imageset.Images[uint8]
	Asked  []int // clusters that are not empty and that the page shows, ascending
}

// AskedOfCluster returns the medians that the page of the round shows, of images of (rows, cols)
// pixels.
func AskedOfCluster(round *results.ClusterRound, rows, cols int) []Medians {
	var all []Medians
	for _, c := range clusteringsOf(round) {
		n := c.first + min(len(c.Sizes), maxMedians)
		m := Medians{File: c.medians(), Images: &imageset.Images[uint8]{
			N: n, Rows: rows, Cols: cols, Pix: make([]uint8, n*rows*cols),
		}}
		for i := c.first; i < n; i++ {
			if median := c.Medians[i-c.first]; median != nil {
				copy(m.Images.At(i), median)
				m.Asked = append(m.Asked, i)
			}
		}
		all = append(all, m)
	}
	return all
}

// medians returns the name that stands for the file of the medians.
func (c clustering) medians() string { return "the medians of " + c.name }

func asked(queries int, shown []int) []int {
	all := slices.Concat(sample(queries, examples), sample(queries, maxQueries), shown)
	slices.Sort(all)
	return slices.Compact(all)
}

// A key names an image: the file that it comes from, and its index there.
type key struct {
	file  string
	index int
}

// text returns the key as the script reads it: the index, a blank, the file.
func (k key) text() string { return fmt.Sprintf("%d %s", k.index, k.file) }

// Show lets the reader of the page see the images of a file whose indices are given, wherever an
// answer or a plot names them.
func (p *Page) Show(file string, images Images, index []int) {
	p.addPlate(plate{file, images, index, nil})
}

// Ask lets the reader of the page ask about images. data is the images among which the methods
// searched, and queries those that are asked about.
func (p *Page) Ask(n *results.Neighbourhoods, data, queries Images) {
	p.Show(n.Data, data, n.Among)
	p.addPlate(plate{n.Asked, queries, n.Images, n})
}

// addPlate adds a plate and the bytes that it takes at most.
func (p *Page) addPlate(new plate) {
	const answers = 4 * maxNeighbours * 6
	known := map[key]bool{}
	for _, old := range p.plates {
		for _, i := range old.index {
			known[key{old.file, i}] = true
		}
	}
	_, rows, cols := shrink(make([]uint8, new.images.Dim()), new.images.Rows, new.images.Cols)
	images := len(known)
	for _, i := range new.index {
		if !known[key{new.file, i}] && images < maxImages && images*rows*cols < maxAtlas {
			images++
			p.size += (rows*cols + answers) * 4 / 3
		}
	}
	p.plates = append(p.plates, new)
}

// A plate is some images of a file and, if the reader can ask about them, the answers.
type plate struct {
	file   string
	images Images
	index  []int
	about  *results.Neighbourhoods // nil for none
}

// An atlas is the images of all pages of a document that a reader can ask about, each once.
type atlas struct {
	place   map[key]int // of an image on the sheet
	keys    []key
	pix     []uint8 // (images, rows, columns)
	labels  []int   // -1 if not known
	rows    int
	cols    int
	among   int
	methods []string
	answers [][]answer // (methods, images)
}

// An answer is the neighbours of an image by one method.
type answer struct {
	known    bool
	place    []int
	distance []float64
}

// methodNames is how the page calls the methods, in the order in which it shows them.
var methodNames = []struct {
	Method   string
	Name, Of string // in short, and what the distance is
	Decimals int    // of the distance
}{
	{results.Exact, "exact", "sum of grey-level differences", 0},
	{results.Latent, "latent", "sum of differences of the latent vectors", 0},
	{results.LSH, "LSH", "sum of grey-level differences, within a bucket", 0},
	{results.Earth, "EMD", "Earth Mover’s Distance in pixels", 2},
}

// newAtlas joins the plates of all pages. Images of another size than the first are left out.
func newAtlas(plates []plate) *atlas {
	a := &atlas{place: map[key]int{}}
	for _, p := range plates {
		for _, i := range p.index {
			a.add(p, i)
		}
	}
	for _, m := range methodNames {
		answers := make([]answer, len(a.keys))
		some := false
		for _, p := range plates {
			if p.about != nil && a.join(answers, p.about, m.Method) {
				some = true
			}
		}
		if some {
			a.methods, a.answers = append(a.methods, m.Method), append(a.answers, answers)
		}
	}
	for _, p := range plates {
		if p.about != nil {
			a.among = max(a.among, len(p.about.Among))
		}
	}
	return a
}

// add puts an image on the sheet, unless it is there.
func (a *atlas) add(p plate, i int) {
	k := key{p.file, i}
	pix, rows, cols := shrink(p.images.At(i), p.images.Rows, p.images.Cols)
	if len(a.keys) == 0 {
		a.rows, a.cols = rows, cols
	}
	at, there := a.place[k]
	switch {
	case there && a.labels[at] < 0:
		a.labels[at] = labelOf(i, p.images.Labels)
	case !there && rows == a.rows && cols == a.cols &&
		len(a.keys) < maxImages && len(a.pix)+len(pix) <= maxAtlas:
		a.place[k] = len(a.keys)
		a.keys, a.pix = append(a.keys, k), append(a.pix, pix...)
		a.labels = append(a.labels, labelOf(i, p.images.Labels))
	}
}

// join takes the neighbours that a method found. It returns false if there are none.
func (a *atlas) join(answers []answer, n *results.Neighbourhoods, method string) (some bool) {
	found := n.By(method)
	if found == nil {
		return false
	}
	for q, image := range n.Images {
		place, there := a.place[key{n.Asked, image}]
		if !there || answers[place].known || found.Index[q] == nil {
			continue
		}
		answer := answer{known: true}
		for j, i := range found.Index[q] {
			if at, there := a.place[key{n.Data, int(i)}]; there && j < maxNeighbours {
				answer.place = append(answer.place, at)
				answer.distance = append(answer.distance, found.Distance[q][j])
			}
		}
		answers[place], some = answer, true
	}
	return some
}

// A packedAtlas is an atlas as the script reads it.
type packedAtlas struct {
	Head   string
	Packed string       // numbers in base64
	Sheet  template.URL // the images
}

// bytes returns the number of bytes that the atlas takes in a page.
func (a *packedAtlas) bytes() int {
	if a == nil {
		return 0
	}
	var n counter
	if err := markup.ExecuteTemplate(&n, "atlas", a); err != nil {
		panic(err) // as in execute
	}
	return int(n)
}

// A counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// pack returns the atlas for the script, or nil if there are no images.
func (a *atlas) pack() *packedAtlas {
	if len(a.keys) == 0 {
		return nil
	}
	type set struct {
		File  string `json:"file"`
		Count int    `json:"count"`
	}
	type method struct {
		Name     string `json:"name"`
		Of       string `json:"of"`
		Decimals int    `json:"decimals"`
	}
	head := struct {
		Across  int      `json:"across"`
		Width   int      `json:"width"`
		Height  int      `json:"height"`
		Among   int      `json:"among"`
		Sets    []set    `json:"sets"`
		Methods []method `json:"methods"`
	}{Across: across, Width: a.cols, Height: a.rows, Among: a.among, Methods: []method{}}
	var packed []byte
	for i, k := range a.keys {
		if n := len(head.Sets); n == 0 || head.Sets[n-1].File != k.file {
			head.Sets = append(head.Sets, set{File: k.file})
		}
		head.Sets[len(head.Sets)-1].Count++
		packed = binary.LittleEndian.AppendUint32(packed, uint32(k.index))
		packed = binary.LittleEndian.AppendUint32(packed, uint32(int32(a.labels[i])))
	}
	for m, answers := range a.answers {
		for _, n := range methodNames {
			if n.Method == a.methods[m] {
				head.Methods = append(head.Methods, method{n.Name, n.Of, n.Decimals})
			}
		}
		packed = appendAnswers(packed, answers)
	}
	text, err := json.Marshal(head)
	if err != nil {
		panic(err) // numbers and texts only
	}
	return &packedAtlas{
		Head: string(text), Packed: base64.StdEncoding.EncodeToString(packed),
		Sheet: sheet(a.pix, len(a.keys), a.rows, a.cols),
	}
}

// appendAnswers appends ten places for each image, then ten distances for each. Two places stand
// for what is not an image: none for a neighbour that there is not, unknown for an answer.
func appendAnswers(packed []byte, answers []answer) []byte {
	const none, unknown = math.MaxUint16, math.MaxUint16 - 1
	for _, n := range answers {
		for j := range maxNeighbours {
			place := none
			switch {
			case !n.known:
				place = unknown
			case j < len(n.place):
				place = n.place[j]
			}
			packed = binary.LittleEndian.AppendUint16(packed, uint16(place))
		}
	}
	for _, n := range answers {
		for j := range maxNeighbours {
			distance := 0.0
			if j < len(n.distance) {
				distance = n.distance[j]
			}
			packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(float32(distance)))
		}
	}
	return packed
}

// section returns the section that explains how to ask, and where the reader types.
func (a *atlas) section() section {
	var names []string
	for _, n := range methodNames {
		if slices.Contains(a.methods, n.Method) {
			names = append(names, n.Name)
		}
	}
	return section{"ask", "Ask any image", execute("ask", map[string]any{
		"Among": a.among, "Methods": names,
	})}
}
