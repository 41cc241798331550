package emd

import (
	"math"

	"imagesimilarity/pkg/metric"
)

// Projections on lines give lower bounds. A flow that takes one image to another moves its mass by
// vectors (x, y). It costs the mean of their lengths. That is at least the length of (mean of |x|,
// mean of |y|), since length is convex. And the mean of |x| is at least the distance between the
// two images projected on the first axis: the area between the cumulative sums of the projections.
// The same holds for any two axes at right angles.

// axes are two axes at right angles, the first along (dx, dy), the second along (-dy, dx), in
// columns and rows of cells. In steps of a cell divided by the length of (dx, dy), all cells lie at
// whole numbers on both.
type axes struct {
	// number of cumulative sums on each axis; that of the last cell is always 1 and left out
	first, second int
	// (cells): place of a cell on each axis, from 0 on
	onFirst, onSecond []int

	perCell float64 // steps of the rounded sums in a distance of a cell
	slack   float64 // steps that rounding can add to the hypotenuse of two projected distances
}

// scale is the number of steps from 0 to 1 to which cumulative sums are rounded. A rounded sum is
// off by at most 1/2, a difference of two by 1, and a distance between projections by at most the
// number of their sums.
const scale = math.MaxUint16

func newAxes(g *grid, dx, dy int) *axes {
	a := &axes{
		first:   dx*(g.wide-1) + dy*(g.high-1),
		second:  dy*(g.wide-1) + dx*(g.high-1),
		perCell: scale * length(dx, dy),
	}
	a.slack = length(a.first, a.second)
	for c := range g.cells {
		x, y := c%g.wide, c/g.wide
		a.onFirst = append(a.onFirst, dx*x+dy*y)
		a.onSecond = append(a.onSecond, dy*(g.wide-1-x)+dx*y)
	}
	return a
}

// length returns the length of a vector. Not by math.Hypot, which is computed differently on
// different processors.
func length(x, y int) float64 { return math.Sqrt(float64(x*x + y*y)) }

// sums returns the number of cumulative sums on both axes.
func (a *axes) sums() int { return a.first + a.second }

// project writes an image's cumulative sums, those on the first axis first. The image is not black.
// masses is a buffer of at least sums()+2.
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

// bound returns the least distance, in cells, that two images with these rounded projections can
// have.
func (a *axes) bound(one, other []uint16) float64 {
	u := float64(metric.Manhattan(one[:a.first], other[:a.first]))
	v := float64(metric.Manhattan(one[a.first:], other[a.first:]))
	return (math.Sqrt(float64(u*u)+float64(v*v)) - a.slack) / a.perCell
}

// reach returns the greatest Manhattan distance between the rounded projections of two images that
// are at most distance cells apart. It sums the distances on both axes. A sum of two sides can be
// √2 times the hypotenuse, so it excludes fewer images than bound.
func (a *axes) reach(distance float64) uint32 {
	return uint32(min(float64(distance*a.perCell*math.Sqrt2)+float64(a.sums()), math.MaxUint32))
}
