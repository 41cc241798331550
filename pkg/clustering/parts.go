package clustering

import "imagesimilarity/pkg/imageset"

// MaxImages is the largest number of images that the seeding's generator can draw from.
const MaxImages = 1<<31 - 3

// A Part is some of the images of a data set, such as those on one of many machines. What is found
// in the parts makes what Seed, Lloyd and Evaluate find in the whole.
type Part[P uint8 | uint16] struct {
	images *imageset.Images[P]
	space  *Space[P] // without images; it packs strips
}

// NewPart returns a part. It returns the errors of NewSpace, except for that of a packed copy.
func NewPart[P uint8 | uint16](images *imageset.Images[P]) (Part[P], error) {
	return Part[P]{images, new(Space[P])}, checkDim[P](images.Rows, images.Cols)
}

func (p Part[P]) block() block[P] { return block[P]{Images: p.images, space: p.space} }

// Distances returns the distance of each image to one image.
func (p Part[P]) Distances(image *imageset.Images[P]) []uint32 {
	distances := make([]uint32, p.images.N)
	for i := range distances {
		distances[i] = 1<<32 - 1
	}
	p.block().approach(pack(image), distances)
	return distances
}

// Assign gives each image of the part the nearest centroid and returns how many changed their
// cluster. Ties go to the lower one. The assignment is of the images of this part alone.
func (p Part[P]) Assign(a *Assignment[P], centroids *imageset.Images[P]) (changed int) {
	return len(a.pass(centroids).assign(p.block(), 0, make([]move, p.images.N)))
}

// A Histogram counts values by one of their bytes. The count of 0 has no meaning. Histograms of
// several parts are added up.
type Histogram = histogram

// Histograms returns those of the values of each cluster in turn. They are valid until the next. A
// histogram counts the byte at shift of every value that agrees with the median of its cluster
// above that byte. medians may be nil for the highest byte.
func (p Part[P]) Histograms(label []int32, k int, medians *imageset.Images[P], shift int,
	visit func(c int, counts []Histogram)) {

	var g grouping
	dim := p.images.Dim()
	h := newHistograms(1, dim)
	for c, list := range g.members(label, k) {
		var median []P
		if medians != nil {
			median = medians.At(c)
		}
		h.begin(0, h.jobs())
		count(h, p.images, [][]int32{list}, median, shift)
		visit(c, h.count)
	}
}

// A Median finds the median of a cluster byte by byte, from the highest on, by the histograms of
// all its images.
type Median[P uint8 | uint16] struct {
	Values []P // the bytes that are known
	size   int
	above  []uint32
}

// NewMedian returns the median of a cluster of size images, which stays as it is if there are none.
func NewMedian[P uint8 | uint16](values []P, size int) *Median[P] {
	return &Median[P]{Values: values, size: size}
}

// Rank finds the byte at shift.
func (m *Median[P]) Rank(counts []Histogram, shift int) {
	h := newHistograms(1, len(counts))
	h.from, h.to, h.count = 0, h.jobs(), counts
	if m.above == nil {
		m.above = h.firstAbove(nil, []int{m.size})
	}
	rank(h, []int{m.size}, m.above, m.Values, shift)
}

// Shifts returns the places of the bytes of a value, the highest first.
func Shifts[P uint8 | uint16]() (shifts []int) {
	for shift := bits[P]() - 8; shift >= 0; shift -= 8 {
		shifts = append(shifts, shift)
	}
	return shifts
}

// Judge returns the silhouette of each image of a part and the part's share of the objective, as
// Evaluate finds them. sizes and centroids are those of the clusters of all images. counts returns
// the histograms of the images of a cluster in all parts.
func Judge(p Part[uint8], label []int32, sizes []int, centroids *imageset.Images[uint8], mode Mode,
	counts func(c int) ([]Histogram, error)) (silhouette []float64, objective int64, err error) {

	j := &judge{mode: mode}
	j.fill(sizes)
	n := p.images.N
	silhouette = make([]float64, n)
	v := judged{
		judge: j, block: p.block(), label: label, own: make([]int64, n), other: make([]int64, n),
		neighbour: make([]int32, n), silhouette: silhouette,
	}
	objective = v.apart(pack(imageset.Select(centroids, j.filled)))
	if len(j.filled) < 2 {
		return silhouette, objective, nil
	}
	j.counts = newHistograms(len(j.filled), p.images.Dim())
	for i, c := range j.filled {
		if j.counts.count, err = counts(int(c)); err != nil {
			return nil, 0, err
		}
		j.counts.from, j.counts.to = i*j.counts.tiles(), (i+1)*j.counts.tiles()
		v.sum(i == 0)
	}
	v.silhouettes()
	return silhouette, objective, nil
}
