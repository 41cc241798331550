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

	perCell float64 // steps of the rounded sums in a distance of a cell
	slack   float64 // steps that rounding can add to the hypotenuse of two distances between projections
}

// scale is the number of steps from 0 to 1 to which cumulative sums are rounded. A rounded sum is off by at most 1/2, a difference of two by 1,
// and a distance between projections by at most the number of their sums.
const scale = math.MaxUint16

func newAxes(g *grid, dx, dy int) axes {
	a := axes{
		first:   dx*(g.wide-1) + dy*(g.high-1),
		second:  dy*(g.wide-1) + dx*(g.high-1),
		perCell: scale * math.Hypot(float64(dx), float64(dy)),
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
	accumulate(sums[:a.first], first, int64(total))
	accumulate(sums[a.first:a.sums()], second, int64(total))
}

// accumulate writes the cumulative sums of masses as parts of total, rounded to steps of 1/scale.
func accumulate(sums []uint16, masses []int64, total int64) {
	sum := int64(0)
	for p := range sums {
		sum += masses[p]
		sums[p] = uint16((2*sum*scale + total) / (2 * total))
	}
}

// bound is the least distance, in cells, that two images with these rounded projections can have.
func (a *axes) bound(one, other []uint16) float64 {
	u := float64(metric.Manhattan(one[:a.first], other[:a.first]))
	v := float64(metric.Manhattan(one[a.first:], other[a.first:]))
	return (math.Sqrt(float64(u*u)+float64(v*v)) - a.slack) / a.perCell
}

// reach is the greatest sum of the two distances between rounded projections that images at most this distance apart, in cells, can have.
// A sum of two sides can be √2 times the hypotenuse, so this is weaker than bound, but a Manhattan distance.
func (a *axes) reach(distance float64) uint32 {
	return uint32(min(distance*a.perCell*math.Sqrt2+float64(a.sums()), math.MaxUint32))
}

// A view of a data set is its images' projections on one pair of axes.
type view struct {
	axes
	images []uint16 // (images, sums)
}

func newView(g *grid, dx, dy, images int) view {
	a := newAxes(g, dx, dy)
	return view{a, make([]uint16, images*a.sums())}
}

func (v *view) of(i int) []uint16 { return v.images[i*v.sums() : (i+1)*v.sums()] }
