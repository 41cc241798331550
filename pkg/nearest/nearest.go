// Package nearest holds what searches for nearest neighbours share, whatever their distance: lists
// of neighbours in order, and the rules by which images in blocks make one data set.
package nearest

import (
	"math"
	"slices"
	"sort"
)

// Distance is the type of a distance. Distances are at least 0 and below math.MaxInt64.
type Distance interface{ int64 | float64 }

// A Neighbour is an image of the data set and its distance from a query.
type Neighbour[D Distance] struct {
	Index    int64 // of the image in the whole data set
	Distance D
}

// Before reports whether n is nearer than m. If both are equally near, the lower index comes first.
func (n Neighbour[D]) Before(m Neighbour[D]) bool {
	return n.Distance < m.Distance || n.Distance == m.Distance && n.Index < m.Index
}

// Compare returns -1 if n comes before m, 1 if m comes before n, and 0 if they are the same.
func (n Neighbour[D]) Compare(m Neighbour[D]) int {
	switch {
	case n.Before(m):
		return -1
	case m.Before(n):
		return 1
	}
	return 0
}

// Farthest returns a place holder that comes after every neighbour.
func Farthest[D Distance]() Neighbour[D] {
	return Neighbour[D]{math.MaxInt64, D(int64(math.MaxInt64))}
}

// Fill empties lists: it fills them with Farthest.
func Fill[D Distance](lists []Neighbour[D]) {
	for i := range lists {
		lists[i] = Farthest[D]()
	}
}

// Filled returns the neighbours of a list without the place holders behind them.
func Filled[D Distance](list []Neighbour[D]) []Neighbour[D] {
	n := sort.Search(len(list), func(i int) bool { return list[i] == Farthest[D]() })
	return list[:n]
}

// Insert puts n into the sorted list best, and the last neighbour drops out. It does nothing if n
// is in the list already or does not come before the last neighbour. So the list does not depend on
// the order of the insertions, nor on how often n comes.
func Insert[D Distance](best []Neighbour[D], n Neighbour[D]) {
	last := len(best) - 1
	if !n.Before(best[last]) {
		return
	}
	at := sort.Search(last, func(i int) bool { return n.Before(best[i]) })
	if at > 0 && best[at-1] == n {
		return
	}
	copy(best[at+1:], best[at:last])
	best[at] = n
}

// Merge returns the k nearest neighbours of several lists for one query, or all if they are fewer.
// A neighbour that stands in several lists counts once. If each list holds the k nearest images of
// a part of the data set, the result is the k nearest of the whole, however it was cut.
func Merge[D Distance](k int, lists ...[]Neighbour[D]) []Neighbour[D] {
	all := slices.Concat(lists...)
	slices.SortFunc(all, Neighbour[D].Compare)
	all = slices.Compact(all)
	return all[:max(0, min(k, len(all)))]
}
