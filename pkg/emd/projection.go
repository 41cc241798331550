package emd

import (
	"math"

	"imagesimilarity/pkg/metric"
)

// Projections on lines give lower bounds. Whatever flow takes one image to another moves its mass by vectors (x, y). The flow costs the mean of their
// lengths, which is at least the length of (mean of |x|, mean of |y|), since length is convex; and the mean of |x| is at least the distance between
// the two images projected on the first axis. That distance is the area between the cumulative sums of the projections. The same holds for any
// two axes at right angles.

// axes are two axes at right angles, the first along (dx, dy), the second along (-dy, dx), in columns and rows of cells. In steps of a cell divided by
// the length of (dx, dy), all cells lie at whole numbers on both.
type axes struct {
	// The cumulative sums on an axis end before the last cell: the sum there is always 1.
	first, second int
	// (cells): where a cell lies on each axis, from 0 on
	onFirst, onSecond []int

	scale   int64   // cumulative sums are rounded to multiples of 1/scale
	perCell float64 // distances between rounded projections that are a cell apart
	slack   float64 // see bound
}

func newAxes(g *grid, dx, dy int, scale int64) axes {
	a := axes{
		first:   dx*(g.wide-1) + dy*(g.high-1),
		second:  dy*(g.wide-1) + dx*(g.high-1),
		scale:   scale,
		perCell: float64(scale) * math.Hypot(float64(dx), float64(dy)),
	}
	a.slack = math.Hypot(float64(a.first), float64(a.second))
	for c := range g.cells {
		x, y := c%g.wide, c/g.wide
		a.onFirst = append(a.onFirst, dx*x+dy*y)
		a.onSecond = append(a.onSecond, dy*(g.wide-1-x)+dx*y)
	}
	return a
}

// sums is the number of cumulative sums on both axes.
func (a *axes) sums() int { return a.first + a.second }

// project writes an image's cumulative sums, those on the first axis first. The image is not black. masses is a buffer of at least sums()+2.
func (a *axes) project(sums []uint16, levels []int32, total int32, masses []int64) {
	first, second := masses[:a.first+1], masses[a.first+1:a.first+a.second+2]
	clear(first)
	clear(second)
	for c, m := range levels {
		first[a.onFirst[c]] += int64(m)
		second[a.onSecond[c]] += int64(m)
	}
	accumulate(sums[:a.first], first, a.scale, int64(total))
	accumulate(sums[a.first:a.sums()], second, a.scale, int64(total))
}

// accumulate writes the cumulative sums of masses as parts of total, rounded to multiples of 1/scale.
func accumulate(sums []uint16, masses []int64, scale, total int64) {
	sum := int64(0)
	for p := range sums {
		sum += masses[p]
		sums[p] = uint16((2*sum*scale + total) / (2 * total))
	}
}

// bound is the least distance, in cells, that two images can have; square is the squared length of the vector of the distances between their two
// projections. A rounded sum is off by at most 1/2, a difference by 1, so the two distances are off by at most the number of sums on their axis,
// and the vector's length by slack.
func (a *axes) bound(square float64) float64 { return (math.Sqrt(square) - a.slack) / a.perCell }

// reach is the greatest square of two images that are at most this distance apart: bound turned round, and lengthened by more than rounding can take off.
func (a *axes) reach(distance float64) float64 {
	length := float64(distance*a.perCell) + a.slack
	return float64(length*length) * (1 + 1e-9)
}

// slanted are projections of the images of a data set on one pair of axes.
type slanted struct {
	axes
	images []uint16 // (images, sums)
}

func (s *slanted) of(i int) []uint16 { return s.images[i*s.sums() : (i+1)*s.sums()] }

func (s *slanted) square(query []uint16, i int) float64 {
	image := s.of(i)
	u := float64(metric.Manhattan(query[:s.first], image[:s.first]))
	v := float64(metric.Manhattan(query[s.first:], image[s.first:]))
	return float64(u*u) + float64(v*v)
}

// upright are projections of the images of a data set on their rows and columns, packed for speed: they are compared with those of every query.
// Images are in blocks of blockImages; four 16-bit sums, of four consecutive images, share a word, the first image's lowest.
type upright struct {
	axes
	images []uint64 // (blocks, sums, blockWords)
}

const (
	blockWords  = 4
	blockImages = 4 * blockWords
	// maxSum bounds a distance between packed projections, so that it fits in 15 bits and the sum of two squares in an int32.
	maxSum = 1<<15 - 1
)

// uprightScale is the finest scale at which no distance between projections exceeds maxSum.
func uprightScale(g *grid) int64 { return maxSum / int64(max(1, g.wide-1, g.high-1)) }

func (u *upright) set(i int, sums []uint16) {
	block := u.images[i/blockImages*u.sums()*blockWords:]
	for s, v := range sums {
		block[s*blockWords+i%blockImages/4] |= uint64(v) << (i % 4 * 16)
	}
}

// squares writes the square of a query's projections to those of every image; squares is (blocks, blockImages).
func (u *upright) squares(squares []int32, query []uint16) {
	const (
		lanes = 0x0001000100010001
		top   = lanes << 15
	)
	for b := 0; b*blockImages < len(squares); b++ {
		block := u.images[b*u.sums()*blockWords : (b+1)*u.sums()*blockWords]
		var distance [2][blockWords]uint64
		for s, v := range query {
			axis := &distance[0]
			if s >= u.first {
				axis = &distance[1]
			}
			q := uint64(v)*lanes | top
			for w, x := range block[s*blockWords : (s+1)*blockWords] {
				// Bit 15 of a lane of d says whether the difference is at least 0; where it is not, the other bits are turned and 1 is added.
				d := q - x
				negative := ^d >> 15 & lanes
				axis[w] += (d&^top ^ (negative<<15 - negative)) + negative
			}
		}
		out := squares[b*blockImages : (b+1)*blockImages]
		for i := range out {
			x := int32(distance[0][i/4] >> (i % 4 * 16) & maxSum)
			y := int32(distance[1][i/4] >> (i % 4 * 16) & maxSum)
			out[i] = x*x + y*y
		}
	}
}
