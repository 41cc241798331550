package clustering

import (
	"iter"
	"slices"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
)

// MaxImages is the largest number of images that the seeding's generator can draw from.
const MaxImages = 1<<31 - 3

// A Part is some of the images of a data set, such as those on one of many machines. What is found
// in the parts makes what Seed, Lloyd and Evaluate find in the whole.
type Part[P uint8 | uint16] struct {
	images *imageset.Images[P]
	space  *Space[P] // without images; it packs strips unless the part is packed
}

// NewPart returns a part. It returns the errors of NewSpace, except for that of a packed copy.
func NewPart[P uint8 | uint16](images *imageset.Images[P]) (Part[P], error) {
	return Part[P]{images, new(Space[P])}, checkDim[P](images.Rows, images.Cols)
}

// Pack packs the images, so that they can be measured often. It takes metric.PointsSize bytes.
func (p Part[P]) Pack() {
	p.space.points = metric.PackPoints(p.images.Pix, p.images.N, p.images.Dim())
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

// Changes visits each of k clusters in turn with what changes from the labels before to label. If
// before is nil, all images are new. size is the change of the number of images. counts yields the
// places of the counts that change, in ascending order, and by how much; values of 0 are not
// counted. The place of value v of pixel p is p times the number of values, plus v.
func (p Part[P]) Changes(before, label []int32, k int,
	visit func(c, size int, counts iter.Seq2[int, int])) {

	left, joined := make([]int32, len(label)), make([]int32, len(label))
	for i, c := range label {
		left[i], joined[i] = unassigned, c
		if before != nil {
			left[i] = before[i]
		}
		if left[i] == c {
			left[i], joined[i] = unassigned, unassigned
		}
	}
	var of [2]grouping
	from, to := of[0].members(left, k), of[1].members(joined, k)
	counts := p.valueCounts
	if images, grey := any(p.images).(*imageset.Images[uint8]); grey {
		counts = levelCounts(images)
	}
	for c := range k {
		visit(c, len(to[c])-len(from[c]), counts(from[c], to[c]))
	}
}

// levelCounts returns a function that tells how counts change if the images in a list leave and
// those in another one join. It counts in histograms of all pixels.
func levelCounts(images *imageset.Images[uint8]) func(left, joined []int32) iter.Seq2[int, int] {
	h := newHistograms(1, images.Dim())
	return func(left, joined []int32) iter.Seq2[int, int] {
		return func(yield func(int, int) bool) {
			if len(left)+len(joined) == 0 {
				return
			}
			h.begin(0, h.jobs())
			h.each(func(jobs iter.Seq[int]) {
				for job := range jobs {
					_, from, to := h.place(job)
					for _, i := range left {
						const minusOne = ^uint32(0)
						addLevels(h.of(job), images.At(int(i))[from:to], minusOne)
					}
					for _, i := range joined {
						addLevels(h.of(job), images.At(int(i))[from:to], 1)
					}
				}
			})
			for p := range h.count {
				for v, n := range &h.count[p] {
					if v > 0 && n != 0 && !yield(256*p+v, int(int32(n))) {
						return
					}
				}
			}
		}
	}
}

// valueCounts does the same for values of any width. It sorts them, because histograms of 16 bits
// would be larger than what they count.
func (p Part[P]) valueCounts(left, joined []int32) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		var values [2][]P
		for d := range p.images.Dim() {
			for i, list := range [][]int32{left, joined} {
				values[i] = values[i][:0]
				for _, image := range list {
					values[i] = append(values[i], p.images.At(int(image))[d])
				}
				slices.Sort(values[i])
			}
			for minus, plus := values[0], values[1]; len(minus)+len(plus) > 0; {
				v := ^P(0)
				for _, sorted := range [][]P{minus, plus} {
					if len(sorted) > 0 {
						v = min(v, sorted[0])
					}
				}
				n := cutFront(&plus, v) - cutFront(&minus, v)
				if v > 0 && n != 0 && !yield(d<<bits[P]()+int(v), n) {
					return
				}
			}
		}
	}
}

// cutFront removes the values at the front that are v, and returns their number.
func cutFront[P uint8 | uint16](sorted *[]P, v P) (n int) {
	for n < len(*sorted) && (*sorted)[n] == v {
		n++
	}
	*sorted = (*sorted)[n:]
	return n
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
